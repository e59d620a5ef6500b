import { randomBytes } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { ProbeContext } from '../channel.port.ts';
import { createDeadline } from './deadline.ts';
import type { FileConnection, FileServer, FileServerSettings } from './file-server.port.ts';
import { parcelOfProbe, probeFile, runProbe } from './probe.ts';
import type { ProbeRun } from './probe.ts';
import { placeFile } from './remote-files.ts';
import { collect } from './source.ts';

const TIME = 60_000;

/** Goes the way of a delivery: login, temporary file, name; reads it back and removes it. */
export async function probeFiles<S extends FileServerSettings>(
	settings: S,
	about: { server: FileServer<S>; clock: Clock; context: ProbeContext },
): Promise<void> {
	const { server, clock, context } = about;
	const deadline = createDeadline(clock, { signal: context.signal, timeout: TIME, silence: TIME });
	const { signal } = deadline;
	let connection: FileConnection | undefined;
	await runProbe(
		async ({ step }) => {
			await step('dns', async () => {
				const count = await server.addresses(settings);
				return { value: undefined, detail: count === 1 ? '1 address' : `${count} addresses` };
			});
			connection = await server.open(settings, {
				signal,
				onProgress: deadline.progress,
				step: async (name, act) => step(name, async () => ({ value: await act() })),
			});
			await tryFolder(connection, { server, settings, deadline, step });
		},
		{ clock, context, explain: (error) => server.explain(error, settings) },
	).finally(() => {
		deadline.end();
		connection?.close();
	});
}

async function tryFolder(
	connection: FileConnection,
	about: {
		server: { temporary?: string };
		settings: FileServerSettings;
		deadline: ReturnType<typeof createDeadline>;
		step: ProbeRun['step'];
	},
): Promise<void> {
	const { server, settings, deadline, step } = about;
	const { name, bytes, contentType } = probeFile(randomBytes(4).toString('hex'));
	const parcel = parcelOfProbe({ name, bytes, contentType });
	const { folder, mkdir } = settings;
	const path = await step('write', async () => {
		const { temporary = 'part' } = server;
		const what = { filename: name, temporary, overwrite: 'refuse', verify: 'size' } as const;
		const plan = { folder, mkdir, ...what };
		const work = { deadline, attempt: 1, onBegin: () => undefined };
		const placed = await placeFile(connection, parcel, { plan, work });
		return { value: placed.path, detail: `${placed.path}, ${bytes.length} bytes` };
	});
	try {
		await step('read', async () => {
			const there = await collect(connection.read(path, 0));
			if (Buffer.compare(there, bytes) !== 0) {
				throw new CapError('TARGET_FAULT', 'other bytes were read than had been written');
			}
			return { value: undefined, detail: 'the same bytes' };
		});
	} finally {
		await step('delete', async () => {
			await connection.remove(path);
			return { value: undefined };
		});
	}
}
