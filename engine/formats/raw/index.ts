import { z } from 'zod';

import type { Format } from '../format.port.ts';

const rawOptionsSchema = z.strictObject({});

const UNKNOWN = 'bin';
const EXTENSIONS: ReadonlyMap<string, string> = new Map([
	['application/gzip', 'gz'],
	['application/json', 'json'],
	['application/pdf', 'pdf'],
	['application/vnd.apache.parquet', 'parquet'],
	['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
	['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
	['application/x-ndjson', 'ndjson'],
	['application/xml', 'xml'],
	['application/zip', 'zip'],
	['audio/mpeg', 'mp3'],
	['image/gif', 'gif'],
	['image/jpeg', 'jpg'],
	['image/png', 'png'],
	['image/svg+xml', 'svg'],
	['image/webp', 'webp'],
	['text/csv', 'csv'],
	['text/html', 'html'],
	['text/markdown', 'md'],
	['text/plain', 'txt'],
	['text/xml', 'xml'],
	['video/mp4', 'mp4'],
]);

/** The bytes as the capability sent them, with their own media type. */
export function createRawFormat(): Format {
	return {
		name: 'raw',
		title: 'As it came',
		contentType: 'application/octet-stream',
		extension: UNKNOWN,
		abilities: { rows: true, binary: true, tables: 'untouched' },
		limits: {},
		options: rawOptionsSchema,
		describe({ contentType }) {
			const mediaType = (contentType.split(';')[0] ?? '').trim().toLowerCase();
			return { contentType, extension: EXTENSIONS.get(mediaType) ?? UNKNOWN };
		},
		render: (input) => input.bytes(),
	};
}
