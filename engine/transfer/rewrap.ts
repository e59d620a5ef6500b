import type { Sealed } from '../contract/sealed.ts';
import type { ArchiveReader, ArchiveRecords, Section } from '../stores/archive.port.ts';
import type { Store } from '../stores/store.port.ts';
import { pagesOf } from './records.ts';
import { mapSealed, SEALED_SECTIONS } from './sealed.ts';

export interface RewrapReport {
	/** Records whose secrets hang on the active key now, and did not before. */
	rewrapped: number;
	/** Records that others changed at the same moment, again and again. */
	left: number;
}

/** How often what others changed meanwhile is looked at again. */
const ROUNDS = 5;

/**
 * Puts every secret of the store under the active key: only the wrapped data keys change, no secret is opened. Engines
 * may go on working: a record that they change meanwhile is looked at again.
 * @param rewrap gives the same text for what is under the active key
 */
export async function rewrapAll(
	store: Store,
	rewrap: (sealed: Sealed) => Sealed,
	beside: 'nobody' | 'engines',
): Promise<RewrapReport> {
	const report: RewrapReport = { rewrapped: 0, left: 0 };
	for (let round = 0; round < ROUNDS; round++) {
		report.left = 0;
		const reader = await store.archive.reader(beside);
		try {
			for (const section of SEALED_SECTIONS) {
				await rewrapSection(store, { reader, section, rewrap, report });
			}
		} finally {
			await reader.close();
		}
		if (report.left === 0) break;
	}
	return report;
}

async function rewrapSection<S extends Section>(
	store: Store,
	work: {
		reader: ArchiveReader;
		section: S;
		rewrap: (sealed: Sealed) => Sealed;
		report: RewrapReport;
	},
): Promise<void> {
	const { reader, section, rewrap, report } = work;
	for await (const { items } of pagesOf(reader, section)) {
		for (const before of items) {
			const after: ArchiveRecords[S] = mapSealed(section, before, rewrap);
			if (JSON.stringify(after) === JSON.stringify(before)) continue;
			if (await store.archive.replaceRecord(section, before, after)) report.rewrapped++;
			else report.left++;
		}
	}
}
