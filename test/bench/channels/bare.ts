/** The client library alone, in a loop: what the engine's deliveries are compared with. */
import { randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { hear, read, tell } from '../talk.ts';
import { payload, type ChannelJob } from './job.ts';

type Source = ReturnType<typeof payload>;
/** Opens what one of the parallel loops needs; it sends one file. */
type Client = (job: ChannelJob) => Promise<(name: string, source: Source) => Promise<void>>;

const CLIENTS: Record<string, Client> = {
	/** As durable as the channel: synced under another name, then renamed. */
	file: ({ server }) =>
		Promise.resolve(async (name, source) => {
			const path = join(server['folder']!, name);
			const file = await open(`${path}.part`, 'wx');
			await file.writeFile(source);
			await file.sync();
			await file.close();
			await rename(`${path}.part`, path);
		}),
	async webhook({ server, parallel }) {
		const { Agent } = await import('undici');
		const agent = (shared ??= new Agent({ connections: parallel, pipelining: 1 }));
		return async (name, source) => {
			const { statusCode, body } = await (agent as InstanceType<typeof Agent>).request({
				origin: server['url']!,
				path: '/',
				method: 'POST',
				headers: { 'content-type': 'application/octet-stream', 'idempotency-key': name },
				body: source instanceof Uint8Array ? source : Readable.from(source, { objectMode: false }),
			});
			await body.dump();
			if (statusCode !== 200) throw new Error(`${statusCode}`);
		};
	},
};

let shared: unknown;

const lines = hear();
const job = await read<ChannelJob>(lines);
const client = CLIENTS[job.channel]!;
const senders = await Promise.all(
	Array.from({ length: Math.min(job.parallel, job.deliveries) }, () => client(job)),
);
tell({ ready: true });
await lines.next();
const began = performance.now();
let next = 0;
await Promise.all(
	senders.map(async (send) => {
		while (next++ < job.deliveries) {
			const mark = randomBytes(8).toString('hex');
			await send(`${mark}.bin`, payload(job, mark));
		}
	}),
);
tell({ milliseconds: performance.now() - began, delivered: job.deliveries });
process.exit(0);
