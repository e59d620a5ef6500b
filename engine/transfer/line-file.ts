import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** Writes a file of NDJSON, and tells what it came to. */
export async function writeLines(
	path: string,
	lines: AsyncIterable<readonly unknown[]>,
): Promise<{ records: number; bytes: number; sha256: string }> {
	const hash = createHash('sha256');
	const file = await open(path, 'w', 0o600);
	let [records, bytes] = [0, 0];
	try {
		for await (const page of lines) {
			if (page.length === 0) continue;
			const text = page.map((record) => `${JSON.stringify(record)}\n`).join('');
			hash.update(text);
			records += page.length;
			// all of it or an error: `write` may stop half way on a disk that is nearly full
			await file.writeFile(text);
			bytes += Buffer.byteLength(text);
		}
		await file.sync();
	} finally {
		await file.close();
	}
	return { records, bytes, sha256: hash.digest('hex') };
}

/** The records of a file from one on, in pages. */
export async function* readLines<T>(path: string, from: number, page: number): AsyncGenerator<T[]> {
	const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
	let at = 0;
	let records: T[] = [];
	for await (const line of lines) {
		if (at++ < from) continue;
		records.push(JSON.parse(line) as T);
		if (records.length < page) continue;
		yield records;
		records = [];
	}
	if (records.length > 0) yield records;
}

export async function hashFile(path: string): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
	return hash.digest('hex');
}
