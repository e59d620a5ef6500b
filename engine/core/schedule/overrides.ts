import { CapError, inputError } from '../../contract/errors.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Calendars } from '../../contract/calendar.ts';
import type { Overrides } from '../../contract/timing.ts';
import type { Plan } from './plan.ts';
import { planOfSchedule } from './plan.ts';

/*
 * What people do to single occurrences that have no outcome yet. All of it is pure, and asks for a schedule
 * whose due occurrences are decided: nothing here can reach what has become something already.
 */

/** Overrides of one schedule at most; each is looked at for every instant. */
export const MOST_OVERRIDES = 1000;

export interface ActContext {
	now: Instant;
	/** Who does it, for the ledger. */
	by: string;
	calendars: Calendars;
}

/** The overrides as they will be, and what was done for whom. */
export interface Acted {
	overrides: Overrides;
	/** Nominal instants that it was done to. Empty when all was so already. */
	at: Instant[];
}

/** The next `count` that are to be run, or the one that is named, will be skipped. */
export function skipped(
	schedule: Schedule,
	wish: { at?: Instant | undefined; count?: number | undefined },
	context: ActContext,
): Acted {
	const plan = planOfSchedule(schedule, context.calendars);
	const { overrides } = schedule;
	if (wish.at !== undefined) {
		if (overrides.skipped.some(({ at }) => at === wish.at)) return { overrides, at: [] };
		requireLive(schedule, plan, wish.at);
	}
	const at = wish.at === undefined ? nextOnes(schedule, plan, wish.count ?? 1, context) : [wish.at];
	const more = at.map((each) => ({ at: each, by: context.by }));
	return limited({ overrides: { ...overrides, skipped: [...overrides.skipped, ...more] }, at });
}

/** Takes the skip of that occurrence back, or all skips. */
export function unskipped(schedule: Schedule, at: Instant | undefined): Acted {
	const { overrides } = schedule;
	const back = overrides.skipped.filter((skip) => at === undefined || skip.at === at);
	if (back.length === 0 && at !== undefined) requireUndecided(schedule, at);
	return {
		overrides: { ...overrides, skipped: overrides.skipped.filter((skip) => !back.includes(skip)) },
		at: back.map((skip) => skip.at),
	};
}

/** The next one, or the one that is named, is run at another instant; one that was moved is moved on, or back. */
export function moved(
	schedule: Schedule,
	wish: { at?: Instant | undefined; to: Instant },
	context: ActContext,
): Acted & { from: Instant } {
	const plan = planOfSchedule(schedule, context.calendars);
	const { overrides } = schedule;
	const at = wish.at ?? nextOnes(schedule, plan, 1, context)[0] ?? 0;
	const { to } = wish;
	if (to === at) {
		requireLive(schedule, plan, at);
		return { overrides, at: [], from: at };
	}
	// Asked for twice: the first request did it.
	const done = overrides.moved.find((move) => move.from === at && move.to === to);
	if (done !== undefined) return { overrides, at: [], from: at };
	requireLive(schedule, plan, at);
	const earlier = overrides.moved.find((move) => move.to === at);
	const origin = earlier?.from ?? at;
	requireRoom(schedule, plan, { to, origin, now: context.now });
	const others = overrides.moved.filter((move) => move !== earlier);
	const moves = to === origin ? others : [...others, { from: origin, to, by: context.by }];
	return { ...limited({ overrides: { ...overrides, moved: moves }, at: [at] }), from: at };
}

/** The first instants after now, and after what has an outcome, that are to be run. */
function nextOnes(
	schedule: Schedule,
	plan: Plan,
	count: number,
	{ now }: Pick<ActContext, 'now'>,
): Instant[] {
	const found: Instant[] = [];
	const { nextAt, timing, runsMade } = schedule;
	const left = timing.limit === undefined ? count : Math.min(count, timing.limit - runsMade);
	// A nominal instant may be over while its jitter is not.
	let after = nextAt === null ? now : schedule.state === 'paused' ? now : Math.min(nextAt - 1, now);
	while (nextAt !== null && found.length < left) {
		const at = plan.nextLive(Math.max(after, nextAt - 1));
		if (at === undefined) break;
		found.push(at);
		after = at;
	}
	if (found.length > 0) return found;
	throw new CapError('CONFLICT', `${schedule.id} has no occurrence to come`);
}

/** An occurrence to come that is to be run. @throws CapError OCCURRENCE_UNKNOWN or OCCURRENCE_DECIDED */
function requireLive(schedule: Schedule, plan: Plan, at: Instant): void {
	requireUndecided(schedule, at);
	const isOne = schedule.nextAt !== null && at >= schedule.nextAt && plan.next(at - 1) === at;
	const skip = isOne ? plan.skip(at) : null;
	if (isOne && skip === null) return;
	const received =
		skip === null
			? `${toIso(at)}, which is none`
			: `${toIso(at)}, which is not to be run: ${skip.reason}`;
	throw inputError('OCCURRENCE_UNKNOWN', {
		path: 'at',
		expected: `an occurrence to come that is to be run${nearest(schedule, plan, at)}`,
		received,
	});
}

function requireUndecided({ id, lastAt }: Schedule, at: Instant): void {
	if (lastAt === null || at > lastAt) return;
	throw new CapError(
		'OCCURRENCE_DECIDED',
		`at: expected an occurrence of ${id} after ${toIso(lastAt)}, which was decided last, got ${toIso(at)}`,
	);
}

/** ` (nearest: 2027-01-01T09:00:00.000Z, 2027-01-02T09:00:00.000Z)` */
function nearest({ nextAt }: Schedule, plan: Plan, at: Instant): string {
	if (nextAt === null) return '';
	const after = plan.nextLive(Math.max(at, nextAt - 1));
	let before = plan.previous(at);
	while (before !== undefined && before >= nextAt && plan.skip(before) !== null) {
		before = plan.previous(before);
	}
	const around = [before !== undefined && before >= nextAt ? before : undefined, after]
		.filter((each) => each !== undefined)
		.map(toIso);
	return around.length === 0 ? '' : ` (nearest: ${around.join(', ')})`;
}

function requireRoom(
	schedule: Schedule,
	plan: Plan,
	{ to, origin, now }: { to: Instant; origin: Instant; now: Instant },
): void {
	const refuse = (expected: string): CapError =>
		inputError('OCCURRENCE_UNKNOWN', { path: 'to', expected, received: toIso(to) });
	const { start, end } = schedule.timing;
	const after = Math.max(now, schedule.lastAt ?? 0);
	if (to <= after) throw refuse(`an instant after ${toIso(after)}`);
	if (start !== undefined && to < start)
		throw refuse(`an instant not before "start", ${toIso(start)}`);
	if (end !== undefined && to > end) throw refuse(`an instant not after "end", ${toIso(end)}`);
	if (to === origin || plan.next(to - 1) !== to) return;
	// Where a holiday took one out there is room: somebody wants this one to run then.
	if (plan.skip(to)?.outcome === 'skipped_calendar') return;
	throw refuse('an instant that is no other occurrence of the schedule');
}

function limited(acted: Acted): Acted {
	const { skipped: skips, moved: moves } = acted.overrides;
	if (skips.length + moves.length <= MOST_OVERRIDES) return acted;
	throw new CapError(
		'CONFLICT',
		`expected at most ${MOST_OVERRIDES} occurrences that are skipped or moved, got ${skips.length + moves.length}`,
	);
}

/** What is due next under these overrides. */
export function nextUnder(
	schedule: Schedule,
	overrides: Overrides,
	{ now, calendars }: Pick<ActContext, 'now' | 'calendars'>,
): Pick<Schedule, 'overrides' | 'nextAt' | 'dueAt'> {
	const plan = planOfSchedule({ ...schedule, overrides }, calendars);
	const before = Math.min(schedule.nextAt ?? now + 1, now + 1) - 1;
	const nextAt = plan.next(Math.max(before, schedule.lastAt ?? before)) ?? null;
	return { overrides, nextAt, dueAt: nextAt === null ? null : plan.dueAt(nextAt) };
}

/** What concerns occurrences up to `lastAt` has done its work. */
export function overridesAfter({ skipped, moved }: Overrides, lastAt: Instant | null): Overrides {
	const ahead = (at: Instant): boolean => lastAt === null || at > lastAt;
	const all =
		skipped.every(({ at }) => ahead(at)) && moved.every(({ from, to }) => ahead(from) || ahead(to));
	if (all) {
		return { skipped, moved };
	}
	return {
		skipped: skipped.filter(({ at }) => ahead(at)),
		moved: moved.filter(({ from, to }) => ahead(from) || ahead(to)),
	};
}
