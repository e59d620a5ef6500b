/**
 * Runs the Format node on a large file, as n8n does with binary data in files, and tells on standard output what
 * came and how much memory it took. A program of its own: only so is the memory that of n8n and the node.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';

import { Container, core, engineAt, runNode } from './n8n.ts';

const [url = '', apiKey = '', megabytes = '1'] = process.argv.slice(2);
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

const format = async (bytes: number) => {
	const [item] = await runNode({
		node: 'format',
		parameters: {
			source: 'binary',
			inputBinary: 'data',
			format: 'csv',
			optionsMode: 'json',
			formatOptionsJson: '{}',
			fileName: '',
			binaryProperty: 'data',
		},
		items: [{ json: {}, binary: { data: await fileOf(bytes) } }] as never,
	});
	return item?.binary?.['data'];
};

await format(1_000_000);
const before = memory('VmRSS');
const made = await format(Number(megabytes) * 1e6);
const growth = memory('VmHWM') - before;

const hash = createHash('sha256');
let size = 0;
for await (const part of (await service.getAsStream(made?.id ?? '')) as AsyncIterable<Buffer>) {
	hash.update(part);
	size += part.length;
}
process.stdout.write(
	`${JSON.stringify({ growth, size, sha256: hash.digest('hex'), mode: service.mode })}\n`,
);
