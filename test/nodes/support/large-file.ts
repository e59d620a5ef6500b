/**
 * Runs the Format or the Deliver node on a large file, as n8n does with binary data in files, and tells on standard
 * output what came and how much memory it took. A program of its own: only so is the memory that of n8n and the node.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';

import { Container, core, engineAt, runNode } from './n8n.ts';

const [url = '', apiKey = '', node = '', megabytes = '1'] = process.argv.slice(2);
engineAt.url = url;
engineAt.apiKey = apiKey;

const service = Container.get(core['BinaryDataService']);
await service.init();

const LINE = `${JSON.stringify({ id: 1, note: 'lorem ipsum "dolor" sit amet, '.repeat(4) })}\n`;

/** A file in n8n's own storage. */
async function fileOf(bytes: number): Promise<object> {
	const chunk = Buffer.from(LINE.repeat(500));
	const source = Readable.from(
		(function* () {
			for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
		})(),
	);
	const place = { type: 'execution', workflowId: 'wf1', executionId: '17' };
	const about = { data: '', fileName: 'rows.ndjson', mimeType: 'application/octet-stream' };
	return service.store(place, source, about);
}

const memory = (name: 'VmRSS' | 'VmHWM'): number =>
	Number(
		new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1],
	) * 1024;

const PARAMETERS: Record<string, object> = {
	format: { binaryProperty: 'data' },
	deliver: {
		to: 'destination',
		destination: { __rl: true, mode: 'name', value: 'out' },
		when: 'always',
		fallback: [],
		wait: true,
		options: { maxWait: 120 },
	},
};

/** What the node gives for a file of this size. */
const give = async (bytes: number) => {
	const [item] = await runNode({
		node,
		parameters: {
			...{ source: 'binary', inputBinary: 'data', format: 'csv', fileName: '' },
			...{ optionsMode: 'json', formatOptionsJson: '{}' },
			...PARAMETERS[node],
		},
		items: [{ json: {}, binary: { data: await fileOf(bytes) } }] as never,
	});
	return item;
};

await give(1_000_000);
const before = memory('VmRSS');
const made = await give(Number(megabytes) * 1e6);
const growth = memory('VmHWM') - before;

/** Of the file that the node gave; of what it sent, by the receipt. */
async function facts(): Promise<object> {
	const id = made?.binary?.['data']?.id;
	const [delivery] = (made?.json['deliveries'] ?? []) as { state: string; receipt: any }[];
	if (id === undefined) {
		return { size: delivery?.receipt?.size, sha256: delivery?.receipt?.sha256 };
	}
	const hash = createHash('sha256');
	let size = 0;
	for await (const part of (await service.getAsStream(id)) as AsyncIterable<Buffer>) {
		hash.update(part);
		size += part.length;
	}
	return { size, sha256: hash.digest('hex') };
}

process.stdout.write(`${JSON.stringify({ growth, ...(await facts()), mode: service.mode })}\n`);
