import type { Calendars } from '../../contract/calendar.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { LedgerRow, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Rule, Timing, TimingBounds } from '../../contract/timing.ts';
import { NO_OVERRIDES } from '../../contract/timing.ts';
import { planOf } from './plan.ts';
import type { TimingContext, TimingRequest } from './resolve-timing.ts';
import { resolveTiming } from './resolve-timing.ts';
import { beginning } from './timing.ts';

/** What a schedule's timing becomes when it is sent anew. */
export interface Resent {
	timing: Timing;
	/** What it is counted from: as before when the rule is as before. */
	timedAt: Instant;
	changed: boolean;
}

/**
 * Reads a timing that was sent for a schedule that has one. The same text means the same timing, though "now"
 * is another: `every 15m` sent again keeps its phase, also when only its end is another.
 * @throws CapError as creating a schedule would
 */
export function resend(
	schedule: Pick<Schedule, 'timing' | 'timedAt'>,
	request: TimingRequest,
	context: TimingContext,
): Resent {
	const { timing, timedAt } = schedule;
	const before = countsFromNow(request)
		? undefined
		: asOf(request, { ...context, acceptedAt: timedAt });
	if (before !== undefined && same(before, timing)) return { timing, timedAt, changed: false };
	const fresh = resolveTiming(request, context);
	if (before === undefined || !same(ruleOf(before), ruleOf(timing))) {
		return { timing: fresh, timedAt: context.acceptedAt, changed: true };
	}
	return { timing: { ...fresh, ...ruleOf(before) }, timedAt, changed: true };
}

/** `in 10m` is meant from now on, whenever it is said. */
function countsFromNow({ timing, time }: TimingRequest): boolean {
	return timing?.in !== undefined || /^\s*in\b/i.test(time ?? '');
}

function asOf(request: TimingRequest, context: TimingContext): Timing | undefined {
	try {
		return resolveTiming(request, context);
	} catch (error) {
		// What was accepted then may be refused now, or the other way round: it is another timing.
		if (error instanceof CapError) return undefined;
		throw error;
	}
}

const BOUNDS = {
	timeZone: true,
	start: true,
	end: true,
	limit: true,
	exclude: true,
	only: true,
	jitter: true,
	dst: true,
	written: true,
} as const satisfies Record<keyof TimingBounds, true>;

function ruleOf(timing: Timing): Rule {
	return Object.fromEntries(
		Object.entries(timing).filter(([field]) => !Object.hasOwn(BOUNDS, field)),
	) as Rule;
}

/** Plain data, whatever the order of its fields. */
function same(a: unknown, b: unknown): boolean {
	if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
	const [left, right] = [fieldsOf(a), fieldsOf(b)];
	return (
		Array.isArray(a) === Array.isArray(b) &&
		left.length === right.length &&
		left.every(
			([key, value]) => Object.hasOwn(b, key) && same(value, (b as Record<string, unknown>)[key]),
		)
	);
}

const fieldsOf = (value: object): [string, unknown][] =>
	Object.entries(value).filter(([, field]) => field !== undefined);

/** What changes in a schedule with its timing. */
export interface Retimed {
	set: Pick<Schedule, 'timing' | 'timedAt' | 'lastAt' | 'nextAt' | 'dueAt' | 'overrides' | 'state'>;
	/** The outcome of an occurrence whose nominal instant was over while its jitter was not. */
	ledger: LedgerRow[];
	/** How many skips and moves went with the timing that they were about. */
	dropped: number;
}

/**
 * The first occurrence of the new timing is the first after now, and after what has an outcome. Asks for a
 * schedule whose due occurrences are decided. `limit` counts on; one that was completed goes on.
 * @throws CapError INVALID_TIMING when nothing is to come
 */
export function retimed(
	schedule: Schedule,
	{ timing, timedAt }: Resent,
	{ now, by, calendars }: { now: Instant; by: string; calendars: Calendars },
): Retimed {
	const { runsMade, overrides, state } = schedule;
	if (timing.limit !== undefined && timing.limit <= runsMade) {
		throw inputError('INVALID_TIMING', {
			path: 'timing.limit',
			expected: `more than the ${runsMade} runs that were made already`,
			received: `${timing.limit}`,
		});
	}
	const pending = pendingRow(schedule, now, by);
	const lastAt = pending?.nominalAt ?? schedule.lastAt;
	const plan = planOf({ timing, calendars, seed: schedule.id });
	const after = beginning(timing, now);
	const nextAt = plan.next(lastAt === null ? after : Math.max(after, lastAt));
	if (nextAt === undefined) {
		throw inputError('INVALID_TIMING', {
			path: 'timing',
			expected: 'a timing with at least one occurrence to come',
			received: 'one that is never due again',
		});
	}
	return {
		set: {
			timing,
			timedAt,
			lastAt,
			nextAt,
			dueAt: plan.dueAt(nextAt),
			overrides: NO_OVERRIDES,
			state: state === 'completed' ? 'active' : state,
		},
		ledger: pending === null ? [] : [pending],
		dropped: overrides.skipped.length + overrides.moved.length,
	};
}

function pendingRow(schedule: Schedule, now: Instant, by: string): LedgerRow | null {
	const { tenant, id, nextAt, dueAt, overrides } = schedule;
	if (nextAt === null || dueAt === null || nextAt > now) return null;
	return {
		tenant,
		scheduleId: id,
		nominalAt: nextAt,
		dueAt,
		outcome: 'skipped_by_user',
		decidedAt: now,
		trigger: 'schedule',
		runId: null,
		reason: `the timing was changed by ${by} before it was due`,
		movedFrom: overrides.moved.find(({ to }) => to === nextAt)?.from ?? null,
	};
}
