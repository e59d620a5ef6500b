import type { RunSpec, Schedule } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import type { ArchiveRecords, Section } from '../stores/archive.port.ts';
import { destinationsOf } from '../contract/destinations-of.ts';
import { mapSealed } from './sealed.ts';

export const DISABLED = 'its secrets were not in the export: enter them again';

/** What an export without secrets leaves out, gathered in the order of the sections. */
export interface LeftOut {
	/** For people: what has to be entered again, and what rests until then. */
	lines: string[];
	/** What cannot work without its secrets: capabilities and destinations by tenant and name, specs by id. */
	bare: Set<string>;
	/** When the export was taken: schedules are paused from then on. */
	at: Instant;
}

/**
 * A record without its secrets, as it can be used elsewhere, and a line about what has to be entered again. What needs
 * its secrets rests until then: destinations are disabled, active schedules are paused, for each of their runs would
 * fail. Answers that are kept for repeated requests hold secrets, and are left out.
 */
export function withoutSecrets<S extends Section>(
	section: S,
	record: ArchiveRecords[S],
	leftOut: LeftOut,
): ArchiveRecords[S][] {
	if (section === 'idempotency') {
		return (record as ArchiveRecords['idempotency']).response === '' ? [record] : [];
	}
	if (section === 'schedules') {
		return [resting(record as ArchiveRecords['schedules'], leftOut) as ArchiveRecords[S]];
	}
	let count = 0;
	const without = mapSealed(section, record, () => {
		count++;
		return null;
	});
	note(section, record, { lost: count > 0, leftOut });
	if (count === 0) return [record];
	const name = nameOf(section, record);
	if (name !== null) leftOut.lines.push(name);
	if (section !== 'destinations') return [without];
	return [{ ...without, enabled: false, disabledReason: DISABLED }];
}

const named = (kind: 'capability' | 'destination', tenant: string, name: string): string =>
	`${kind} ${tenant} ${name}`;

/** Remembers what others cannot be used without. */
function note<S extends Section>(
	section: S,
	record: ArchiveRecords[S],
	{ lost, leftOut: { bare } }: { lost: boolean; leftOut: LeftOut },
): void {
	if (section === 'capabilities' && lost) {
		const { tenant, name } = record as ArchiveRecords['capabilities'];
		bare.add(named('capability', tenant, name));
	}
	if (section === 'destinations' && lost) {
		const { tenant, id, name } = record as ArchiveRecords['destinations'];
		bare.add(named('destination', tenant, id)).add(named('destination', tenant, name));
	}
	if (section !== 'specs') return;
	const { id, spec } = record as ArchiveRecords['specs'];
	if (lost || namesBare(spec, bare)) bare.add(id);
}

function namesBare(spec: RunSpec, bare: ReadonlySet<string>): boolean {
	const { tenant, capability } = spec;
	if (bare.has(named('capability', tenant, capability))) return true;
	return [...destinationsOf(spec)].some((name) => bare.has(named('destination', tenant, name)));
}

/** Paused as by a person, with a reason of its own; what falls into the pause waits for what is said at its end. */
function resting<T extends Schedule>(schedule: T, { bare, lines, at }: LeftOut): T {
	if (schedule.state !== 'active' || !bare.has(schedule.specId)) return schedule;
	const { id, tenant, name, pauses } = schedule;
	const called = name === null ? '' : ` (${name})`;
	lines.push(
		`schedule ${id}${called} of ${tenant} comes paused: enter its secrets, then resume it`,
	);
	return {
		...schedule,
		state: 'paused',
		pauseReason: 'secrets_missing',
		pauses: [...pauses, { from: at, to: null }],
	};
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
