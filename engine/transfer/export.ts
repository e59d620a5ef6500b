import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CapError, inputError } from '../contract/errors.ts';
import type { BlobRef } from '../contract/result.ts';
import type { Sealed } from '../contract/sealed.ts';
import type { ArchiveReader, ArchiveRecords, Section } from '../stores/archive.port.ts';
import { SECTIONS } from '../stores/archive.port.ts';
import { hashFile, writeLines } from './line-file.ts';
import type { Manifest } from './manifest.ts';
import { blobFile, MANIFEST, SMALL_BLOBS } from './manifest.ts';
import { blobsOf, pagesOf, tenantOf } from './records.ts';
import { mapSealed } from './sealed.ts';
import { added } from './sums.ts';
import type { LeftOut } from './without-secrets.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface ExportOptions {
	folder: string;
	engine: string;
	/** ISO 8601. */
	takenAt: string;
	/** Undefined: all. */
	tenants?: readonly string[] | undefined;
	/** The fingerprint of the key that the API keys hang on. */
	root: string;
	/** How secrets go along; null: they are left out. */
	secrets: { reseal: (sealed: Sealed) => Sealed; locked: NonNullable<Manifest['secrets']> } | null;
	onProgress?: (section: Section, records: number) => void;
}

/** What is written of large results, and what was left out. */
interface Work {
	large: { files: number; bytes: number };
	missing: Set<string>;
	leftOut: LeftOut;
}

/**
 * Writes everything into a folder, as it was at one moment where the reader says so. Memory does not grow with the store.
 * Begun again after an interruption, records are read anew (they are of one moment), and large results that
 * are there already are not copied again.
 * @throws CapError INVALID_REQUEST when an export is there already
 */
export async function exportAll(reader: ArchiveReader, options: ExportOptions): Promise<Manifest> {
	const { folder, engine, takenAt, tenants, root, secrets } = options;
	await prepare(folder);
	const work: Work = {
		large: { files: 0, bytes: 0 },
		missing: new Set(),
		leftOut: { lines: [], bare: new Set(), at: Date.parse(takenAt) },
	};
	const sections: Manifest['sections'] = {};
	for (const section of SECTIONS) {
		let sum = added(undefined, section, []);
		const file = await writeLines(
			join(folder, `${section}.ndjson`),
			mapped(recordsOf(reader, section, { options, work }), (records) => {
				sum = added(sum, section, records);
				options.onProgress?.(section, sum.records);
			}),
		);
		sections[section] = { ...file, checksum: sum.checksum };
	}
	const smallBlobs = await writeLines(join(folder, SMALL_BLOBS), smallBlobsOf(reader, options));
	const manifest: Manifest = {
		format: 'capscheduler-export',
		version: 1,
		id: randomUUID(),
		engine,
		takenAt,
		tenants: tenants === undefined ? null : [...tenants],
		sections,
		smallBlobs,
		largeBlobs: work.large,
		missing: [...work.missing],
		root,
		secrets: secrets?.locked ?? null,
		leftOut: work.leftOut.lines,
	};
	const path = join(folder, MANIFEST);
	await writeFile(`${path}.new`, `${JSON.stringify(manifest, null, '\t')}\n`, { flush: true });
	await rename(`${path}.new`, path);
	return manifest;
}

async function prepare(folder: string): Promise<void> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	if ((await sizeOf(join(folder, MANIFEST))) === null) return;
	throw inputError('INVALID_REQUEST', {
		path: folder,
		expected: 'a folder without an export: one is there already, and whole',
	});
}

async function* mapped<T>(
	pages: AsyncIterable<T[]>,
	see: (page: T[]) => void,
): AsyncGenerator<T[]> {
	for await (const page of pages) {
		see(page);
		yield page;
	}
}

/** As they are written: of the tenants that are wanted, with secrets that the export's own key opens, or with none. */
async function* recordsOf<S extends Section>(
	reader: ArchiveReader,
	section: S,
	{ options, work }: { options: ExportOptions; work: Work },
): AsyncGenerator<ArchiveRecords[S][]> {
	const { tenants, secrets } = options;
	for await (const { items } of pagesOf(reader, section)) {
		const wanted = items.filter((record) => {
			const tenant = tenantOf(section, record);
			return tenants === undefined || tenant === null || tenants.includes(tenant);
		});
		await copyLarge(reader, blobsOf(section, wanted), { folder: options.folder, work });
		yield secrets === null
			? wanted.flatMap((record) => withoutSecrets(section, record, work.leftOut))
			: wanted.map((record) => mapSealed(section, record, secrets.reseal));
	}
}

/** Which sections have results, and so small ones. */
const WITH_BLOBS = ['results', 'artifacts', 'deliveries'] as const;
/** Hashes that were written lately: most that come twice come soon. */
const LATELY = 20_000;

async function* smallBlobsOf(
	reader: ArchiveReader,
	{ tenants }: ExportOptions,
): AsyncGenerator<{ sha256: string; size: number; base64: string }[]> {
	const written = new Set<string>();
	for (const section of WITH_BLOBS) {
		for await (const { items } of pagesOf(reader, section)) {
			const wanted = (items as { tenant: string }[]).filter(
				({ tenant }) => tenants?.includes(tenant) ?? true,
			);
			const refs = blobsOf(section, wanted as never).filter(({ sha256 }) => !written.has(sha256));
			const found = await reader.smallBlobs(refs);
			if (written.size > LATELY) written.clear();
			for (const { sha256 } of refs) if (found.has(sha256)) written.add(sha256);
			yield refs.flatMap(({ sha256, size }) => {
				const bytes = found.get(sha256);
				return bytes === undefined
					? []
					: [{ sha256, size, base64: Buffer.from(bytes).toString('base64') }];
			});
		}
	}
}

async function copyLarge(
	reader: ArchiveReader,
	refs: readonly BlobRef[],
	{ folder, work }: { folder: string; work: Work },
): Promise<void> {
	const small = refs.length === 0 ? new Map() : await reader.smallBlobs(refs);
	for (const ref of refs) {
		const path = blobFile(folder, ref.sha256);
		if (small.has(ref.sha256) || work.missing.has(ref.sha256)) continue;
		const there = await sizeOf(path);
		if (there === null && !(await copyOne(reader, ref, path))) {
			work.missing.add(ref.sha256);
			continue;
		}
		work.large.files += 1;
		work.large.bytes += ref.size;
	}
}

/** @returns false when the store has lost it */
async function copyOne(reader: ArchiveReader, ref: BlobRef, path: string): Promise<boolean> {
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	const file = await open(`${path}.new`, 'w', 0o600);
	try {
		for await (const chunk of reader.openBlob(ref)) await file.writeFile(chunk);
		await file.sync();
	} catch (error) {
		if (error instanceof CapError && error.code === 'NOT_FOUND') return false;
		throw error;
	} finally {
		await file.close();
	}
	if ((await hashFile(`${path}.new`)) !== ref.sha256) return false;
	await rename(`${path}.new`, path);
	return true;
}

async function sizeOf(path: string): Promise<number | null> {
	return stat(path).then(
		({ size }) => size,
		() => null,
	);
}
