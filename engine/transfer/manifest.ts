import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { inputError } from '../contract/errors.ts';
import { SECTIONS } from '../stores/archive.port.ts';

/*
 * An export is a folder: a file of NDJSON for each kind of record, `blobs.ndjson` with the small results, a file for
 * each large one, and `export.json`, which is written last: without it the export is not whole.
 */
export const MANIFEST = 'export.json';
export const SMALL_BLOBS = 'blobs.ndjson';

const fileSchema = z.strictObject({
	records: z.number().int(),
	bytes: z.number().int(),
	/** Of the file. */
	sha256: z.string(),
});

const manifestSchema = z.strictObject({
	format: z.literal('capscheduler-export'),
	version: z.literal(1),
	id: z.string(),
	engine: z.string(),
	/** ISO 8601. */
	takenAt: z.iso.datetime(),
	/** Null: all. */
	tenants: z.array(z.string()).nullable(),
	/** `checksum`: of the records, whatever the order; see sums.ts. */
	sections: z.partialRecord(z.enum(SECTIONS), fileSchema.extend({ checksum: z.string() })),
	smallBlobs: fileSchema,
	largeBlobs: z.strictObject({ files: z.number().int(), bytes: z.number().int() }),
	/** Results whose bytes the store had lost. */
	missing: z.array(z.string()),
	/** The fingerprint of the key that the API keys hang on. */
	root: z.string(),
	/** Null: they were left out. */
	secrets: z
		.strictObject({
			kdf: z.strictObject({
				name: z.literal('scrypt'),
				N: z.number().int(),
				r: z.number().int(),
				p: z.number().int(),
				salt: z.string(),
			}),
			key: z.string(),
		})
		.nullable(),
	/** What has to be entered again, where secrets were left out. */
	leftOut: z.array(z.string()),
});
export type Manifest = z.output<typeof manifestSchema>;

/** @throws CapError INVALID_REQUEST for a folder that is no export, or not a whole one */
export async function readManifest(folder: string): Promise<Manifest> {
	const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => null);
	if (text === null) {
		throw inputError('INVALID_REQUEST', {
			path: folder,
			expected: `an export: a folder with ${MANIFEST}, which is written when all else is there`,
		});
	}
	const read = manifestSchema.safeParse(parsed(text));
	if (read.success) return read.data;
	const [issue] = read.error.issues;
	throw inputError('INVALID_REQUEST', {
		path: `${join(folder, MANIFEST)}: ${issue?.path.join('.') ?? ''}`,
		expected: `an export of version 1 (${issue?.message ?? 'another value'})`,
	});
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

export function blobFile(folder: string, sha256: string): string {
	return join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2));
}
