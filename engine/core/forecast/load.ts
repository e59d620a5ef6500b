import type { Calendars } from '../../contract/calendar.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import type { Jitter, Timing } from '../../contract/timing.ts';
import { nextEvery } from '../schedule/every.ts';
import { delayOf } from '../schedule/jitter.ts';
import { planOf, planOfSchedule } from '../schedule/plan.ts';

/** The time that a forecast looks at, cut into buckets. */
export interface Horizon {
	from: Instant;
	/** The width of a bucket. */
	bucket: Duration;
	buckets: number;
}

/** One schedule, as far as a forecast needs it. */
export interface Member {
	id: string;
	name: string | null;
	capability: string;
	/** Instants before it are decided. */
	nextAt: Instant;
	/** How many more runs its limit lets it make. */
	left: number;
}

/** Schedules that are due at the same instants: worked out once for all of them. */
export interface Group {
	timing: Timing;
	members: Member[];
	/** The one schedule whose occurrences people moved or skipped: it shares its instants with none. */
	own: Schedule | null;
}

export class Grouping {
	readonly #groups = new Map<string, Group>();

	add(schedule: Schedule): void {
		const { id, name, capability, timing, nextAt, runsMade, overrides, state } = schedule;
		if (state !== 'active' || nextAt === null) return;
		const touched = overrides.skipped.length + overrides.moved.length > 0;
		const { limit, written: _, ...shared } = timing;
		const key = touched ? id : JSON.stringify(shared);
		const left = limit === undefined ? Number.POSITIVE_INFINITY : limit - runsMade;
		const member = { id, name, capability, nextAt, left };
		const group = this.#groups.get(key);
		if (group === undefined) {
			this.#groups.set(key, { timing: shared, members: [member], own: touched ? schedule : null });
		} else group.members.push(member);
	}

	get all(): Group[] {
		return [...this.#groups.values()];
	}
}

/** The instants of a group, nominal and ascending, with the room for jitter behind each. */
export interface Instants {
	at: Float64Array;
	/** How long until the next instant, skipped ones included; Infinity behind the last. */
	room: Float64Array;
}

/**
 * The instants that are to be run, whose due time may fall into the horizon. Every so many instants it yields,
 * so that whoever drives it can do something else: a dense rule has a million of them.
 */
export function* instantsOf(
	group: Group,
	calendars: Calendars,
	{ from, bucket, buckets }: Horizon,
): Generator<void, Instants> {
	const { timing, own } = group;
	const { jitter, ...undelayed } = timing;
	const plan =
		own === null
			? planOf({ timing: undelayed, calendars, seed: '' })
			: planOfSchedule(own, calendars);
	const end = from + bucket * buckets;
	const first = Math.max(from - 1 - (jitter?.max ?? 0), earliest(group) - 1);
	if (own === null && timing.kind === 'every' && isBare(timing)) {
		const { every, anchor } = timing;
		return evenly(nextEvery(every, anchor, first), { every, end, last: timing.end });
	}
	const at: number[] = [];
	const room: number[] = [];
	let steps = 0;
	for (let now = plan.next(first); now !== undefined && now < end;) {
		const next = plan.next(now);
		if (plan.skip(now) === null) {
			at.push(now);
			room.push(next === undefined ? Number.POSITIVE_INFINITY : next - now);
		}
		now = next;
		if (++steps % YIELD_EVERY === 0) yield;
	}
	return { at: Float64Array.from(at), room: Float64Array.from(room) };
}

const YIELD_EVERY = 4096;

/** Nothing is taken out and nobody moved anything: the instants follow from the first one. */
function isBare({ start, exclude, only }: Timing): boolean {
	return start === undefined && exclude === undefined && only === undefined;
}

function evenly(
	first: Instant,
	{
		every,
		end,
		last = Number.POSITIVE_INFINITY,
	}: { every: Duration; end: Instant; last: Instant | undefined },
): Instants {
	const length = Math.max(0, Math.ceil((Math.min(end, last + 1) - first) / every));
	const at = new Float64Array(length);
	for (let i = 0; i < length; i++) at[i] = first + i * every;
	const room = new Float64Array(length).fill(every);
	// Behind the very last one there is no next that would bound its jitter.
	if (length > 0 && first + length * every > last) room[length - 1] = Number.POSITIVE_INFINITY;
	return { at, room };
}

function earliest({ members }: Group): Instant {
	let first = Number.POSITIVE_INFINITY;
	for (const { nextAt } of members) if (nextAt < first) first = nextAt;
	return first;
}

/** Calls with the bucket of every time at which the member is due. */
export function eachBucket(
	member: Member,
	instants: Instants,
	{ from, bucket, buckets }: Horizon,
	{ jitter, hit }: { jitter: Jitter | undefined; hit: (bucket: number) => void },
): void {
	const { at, room } = instants;
	let { left } = member;
	for (let i = firstFrom(at, member.nextAt); i < at.length && left > 0; i++, left--) {
		const nominal = at[i] ?? 0;
		const delay =
			jitter === undefined
				? 0
				: delayOf(jitter, { seed: member.id, at: nominal, next: () => nominal + (room[i] ?? 0) });
		const index = Math.floor((nominal + delay - from) / bucket);
		if (index >= 0 && index < buckets) hit(index);
	}
}

function firstFrom(at: Float64Array, from: Instant): number {
	let low = 0;
	let high = at.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((at[middle] ?? 0) < from) low = middle + 1;
		else high = middle;
	}
	return low;
}
