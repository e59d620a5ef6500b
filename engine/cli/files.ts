import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { CliError, EXIT } from './exit.ts';
import { note, progress, sayJson } from './terminal.ts';

/* Files on their way to the engine and from it, never held in memory. */

const TYPES: Readonly<Record<string, string>> = {
	'.csv': 'text/csv',
	'.gz': 'application/gzip',
	'.html': 'text/html',
	'.json': 'application/json',
	'.jsonl': 'application/x-ndjson',
	'.ndjson': 'application/x-ndjson',
	'.parquet': 'application/vnd.apache.parquet',
	'.pdf': 'application/pdf',
	'.png': 'image/png',
	'.txt': 'text/plain',
	'.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
	'.xml': 'application/xml',
	'.zip': 'application/zip',
};

/** A file that is read as it is sent; `-` is standard input. */
export interface Sending {
	body: ReadableStream<Uint8Array>;
	contentType: string;
	/** Its name without folders; undefined for standard input. */
	name: string | undefined;
	/** Bytes read so far, and how many there are where that is known. */
	sent: () => number;
	size: number | undefined;
}

/** @throws CliError when it cannot be read */
export async function openFile(file: string, type: string | undefined): Promise<Sending> {
	const isInput = file === '-';
	const size = isInput ? undefined : await sizeOf(file);
	const source: Readable = isInput ? process.stdin : createReadStream(file);
	let sent = 0;
	source.on('data', (chunk: Buffer) => (sent += chunk.length));
	source.pause();
	return {
		body: Readable.toWeb(source) as ReadableStream<Uint8Array>,
		contentType:
			type ??
			(isInput
				? 'application/x-ndjson'
				: (TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream')),
		name: isInput ? undefined : basename(file),
		sent: () => sent,
		size,
	};
}

async function sizeOf(file: string): Promise<number> {
	try {
		const found = await stat(file);
		if (found.isFile()) return found.size;
	} catch (error) {
		throw new CliError(EXIT.usage, `cannot read ${file}: ${(error as Error).message}`);
	}
	throw new CliError(EXIT.usage, `cannot read ${file}: expected a file`);
}

/** The body of an answer, to standard output, or into a file of which the answer is told. */
export async function saveBody(
	{ body, headers }: Response,
	{ output, json }: { output: string | undefined; json: boolean },
): Promise<void> {
	if (body === null) throw new CliError(EXIT.refused, 'the answer has no body');
	const source = Readable.fromWeb(body);
	if (output === undefined) {
		await pipeline(source, process.stdout, { end: false });
		return;
	}
	const size = await saveFile(source, output);
	const contentType = headers.get('content-type');
	if (json) sayJson({ file: output, size, contentType });
	else note(`wrote ${output}, ${size} bytes`);
}

/** Under the final name only once it is whole. @returns its size */
async function saveFile(source: Readable, file: string): Promise<number> {
	const aside = `${file}.part`;
	let size = 0;
	const end = progress(() => `${file}: ${megabytes(size)} MB`);
	source.on('data', (chunk: Buffer) => (size += chunk.length));
	try {
		await pipeline(source, createWriteStream(aside));
		await rename(aside, file);
		return size;
	} catch (error) {
		await rm(aside, { force: true });
		throw new CliError(EXIT.failed, `cannot write ${file}: ${(error as Error).message}`);
	} finally {
		end();
	}
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
