import { createHash } from 'node:crypto';

import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { BlobRef } from '../contract/result.ts';
import type { Instant } from '../contract/time.ts';
import type { Filling } from '../pipeline/standing.ts';
import { readStanding, removeStanding, STANDING, writeStanding } from '../pipeline/standing.ts';
import type { ArchiveRecords, Section } from '../stores/archive.port.ts';
import { SECTIONS } from '../stores/archive.port.ts';
import type { Store } from '../stores/store.port.ts';
import { blobsOf, pagesOf } from './records.ts';
import { added, differences } from './sums.ts';
import type { Sums } from './sums.ts';

/** Where records come from: another store, or the files of an export. */
export interface Source {
	/** The same for the same contents: who goes on must go on with these. */
	readonly id: string;
	/** What comes before records. */
	prepare?(store: Store): Promise<void>;
	/** From a place on; a place is one that `next` gave. */
	pages<S extends Section>(
		section: S,
		after: string | null,
	): AsyncIterable<{ items: ArchiveRecords[S][]; next: string | null }>;
	/** Small ones; what is left out is large, or not there. */
	smallBlobs(refs: readonly BlobRef[]): Promise<Map<string, Uint8Array>>;
	/** @throws CapError NOT_FOUND */
	openBlob(ref: BlobRef): AsyncIterable<Uint8Array>;
}

/** Tells what is being done, and how many records of the section are through. */
export type OnProgress = (
	doing: 'copying' | 'verifying',
	section: Section,
	records: number,
) => void;

export interface FillReport {
	sums: Sums;
	/** Bytes that the source has lost: hashes. */
	missing: string[];
	/** Whether an earlier attempt was gone on with. */
	resumed: boolean;
}

/** How far it is, kept in the store that is filled. */
interface Progress extends Filling {
	id: string;
	/** Index in SECTIONS. */
	section: number;
	after: string | null;
	sums: Sums;
	missing: string[];
}

/**
 * Fills a store. Each page is written under the keys of its records, then the place is noted: who is interrupted goes
 * on from there, and what was written twice is there once. Until all is there and compared, no engine starts on it.
 * @throws CapError CONFLICT when the store holds something, or something else was begun
 */
export async function fill(
	store: Store,
	source: Source,
	options: { what: string; now: Instant; onProgress?: OnProgress },
): Promise<FillReport> {
	const { onProgress = () => undefined } = options;
	const begun = await begin(store, source.id, options);
	const { progress } = begun;
	const note = async (): Promise<void> => {
		await writeStanding(store, STANDING.filling, progress as unknown as JsonObject);
	};
	await note();
	await source.prepare?.(store);
	for (; progress.section < SECTIONS.length; progress.section++, progress.after = null) {
		const section = SECTIONS[progress.section]!;
		await fillSection(store, source, { section, progress, note, onProgress });
	}
	await note();
	await store.archive.rebuild();
	while ((await store.healTimers(HEALED)) > 0);
	await verify(store, progress, onProgress);
	return { sums: progress.sums, missing: progress.missing, resumed: begun.resumed };
}

/** Takes the mark away that keeps engines out. */
export async function finishFilling(store: Store): Promise<void> {
	await removeStanding(store, STANDING.filling);
}

const HEALED = 10_000;

async function begin(
	store: Store,
	id: string,
	{ what, now }: { what: string; now: Instant },
): Promise<{ progress: Progress; resumed: boolean }> {
	const found = await readStanding(store, STANDING.filling);
	if (found !== null) {
		const progress = found.value as unknown as Progress;
		if (progress.id === id) return { progress, resumed: true };
		throw conflict(
			`it is half filled by ${progress.what}, and not by this; begin with an empty one`,
		);
	}
	await checkEmpty(store);
	const progress = { id, what, startedAt: now, section: 0, after: null, sums: {}, missing: [] };
	return { progress, resumed: false };
}

/** What a first start puts there (a key, and that it was made) does no harm. */
async function checkEmpty(store: Store): Promise<void> {
	const reader = await store.archive.reader();
	try {
		for (const section of SECTIONS) {
			if (section === 'keys' || section === 'events') continue;
			for await (const { items } of pagesOf(reader, section)) {
				if (items.length > 0) throw conflict(`expected an empty store, got one with ${section}`);
			}
		}
	} finally {
		await reader.close();
	}
}

async function fillSection<S extends Section>(
	store: Store,
	source: Source,
	work: { section: S; progress: Progress; note: () => Promise<void>; onProgress: OnProgress },
): Promise<void> {
	const { section, progress, note, onProgress } = work;
	if (section === 'events') {
		// They have numbers in the order in which they are written, so this section is written in one go.
		await store.archive.clear(section);
		progress.after = null;
		Reflect.deleteProperty(progress.sums, section);
	}
	for await (const { items, next } of source.pages(section, progress.after)) {
		await carryBlobs(store, source, blobsOf(section, items), progress.missing);
		if (items.length > 0) await store.archive.writeRecords(section, items);
		progress.sums[section] = added(progress.sums[section], section, items);
		progress.after = next;
		onProgress('copying', section, progress.sums[section].records);
		if (next === null) return;
		await note();
	}
}

async function carryBlobs(
	store: Store,
	source: Source,
	refs: readonly BlobRef[],
	missing: string[],
): Promise<void> {
	if (refs.length === 0) return;
	const lacking = await store.archive.lackingBlobs(refs);
	const small = await source.smallBlobs(lacking);
	const bytes = lacking.flatMap((ref) => {
		const found = small.get(ref.sha256);
		return found === undefined ? [] : [{ ref, bytes: found }];
	});
	for (const one of bytes)
		checkBytes(one.ref, createHash('sha256').update(one.bytes).digest('hex'));
	if (bytes.length > 0) await store.archive.writeSmallBlobs(bytes);
	for (const ref of lacking) {
		if (small.has(ref.sha256)) continue;
		if (!(await carryLarge(store, source, ref))) missing.push(ref.sha256);
	}
}

/** @returns false when the source has lost it */
async function carryLarge(store: Store, source: Source, ref: BlobRef): Promise<boolean> {
	try {
		const staged = await store.blobs.stage(source.openBlob(ref), { maxBytes: ref.size });
		checkBytes(ref, staged.ref.sha256);
		if (staged.inline === null) await store.archive.keepStaged(ref);
		else await store.archive.writeSmallBlobs([{ ref, bytes: staged.inline }]);
		return true;
	} catch (error) {
		if (error instanceof CapError && error.code === 'NOT_FOUND') return false;
		throw error;
	}
}

function checkBytes({ sha256 }: BlobRef, got: string): void {
	if (got === sha256) return;
	throw new CapError('CONFLICT', `bytes of a result: expected the sha256 ${sha256}, got ${got}`);
}

/** Reads back what was written, and compares. */
async function verify(store: Store, progress: Progress, onProgress: OnProgress): Promise<void> {
	const { sums, missing } = progress;
	const there: Sums = {};
	const lost = new Set(missing);
	const reader = await store.archive.reader();
	try {
		for (const section of SECTIONS) {
			// A key that the store had before may stand beside those that came.
			if (section === 'keys') continue;
			for await (const { items } of pagesOf(reader, section)) {
				there[section] = added(there[section], section, items);
				const lacking = await store.archive.lackingBlobs(blobsOf(section, items));
				const [bad] = lacking.filter(({ sha256 }) => !lost.has(sha256));
				if (bad !== undefined) throw conflict(`the bytes ${bad.sha256} did not arrive`);
				onProgress('verifying', section, there[section].records);
			}
		}
	} finally {
		await reader.close();
	}
	const { keys, ...expected } = sums;
	void keys;
	const differing = differences(expected, there);
	if (differing.length > 0) throw conflict(`what arrived differs: ${differing.join('; ')}`);
}

function conflict(message: string): CapError {
	return new CapError('CONFLICT', message);
}
