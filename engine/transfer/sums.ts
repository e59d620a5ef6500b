import { createHash } from 'node:crypto';

import type { JsonValue } from '../contract/json.ts';
import { canonicalJson } from '../pipeline/spec-id.ts';
import type { ArchiveRecords, Section } from '../stores/archive.port.ts';
import { mapSealed } from './sealed.ts';

/** How many records a section has, and what they come to. */
export interface SectionSum {
	records: number;
	/** SHA-256 of each record, added up: hexadecimal. It does not depend on the order, nor on the store. */
	checksum: string;
}
export type Sums = Partial<Record<Section, SectionSum>>;

const EMPTY: SectionSum = { records: 0, checksum: '' };
const MODULUS = 1n << 256n;

/** Adds records to a sum. */
export function added<S extends Section>(
	sum: SectionSum = EMPTY,
	section: S,
	records: readonly ArchiveRecords[S][],
): SectionSum {
	let total = BigInt(`0x0${sum.checksum}`);
	for (const record of records) total += BigInt(`0x${hashOf(section, record)}`);
	return {
		records: sum.records + records.length,
		checksum: (total % MODULUS).toString(16).padStart(64, '0'),
	};
}

/** Where two sides differ; none: they hold the same. */
export function differences(left: Sums, right: Sums): string[] {
	const sections = new Set([...Object.keys(left), ...Object.keys(right)]) as Set<Section>;
	return [...sections].flatMap((section) => {
		const { [section]: a = EMPTY } = left;
		const { [section]: b = EMPTY } = right;
		if (a.records === 0 && b.records === 0) return [];
		if (a.records !== b.records) return [`${section}: ${a.records} records, and ${b.records}`];
		return a.checksum === b.checksum ? [] : [`${section}: ${a.records} records that differ`];
	});
}

/**
 * What a record says, but for what a store may say in its own way: the numbers of events, under which key a secret is
 * sealed, and characters that PostgreSQL has none of.
 */
function hashOf<S extends Section>(section: S, record: ArchiveRecords[S]): string {
	const same = mapSealed(section, record, (sealed) => sealed.split('.').slice(3).join('.'));
	const { seq, ...event } = same as Partial<ArchiveRecords['events']>;
	const said = section === 'events' ? event : same;
	const fields = Object.entries(said as Record<string, unknown>).map(([name, value]) => [
		name,
		typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : value,
	]);
	const text = canonicalJson(Object.fromEntries(fields) as JsonValue);
	return createHash('sha256').update(text).digest('hex');
}
