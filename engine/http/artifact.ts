import type { Request, Response } from 'express';

import { CapError } from '../contract/errors.ts';
import type { OpenedArtifact } from '../pipeline/pull.ts';
import type { ByteRange } from '../stores/blob.port.ts';
import { ANSWERED } from './route.ts';

/** What a browser may do with a file that a capability made: save it. */
export const FILE_POLICY = "default-src 'none'; sandbox";

/**
 * Answers with a file: whole, one range of it, or only its headers (RFC 9110).
 * @param open gets the file; with `use` it counts as a download. Only answers with bytes count
 */
export async function sendArtifact(
	{ request, response }: { request: Request; response: Response },
	open: (use: boolean) => Promise<OpenedArtifact>,
): Promise<typeof ANSWERED> {
	response.setHeader('content-security-policy', FILE_POLICY);
	const reads = request.method === 'GET';
	const conditional = request.headers['if-none-match'] ?? request.headers.range;
	// looks first, so that an answer without bytes costs no use
	const first = await open(reads && conditional === undefined);
	if (isKnown(request, first)) {
		describe(response, first);
		response.status(304).end();
		return ANSWERED;
	}
	const range = reads ? wantedRange(request, first) : undefined;
	if (range === 'unsatisfiable') {
		response.setHeader('content-range', `bytes */${first.size}`);
		throw new CapError(
			'RANGE_NOT_SATISFIABLE',
			`header Range: expected a range within ${first.size} bytes`,
		);
	}
	const artifact = reads && conditional !== undefined ? await open(true) : first;
	await sendBytes(response, artifact, { range, reads });
	return ANSWERED;
}

async function sendBytes(
	response: Response,
	artifact: OpenedArtifact,
	{ range, reads }: { range: ByteRange | undefined; reads: boolean },
): Promise<void> {
	describe(response, artifact);
	response.setHeader(
		'content-type',
		plainHeader(artifact.contentType) ?? 'application/octet-stream',
	);
	response.setHeader('content-disposition', attachment(artifact.filename));
	response.setHeader(
		'content-length',
		range === undefined ? artifact.size : range.end - range.start + 1,
	);
	if (range !== undefined) {
		response.setHeader('content-range', `bytes ${range.start}-${range.end}/${artifact.size}`);
		response.statusCode = 206;
	}
	if (!reads) {
		response.end();
		return;
	}
	try {
		for await (const piece of artifact.lend(range)) await written(response, piece);
	} catch (error) {
		// headers go with the first bytes: what tells of the file would be wrong of the problem
		if (!response.headersSent) for (const name of OF_THE_FILE) response.removeHeader(name);
		throw error;
	}
	response.end();
}

const OF_THE_FILE = ['content-length', 'content-range', 'etag', 'accept-ranges'];

/** Resolves when the system has it all; a client that is gone is an error. */
function written(response: Response, piece: Uint8Array): Promise<void> {
	return new Promise((resolve, reject) => {
		const leave = (): void => {
			reject(new Error('the client closed the connection'));
		};
		if (response.closed) {
			leave();
			return;
		}
		response.once('close', leave);
		response.write(piece, (error) => {
			response.off('close', leave);
			if (error == null) resolve();
			else reject(error);
		});
	});
}

function describe(response: Response, artifact: OpenedArtifact): void {
	response.setHeader('etag', `"${artifact.sha256}"`);
	response.setHeader('accept-ranges', 'bytes');
}

function isKnown(request: Request, { sha256 }: OpenedArtifact): boolean {
	const sent = request.headers['if-none-match'];
	if (sent === undefined) return false;
	return (
		sent.trim() === '*' ||
		sent.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${sha256}"`)
	);
}

/** One range; several, or a form that is not understood, mean the whole file, as RFC 9110 allows. */
function wantedRange(
	request: Request,
	{ size, sha256 }: OpenedArtifact,
): ByteRange | 'unsatisfiable' | undefined {
	const ifRange = request.headers['if-range'];
	if (ifRange !== undefined && ifRange !== `"${sha256}"`) return undefined;
	const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(request.headers.range ?? '');
	if (match === null) return undefined;
	const [, first = '', last = ''] = match;
	if (first === '' && last === '') return undefined;
	if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
	const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
	const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
	return start > end ? 'unsatisfiable' : { start, end };
}

/** RFC 6266: a name in ASCII for old clients, and the exact one. */
export function attachment(filename: string): string {
	const ascii = filename.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
	const exact = encodeURIComponent(filename.toWellFormed()).replaceAll(
		/['()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
	const plain = `attachment; filename="${ascii}"`;
	return ascii === filename ? plain : `${plain}; filename*=UTF-8''${exact}`;
}

/** Undefined for what no header can carry. */
export const plainHeader = (value: string): string | undefined =>
	/^[\x20-\x7e]{1,200}$/.test(value) ? value : undefined;
