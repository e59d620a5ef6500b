import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import {
	createBrotliDecompress,
	createGunzip,
	createInflate,
	createZstdDecompress,
} from 'node:zlib';

import { CapError } from '../../contract/errors.ts';
import type { SessionCall } from '../session.port.ts';
import { tooLarge } from '../shared/failure.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
	gzip: createGunzip,
	'x-gzip': createGunzip,
	deflate: createInflate,
	br: createBrotliDecompress,
	zstd: createZstdDecompress,
};
const MAX_CODINGS = 3;

/** The codings of a Content-Encoding header, outermost last; empty when the body is plain. */
export function codingsOf(header: string | undefined): string[] {
	if (header === undefined) return [];
	const codings = header.split(',').map((coding) => coding.trim().toLowerCase());
	return codings.filter((coding) => coding !== '' && coding !== 'identity');
}

/**
 * Undoes the codings of a body. What comes out is limited elsewhere, byte by byte as it is inflated.
 * @throws CapError TARGET_PROTOCOL for a coding that nobody asked for or bytes that are none of it
 */
export function decoded(
	source: AsyncIterable<Buffer>,
	codings: readonly string[],
): AsyncIterable<Buffer> {
	if (codings.length > MAX_CODINGS) throw badCoding(codings.join(', '));
	return codings.reduceRight((body, coding) => {
		const create = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
		if (create === undefined) throw badCoding(coding);
		return throughDecoder(body, create(), coding);
	}, source);
}

async function* throughDecoder(
	source: AsyncIterable<Buffer>,
	decoder: Transform,
	coding: string,
): AsyncGenerator<Buffer> {
	const input = Readable.from(source, { objectMode: false });
	let broken: unknown;
	input.once('error', (error) => {
		broken = error;
		decoder.destroy(error);
	});
	input.pipe(decoder);
	try {
		for await (const chunk of decoder) yield chunk as Buffer;
	} catch (error) {
		if (broken !== undefined) throw broken as Error;
		throw new CapError('TARGET_PROTOCOL', `the body is no valid ${coding}`, { cause: error });
	} finally {
		input.destroy();
		decoder.destroy();
	}
}

function badCoding(coding: string): CapError {
	return new CapError(
		'TARGET_PROTOCOL',
		`Content-Encoding: expected gzip, br, zstd or deflate, got ${coding}`,
	);
}

/** @throws CapError RESULT_TOO_LARGE, CANCELLED */
export async function* limited(
	source: AsyncIterable<Buffer>,
	{
		maxResultBytes,
		signal,
	}: Pick<SessionCall, 'maxResultBytes'> & Partial<Pick<SessionCall, 'signal'>>,
): AsyncGenerator<Buffer> {
	let left = maxResultBytes;
	for await (const chunk of source) {
		left -= chunk.length;
		if (left < 0) throw tooLarge(maxResultBytes);
		if (signal?.aborted === true) throw new CapError('CANCELLED', 'the attempt was cancelled');
		yield chunk;
	}
}
