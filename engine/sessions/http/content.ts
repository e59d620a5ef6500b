import { posix } from 'node:path';

import type { ResultEncoding } from '../../contract/result.ts';
import { cleanText } from '../shared/failure.ts';

const DEFAULT_TYPE: Readonly<Record<ResultEncoding, string>> = {
	ndjson: 'application/x-ndjson',
	json: 'application/json',
	csv: 'text/csv',
	bytes: 'application/octet-stream',
};

export interface ContentKind {
	encoding: ResultEncoding;
	contentType: string;
	/** Lower case; undefined when the other side named none. */
	charset: string | undefined;
}

/** How a body with this Content-Type is kept. */
export function kindOf(header: string | undefined): ContentKind {
	const [essence = ''] = (header ?? '').split(';');
	const type = essence.trim().toLowerCase();
	const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(header ?? '')?.[1]?.toLowerCase();
	const encoding = encodingOf(type);
	const shown = encoding === 'bytes' ? cleanText(header ?? '', 200) : '';
	return { encoding, contentType: shown === '' ? DEFAULT_TYPE[encoding] : shown, charset };
}

function encodingOf(type: string): ResultEncoding {
	if (/^application\/(?:x-)?(?:ndjson|jsonl|json-lines|jsonlines)$/.test(type)) return 'ndjson';
	if (/^(?:application|text)\/(?:[\w.+-]+\+)?json$/.test(type)) return 'json';
	return type === 'text/csv' ? 'csv' : 'bytes';
}

/** The file name of a Content-Disposition (RFC 6266), without folders; undefined when there is none. */
export function filenameOf(header: string | string[] | undefined): string | undefined {
	if (typeof header !== 'string') return undefined;
	const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
	const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header);
	const name = decodeExtended(extended) ?? plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2];
	if (name === undefined) return undefined;
	const cleaned = cleanText(posix.basename(name.replaceAll('\\', '/')), 200);
	return cleaned === '' || cleaned === '.' || cleaned === '..' ? undefined : cleaned;
}

function decodeExtended(text: string | undefined): string | undefined {
	if (text === undefined) return undefined;
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined; // wrongly encoded: the plain form serves, if there is one
	}
}
