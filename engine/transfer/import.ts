import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { CapError, inputError } from '../contract/errors.ts';
import type { Sealed } from '../contract/sealed.ts';
import type { Instant } from '../contract/time.ts';
import type { ArchiveRecords, Section } from '../stores/archive.port.ts';
import { SECTIONS } from '../stores/archive.port.ts';
import type { Store } from '../stores/store.port.ts';
import type { FillReport, OnProgress, Source } from './fill.ts';
import { fill, finishFilling } from './fill.ts';
import { hashFile, readLines } from './line-file.ts';
import type { Manifest } from './manifest.ts';
import { blobFile, SMALL_BLOBS } from './manifest.ts';
import { PAGE } from './records.ts';
import { mapSealed } from './sealed.ts';
import type { Sums } from './sums.ts';
import { differences } from './sums.ts';

export interface ImportOptions {
	folder: string;
	now: Instant;
	/** Puts secrets under the active key of the store. */
	reseal: (sealed: Sealed) => Sealed;
	/** The fingerprint of the key that API keys hang on here. */
	root: string;
	onProgress?: OnProgress;
}

/**
 * Fills an empty store from an export. Every file is compared with what the export says of it before anything is
 * written; interrupted, it goes on where it was.
 * @throws CapError INVALID_REQUEST for files that are not those that were written, CONFLICT for a store that holds something
 */
export async function importAll(
	store: Store,
	manifest: Manifest,
	options: ImportOptions,
): Promise<FillReport & { keysLeftOut: number }> {
	const { folder, now, root } = options;
	await checkFiles(folder, manifest);
	const keys = root === manifest.root ? 0 : (manifest.sections.keys?.records ?? 0);
	const report = await fill(store, sourceOf(manifest, options), {
		now,
		what: `an import of ${folder}`,
		...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
	});
	const expected: Sums = { ...manifest.sections };
	const got: Sums = { ...report.sums };
	if (keys > 0) {
		Reflect.deleteProperty(expected, 'keys');
		Reflect.deleteProperty(got, 'keys');
	}
	const differing = differences(expected, got);
	if (differing.length > 0) {
		throw new CapError(
			'CONFLICT',
			`what arrived is not what was exported: ${differing.join('; ')}`,
		);
	}
	await finishFilling(store);
	return { ...report, keysLeftOut: keys };
}

function sourceOf(manifest: Manifest, { folder, reseal, root }: ImportOptions): Source {
	return {
		id: manifest.id,
		async prepare(store) {
			const lines = readLines<{ sha256: string; size: number; base64: string }>(
				join(folder, SMALL_BLOBS),
				0,
				PAGE,
			);
			for await (const page of lines) {
				await store.archive.writeSmallBlobs(
					page.map(({ sha256, size, base64 }) => {
						return { ref: { sha256, size }, bytes: Buffer.from(base64, 'base64') };
					}),
				);
			}
		},
		async *pages<S extends Section>(section: S, after: string | null) {
			// their hashes would be those of other keys
			if (section === 'keys' && root !== manifest.root) return;
			let at = Number(after ?? 0);
			const path = join(folder, `${section}.ndjson`);
			for await (const records of readLines<ArchiveRecords[S]>(path, at, PAGE)) {
				at += records.length;
				const items = records.map((record) => mapSealed(section, record, reseal));
				yield { items, next: String(at) };
			}
		},
		smallBlobs: () => Promise.resolve(new Map()),
		async *openBlob({ sha256 }) {
			const path = blobFile(folder, sha256);
			if ((await stat(path).catch(() => null)) === null) {
				throw new CapError('NOT_FOUND', `${path} is not there`);
			}
			yield* createReadStream(path) as AsyncIterable<Uint8Array>;
		},
	};
}

async function checkFiles(folder: string, manifest: Manifest): Promise<void> {
	const files = SECTIONS.map((section) => ({
		name: `${section}.ndjson`,
		sha256: manifest.sections[section]?.sha256,
	}));
	for (const { name, sha256 } of [
		...files,
		{ name: SMALL_BLOBS, sha256: manifest.smallBlobs.sha256 },
	]) {
		const got = await hashFile(join(folder, name)).catch(() => 'none');
		if (got === sha256) continue;
		throw inputError('INVALID_REQUEST', {
			path: join(folder, name),
			expected: `the file that was exported (sha256 ${sha256 ?? 'none'})`,
			received: got,
		});
	}
}
