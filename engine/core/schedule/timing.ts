import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { MAX_INSTANT, MIN_INSTANT } from '../../contract/time.ts';
import type { Rule, Timing } from '../../contract/timing.ts';
import { dateText, clockText } from './clock-notes.ts';
import { parseCron } from './cron-pattern.ts';
import { missingTime } from './cron-walk.ts';
import { excludedBy } from './exclude.ts';
import { missingLocal } from './local-instants.ts';
import { monthsSeries } from './months.ts';
import { moverOf, nextMoved, sourcesOf, targetOf } from './move.ts';
import { closedUntil } from './restrict.ts';
import type { Where } from './rule.ts';
import { nextOfRule } from './rule.ts';
import { missingOfRrule, parseRrule } from './rrule.ts';
import type { Skip } from './skip.ts';

/** How far a walk looks for an instant that `only` lets through; every date and weekday meet within it. */
const HORIZON = 41 * 366 * 86_400_000;
/**
 * How many instants it looks at for that, with one rule and one restriction; fewer with more of them. Two rhythms
 * of whole seconds that fit into a day meet within 86,400 looks or never, and those that never meet must not be
 * walked for 41 years.
 */
const LOOKS = 100_000;

/**
 * The first occurrence later than `after`, within `start` and `end` (both inclusive); `undefined` when the
 * timing is over. A pure function of the timing, its calendars and the instant. `limit` is the caller's to
 * count. What an exclusion takes out is an occurrence all the same; `skipOf` tells.
 *
 * rule -> only -> moved by calendars -> start and end
 */
export function nextAfter(
	timing: Timing,
	after: Instant,
	calendars: Calendars = NO_CALENDARS,
): Instant | undefined {
	const from = Math.max(after, (timing.start ?? MIN_INSTANT) - 1);
	const until = Math.min(timing.end ?? MAX_INSTANT, MAX_INSTANT);
	const mover = timing.exclude === undefined ? undefined : moverOf(timing, calendars);
	const next =
		mover === undefined
			? nextAllowed(timing, { after: from, until }, calendars)
			: nextMoved(mover, ruleWalk(timing, calendars), from);
	return next !== undefined && next > from && next <= until ? next : undefined;
}

/** Instants of the rule and `only`, before anything is moved. */
function ruleWalk(timing: Timing, calendars: Calendars): (after: Instant) => Instant | undefined {
	return (after) => nextAllowed(timing, { after, until: MAX_INSTANT }, calendars);
}

function nextAllowed(
	timing: Timing,
	{ after, until }: { after: Instant; until: Instant },
	calendars: Calendars,
): Instant | undefined {
	const { only } = timing;
	const where = whereOf(timing);
	let next = nextOfRule(timing, where, { after, until });
	if (only === undefined) return next;
	const end = Math.min(until, Math.max(after, MIN_INSTANT) + HORIZON);
	const place = { zone: timing.timeZone, calendars };
	const rules = timing.kind === 'any' ? timing.rules.length : 1;
	const looks = (2 * LOOKS) / (rules + only.length);
	for (let i = 0; i < looks && next !== undefined && next <= end; i++) {
		const open = closedUntil(only, next, place);
		if (open === next) return next;
		if (open === undefined) return undefined;
		next = nextOfRule(timing, where, { after: open - 1, until });
	}
	return undefined;
}

function whereOf({ timeZone, dst }: Timing): Where {
	return { timeZone, dst };
}

/** Why the occurrence is taken out by an exclusion or a clock change; null when it is not. */
export function skipOf(
	timing: Timing,
	at: Instant,
	calendars: Calendars = NO_CALENDARS,
): Skip | null {
	const { exclude, timeZone, dst } = timing;
	if (exclude !== undefined) {
		const skip = excludedBy(exclude, at, { zone: timeZone, calendars });
		if (skip !== null) return skip;
	}
	return dst?.gap === 'skip' ? skippedByGap(timing, timing, at) : null;
}

/** A local time that does not exist, unless another rule of a union gives the instant anyway. */
function skippedByGap(rule: Rule, timing: Timing, at: Instant): Skip | null {
	const { timeZone } = timing;
	if (rule.kind === 'any') {
		const given = rule.rules.filter(
			(each) => nextOfRule(each, whereOf(timing), { after: at - 1, until: at }) === at,
		);
		const skips = given.map((each) => skippedByGap(each, timing, at));
		return skips.includes(null) ? null : (skips[0] ?? null);
	}
	const missing = missingOf(rule, timing, at);
	if (missing === undefined) return null;
	const local = `${clockText(missing)} does not exist on ${dateText(missing)} in ${timeZone}`;
	return { outcome: 'skipped_calendar', reason: `${local} (dst.gap: skip)` };
}

/** The local time that the rule asks for, where the clock never showed it. */
function missingOf(rule: Rule, { timeZone, dst }: Timing, at: Instant): number | undefined {
	switch (rule.kind) {
		case 'cron':
			return missingTime(parseCron(rule.cron, rule), timeZone, { at, dst });
		case 'months':
			return missingLocal(monthsSeries(rule), timeZone, at);
		case 'rrule':
			return missingOfRrule(parseRrule(rule.rrule), timeZone, at);
		default:
			return undefined;
	}
}

/** From where the calendar of a moving exclusion took the occurrence; empty when it lies where the rule put it. */
export function movedFrom(
	timing: Timing,
	at: Instant,
	calendars: Calendars = NO_CALENDARS,
): { from: Instant; reason: string }[] {
	const mover = timing.exclude === undefined ? undefined : moverOf(timing, calendars);
	return mover === undefined ? [] : sourcesOf(mover, ruleWalk(timing, calendars), at);
}

/** Where the calendar of a moving exclusion takes an instant of the rule; undefined when it stays or is none. */
export function movedTo(
	timing: Timing,
	at: Instant,
	calendars: Calendars = NO_CALENDARS,
): { to: Instant; reason: string } | undefined {
	const mover = moverOf(timing, calendars);
	if (mover === undefined || ruleWalk(timing, calendars)(at - 1) !== at) return undefined;
	return targetOf(mover, at);
}

/** The first occurrence at `from` or later. */
export function firstFrom(
	timing: Timing,
	from: Instant,
	calendars: Calendars = NO_CALENDARS,
): Instant | undefined {
	return nextAfter(timing, from - 1, calendars);
}

/**
 * The instant after which a timing that was accepted at `acceptedAt` begins: that instant itself is due only
 * when it is the `start` that was asked for.
 */
export function beginning(timing: Timing, acceptedAt: Instant): Instant {
	return timing.start === acceptedAt ? acceptedAt - 1 : acceptedAt;
}
