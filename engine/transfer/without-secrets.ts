import type { ArchiveRecords, Section } from '../stores/archive.port.ts';
import { mapSealed } from './sealed.ts';

export const DISABLED = 'its secrets were not in the export: enter them again';

/**
 * A record without its secrets, as it can be used elsewhere, and a line about what has to be entered again. What needs
 * its secrets rests until then: destinations are disabled. Answers that are kept for repeated requests hold secrets, and
 * are left out.
 */
export function withoutSecrets<S extends Section>(
	section: S,
	record: ArchiveRecords[S],
	leftOut: string[],
): ArchiveRecords[S][] {
	if (section === 'idempotency') {
		return (record as ArchiveRecords['idempotency']).response === '' ? [record] : [];
	}
	let count = 0;
	const without = mapSealed(section, record, () => {
		count++;
		return null;
	});
	if (count === 0) return [record];
	const name = nameOf(section, record);
	if (name !== null) leftOut.push(name);
	if (section !== 'destinations') return [without];
	return [{ ...without, enabled: false, disabledReason: DISABLED }];
}

/** For people; null: of what is over, or is named by something else. */
function nameOf<S extends Section>(section: S, record: ArchiveRecords[S]): string | null {
	if (section === 'capabilities' || section === 'destinations') {
		const { tenant, name } = record as ArchiveRecords['destinations'];
		return `${section === 'capabilities' ? 'capability' : 'destination'} ${name} of ${tenant}`;
	}
	if (section !== 'specs') return null;
	const { spec } = record as ArchiveRecords['specs'];
	return spec.schedule === null
		? null
		: `targets or notifications of schedule ${spec.schedule.id} of ${spec.tenant}`;
}
