import type { Request, Response } from 'express';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';

import { CapError } from '../contract/errors.ts';
import type { JsonValue } from '../contract/json.ts';
import { parseInput } from '../contract/zod-issues.ts';
import type { FormattedFile, Upload } from '../pipeline/uploads.ts';
import { attachment, FILE_POLICY, plainHeader } from './artifact.ts';
import { streamBody } from './body.ts';
import { ANSWERED } from './route.ts';
import { parseStrictJson } from './strict-json.ts';

/* What comes in beside a JSON body, and what goes out while it is being made. */

export function uploadOf(request: Request): Upload {
	return { contentType: request.headers['content-type'], source: streamBody(request) };
}

/**
 * JSON in a header or in the query.
 * @param text as Node gives it; the bytes of a header are read as UTF-8
 * @throws CapError as for a body, naming the place
 */
export function parseJsonAt(place: string, text: string | Uint8Array): JsonValue {
	try {
		return parseStrictJson(typeof text === 'string' ? Buffer.from(text) : text);
	} catch (error) {
		throw moved(error, place);
	}
}

function moved(error: unknown, place: string): unknown {
	if (!(error instanceof CapError)) return error;
	const from = /^body\b/;
	const issues = error.issues.map((issue) => ({ ...issue, path: issue.path.replace(from, place) }));
	return new CapError(error.code, error.message.replace(from, place), { issues });
}

/**
 * The JSON of a header that may be missing, checked.
 * @throws CapError as for a body, naming the header where it is wrong as a whole
 */
export function headerInput<S extends z.ZodType>(
	request: Request,
	name: string,
	schema: S,
): z.output<S> {
	const place = `header ${name}`;
	const sent = request.headers[name];
	// Node reads the bytes of headers as Latin-1
	const given = sent === undefined ? {} : parseJsonAt(place, Buffer.from(String(sent), 'latin1'));
	try {
		return parseInput(schema, given);
	} catch (error) {
		throw moved(error, place);
	}
}

/**
 * Codes that tell how an attempt ended become answers to the one who caused them.
 * @param what the body should have been: `result`
 */
export function asAnswer(
	error: unknown,
	{ maxBytes, what }: { maxBytes: number; what: string },
): unknown {
	if (!(error instanceof CapError)) return error;
	if (error.code === 'RESULT_TOO_LARGE') {
		return new CapError('BODY_TOO_LARGE', `body: expected a ${what} of at most ${maxBytes} bytes`, {
			cause: error,
		});
	}
	if (error.code === 'RESULT_INVALID') {
		return new CapError('INVALID_REQUEST', error.message, { issues: error.issues, cause: error });
	}
	return error;
}

/** What the file does not show is known at its end only: `[]` for nothing. */
export const NOTICES_TRAILER = 'capscheduler-notices';
const MOST_TOLD = 20;

const inAscii = (text: string): string =>
	text.replaceAll(
		/[\u0080-\uffff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);

/**
 * Answers with a file as it is made. Nothing is sent before its first byte is there, so what cannot be made is a
 * problem like any other; what breaks later breaks the connection: a file never ends early and looks whole.
 */
export async function sendMade(response: Response, file: FormattedFile): Promise<typeof ANSWERED> {
	try {
		const bytes = file.bytes[Symbol.asyncIterator]();
		const first = await bytes.next();
		response.setHeader('content-security-policy', FILE_POLICY);
		response.setHeader('content-type', plainHeader(file.contentType) ?? 'application/octet-stream');
		response.setHeader('content-disposition', attachment(file.filename));
		response.setHeader('trailer', NOTICES_TRAILER);
		const tell = (): void => {
			const told = JSON.stringify(file.notices.slice(0, MOST_TOLD));
			response.addTrailers({ [NOTICES_TRAILER]: inAscii(told) });
		};
		await pipeline(continued(first, bytes, tell), response);
		return ANSWERED;
	} finally {
		await file.close();
	}
}

async function* continued(
	first: IteratorResult<Uint8Array>,
	rest: AsyncIterator<Uint8Array>,
	done: () => void,
): AsyncGenerator<Uint8Array> {
	try {
		for (let item = first; item.done !== true; item = await rest.next()) yield item.value;
		done();
	} finally {
		await rest.return?.();
	}
}
