import type { BlobRef } from '../contract/result.ts';
import type { ArchiveReader, ArchiveRecords, Section } from '../stores/archive.port.ts';
import { CARRIED_MARKS } from '../stores/archive.port.ts';

/** How many records are carried at once. */
export const PAGE = 500;

/** Whether a record is carried elsewhere: not what only this store's engines, or the store itself, have to know. */
export function isCarried<S extends Section>(section: S, record: ArchiveRecords[S]): boolean {
	if (section === 'marks') return CARRIED_MARKS.includes((record as ArchiveRecords['marks']).name);
	if (section !== 'shared') return true;
	return !/^(?:engine|store):/.test((record as ArchiveRecords['shared']).key);
}

/** Null: of no tenant. */
export function tenantOf<S extends Section>(section: S, record: ArchiveRecords[S]): string | null {
	if (section === 'specs') return (record as ArchiveRecords['specs']).spec.tenant;
	return (record as { tenant?: string }).tenant ?? null;
}

export interface CarriedPage<S extends Section> {
	items: ArchiveRecords[S][];
	/** Where to go on after it; null at the end. */
	next: string | null;
}

/** All records of a section that are carried, from a place on. */
export async function* pagesOf<S extends Section>(
	reader: ArchiveReader,
	section: S,
	after: string | null = null,
): AsyncGenerator<CarriedPage<S>> {
	for (let from = after, more = true; more;) {
		const { items, next } = await reader.read(section, { after: from, limit: PAGE });
		yield { items: items.filter((record) => isCarried(section, record)), next };
		from = next;
		more = next !== null;
	}
}

/** The bytes that records refer to, each once. */
export function blobsOf<S extends Section>(
	section: S,
	records: readonly ArchiveRecords[S][],
): BlobRef[] {
	const refs = new Map<string, BlobRef>();
	const add = ({ sha256, size }: BlobRef): void => void refs.set(sha256, { sha256, size });
	if (section === 'results' || section === 'artifacts') {
		for (const { blob } of records as readonly { blob: BlobRef }[]) add(blob);
	} else if (section === 'deliveries') {
		for (const { artifact } of records as readonly ArchiveRecords['deliveries'][]) {
			if (artifact !== null) add(artifact);
		}
	}
	return [...refs.values()];
}
