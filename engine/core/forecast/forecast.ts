import type { Calendars } from '../../contract/calendar.ts';
import type { Duration } from '../../contract/time.ts';
import type { Jitter, Timing } from '../../contract/timing.ts';
import type { Group, Horizon, Instants, Member } from './load.ts';
import { eachBucket, instantsOf } from './load.ts';

/** A bucket with more to do than most. */
export interface Peak {
	bucket: number;
	count: number;
	/** Who causes it, the most first. */
	causes: { timing: Timing; schedules: number; count: number; ids: string[] }[];
}

/** Jitter that would flatten the peaks: for all schedules of one rule that have none yet. */
export interface JitterProposal {
	changes: { timing: Timing; jitter: Duration; schedules: number; ids: string[] }[];
	before: number;
	after: number;
}

export interface Forecast {
	counts: Uint32Array;
	total: number;
	schedules: number;
	peaks: Peak[];
	/** Null: nothing would be gained by it. */
	proposal: JitterProposal | null;
}

export interface ForecastProgress {
	done: number;
	total: number;
}

const MINUTE = 60_000;
const PEAKS = 5;
const CAUSES = 5;
const IDS = 20;

/** What may be proposed: people write these. */
const WIDTHS: readonly Duration[] = [1, 2, 5, 10, 15, 30, 60].map((n) => n * MINUTE);

/** So many due times are counted between two yields. */
const YIELD_EVERY = 20_000;

/** So many instants are kept from the first pass over the groups; others are worked out again when asked for. */
const KEPT = 2_000_000;

interface Counted {
	group: Group;
	instants: Instants;
}

/** A group whose instants were counted once. */
interface Seen {
	group: Group;
	smallestRoom: Duration;
	kept: Instants | null;
}

/**
 * When the schedules of a tenant are due, bucket by bucket; the peaks, who causes them, and jitter that would
 * flatten them. Yields its progress again and again, so that the caller can keep the event loop free.
 */
export function* forecast(
	groups: readonly Group[],
	calendars: Calendars,
	horizon: Horizon,
): Generator<ForecastProgress, Forecast> {
	const counts = new Uint32Array(horizon.buckets);
	const state = { done: 0, total: groups.length };
	const setting: Setting = { horizon, calendars, progress: () => ({ ...state }) };
	const seen: Seen[] = [];
	let kept = 0;
	for (const group of groups) {
		const instants = yield* read({ group, smallestRoom: 0, kept: null }, setting);
		yield* addTo(counts, { group, instants }, setting);
		kept += instants.at.length;
		seen.push({
			group,
			smallestRoom: smallestRoom(instants),
			kept: kept <= KEPT ? instants : null,
		});
		state.done += 1;
		if (state.done % 64 === 0) yield setting.progress();
	}
	const peaks = peaksOf(counts);
	for (const peak of peaks) peak.causes = yield* causesOf(seen, peak.bucket, setting);
	const proposal = yield* propose(seen, counts, setting);
	return {
		counts,
		total: counts.reduce((sum, count) => sum + count, 0),
		schedules: groups.reduce((sum, { members }) => sum + members.length, 0),
		peaks,
		proposal,
	};
}

function* read(
	{ group, kept }: Seen,
	{ horizon, calendars, progress }: Setting,
): Generator<ForecastProgress, Instants> {
	if (kept !== null) return kept;
	const work = instantsOf(group, calendars, horizon);
	let step = work.next();
	for (; step.done !== true; step = work.next()) yield progress();
	return step.value;
}

interface Setting {
	horizon: Horizon;
	calendars: Calendars;
	progress: () => ForecastProgress;
}

/** Members that are alike in all that counts are counted once and multiplied. */
function* addTo(
	counts: Uint32Array,
	{ group, instants }: Counted,
	{ horizon, progress }: Setting,
	jitter: Jitter | undefined = group.timing.jitter,
): Generator<ForecastProgress, void> {
	let counted = 0;
	for (const { member, weight } of weighted(group, jitter)) {
		const hit = (index: number): void => {
			counts[index] = (counts[index] ?? 0) + weight;
		};
		eachBucket(member, instants, horizon, { jitter, hit });
		counted += instants.at.length;
		if (counted >= YIELD_EVERY) {
			counted = 0;
			yield progress();
		}
	}
}

function weighted(
	{ members }: Group,
	jitter: Jitter | undefined,
): { member: Member; weight: number }[] {
	if (jitter !== undefined) return members.map((member) => ({ member, weight: 1 }));
	const alike = new Map<string, { member: Member; weight: number }>();
	for (const member of members) {
		const key = `${member.nextAt} ${member.left}`;
		const known = alike.get(key);
		if (known === undefined) alike.set(key, { member, weight: 1 });
		else known.weight += 1;
	}
	return [...alike.values()];
}

function peaksOf(counts: Uint32Array): Peak[] {
	return [...counts]
		.map((count, bucket): Peak => ({ bucket, count, causes: [] }))
		.filter(({ count }) => count > 0)
		.sort((a, b) => b.count - a.count || a.bucket - b.bucket)
		.slice(0, PEAKS);
}

function* causesOf(
	seen: readonly Seen[],
	bucket: number,
	{ horizon, calendars, progress }: Setting,
): Generator<ForecastProgress, Peak['causes']> {
	const only: Horizon = {
		from: horizon.from + bucket * horizon.bucket,
		bucket: horizon.bucket,
		buckets: 1,
	};
	const causes: Peak['causes'] = [];
	for (const [index, one] of seen.entries()) {
		const { timing, members } = one.group;
		// A limit counts from the first instant on, which a part of them does not have.
		const limited = members.some(({ left }) => left !== Number.POSITIVE_INFINITY);
		const instants = yield* read(limited ? one : { ...one, kept: null }, {
			horizon: limited ? horizon : only,
			calendars,
			progress,
		});
		const ids: string[] = [];
		let count = 0;
		let schedules = 0;
		for (const member of instants.at.length === 0 ? [] : members) {
			let hits = 0;
			eachBucket(member, instants, only, { jitter: timing.jitter, hit: () => hits++ });
			if (hits === 0) continue;
			count += hits;
			schedules += 1;
			if (ids.length < IDS) ids.push(member.id);
		}
		if (count > 0) causes.push({ timing, schedules, count, ids });
		if (index % 256 === 255) yield progress();
	}
	return causes.sort((a, b) => b.count - a.count).slice(0, CAUSES);
}

/** Less than this share gained is not worth a change. */
const WORTH = 0.9;
/** The peak of the narrowest jitter that is this near to the best is good enough. */
const NEAR = 1.1;

/**
 * Tries widths from narrow to wide on all rules that take part in a peak, have no jitter yet and room for it,
 * each no wider than its own interval, and takes the narrowest that does nearly as well as the best.
 */
function* propose(
	seen: readonly Seen[],
	counts: Uint32Array,
	setting: Setting,
): Generator<ForecastProgress, JitterProposal | null> {
	const before = highest(counts);
	if (before < 2) return null;
	const loads = WIDTHS.map(() => counts.slice());
	const moved: Seen[] = [];
	for (const one of seen.filter(isMovable)) {
		const counted = { group: one.group, instants: yield* read(one, setting) };
		if (!takesPart(counted, counts, setting.horizon)) continue;
		moved.push(one);
		const without = new Uint32Array(counts.length);
		yield* addTo(without, counted, setting);
		for (const [index, width] of WIDTHS.entries()) {
			const load = loads[index] ?? counts;
			for (let i = 0; i < load.length; i++) load[i] = (load[i] ?? 0) - (without[i] ?? 0);
			yield* addTo(load, counted, setting, jitterOf(one, width));
		}
	}
	const after = loads.map(highest);
	const best = Math.min(...after);
	const worth = before * WORTH;
	if (moved.length === 0 || best > worth) return null;
	const chosen = after.findIndex((peak) => peak <= Math.min(best * NEAR, worth));
	return {
		before,
		after: after[chosen] ?? before,
		changes: moved
			.map((one) => ({
				timing: one.group.timing,
				jitter: jitterOf(one, WIDTHS[chosen] ?? MINUTE).max,
				schedules: one.group.members.length,
				ids: one.group.members.slice(0, IDS).map(({ id }) => id),
			}))
			.sort((a, b) => b.schedules - a.schedules),
	};
}

/** One-shots keep their instant, and what is due all the time cannot be flattened. */
function isMovable({ group: { timing }, smallestRoom: room }: Seen): boolean {
	const recurring = timing.kind !== 'at' && timing.kind !== 'dates';
	return recurring && timing.jitter === undefined && room >= 2 * MINUTE;
}

/** Whether it is due in a bucket that is at least half as high as the highest. */
function takesPart({ instants }: Counted, counts: Uint32Array, horizon: Horizon): boolean {
	const half = highest(counts) / 2;
	return instants.at.some(
		(at) => (counts[Math.floor((at - horizon.from) / horizon.bucket)] ?? 0) > half,
	);
}

function jitterOf({ smallestRoom: room }: Seen, width: Duration): Jitter {
	const fitting = WIDTHS.filter((each) => each <= room && each <= width).at(-1);
	return { max: fitting ?? MINUTE, per: 'schedule' };
}

function smallestRoom({ room }: Instants): Duration {
	let smallest = Number.POSITIVE_INFINITY;
	for (const each of room) if (each < smallest) smallest = each;
	return smallest;
}

function highest(counts: Uint32Array): number {
	let most = 0;
	for (const count of counts) if (count > most) most = count;
	return most;
}
