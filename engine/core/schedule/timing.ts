import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { MAX_INSTANT, MIN_INSTANT } from '../../contract/time.ts';
import type { Rule, Timing } from '../../contract/timing.ts';
import { assertNever, CapError } from '../../contract/errors.ts';
import { parseCron } from './cron-pattern.ts';
import { nextCron } from './cron-walk.ts';
import { nextEvery } from './every.ts';
import type { Skip } from './skip.ts';

/**
 * The first occurrence later than `after`, within `start` and `end` (both inclusive); `undefined` when the
 * timing is over. A pure function of the timing, its calendars and the instant. `limit` is the caller's to
 * count. What an exclusion takes out is an occurrence all the same; `skipOf` tells.
 */
export function nextAfter(
	timing: Timing,
	after: Instant,
	_calendars: Calendars = NO_CALENDARS,
): Instant | undefined {
	const from = Math.max(after, (timing.start ?? MIN_INSTANT) - 1);
	const until = Math.min(timing.end ?? MAX_INSTANT, MAX_INSTANT);
	const next = nextOfRule(timing, timing.timeZone, { after: from, until });
	return next !== undefined && next > from && next <= until ? next : undefined;
}

/** Why the occurrence is taken out by an exclusion or a clock change; null when it is not. */
export function skipOf(_timing: Timing, _at: Instant, _calendars: Calendars): Skip | null {
	return null;
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

interface Range {
	after: Instant;
	until: Instant;
}

function nextOfRule(rule: Rule, timeZone: string, range: Range): Instant | undefined {
	switch (rule.kind) {
		case 'cron':
			return nextCron(parseCron(rule.cron), timeZone, range);
		case 'every':
			return nextEvery(rule.every, rule.anchor, range.after);
		case 'at':
			return rule.at;
		case 'dates':
			return rule.dates.find((at) => at > range.after);
		case 'any':
			return nextOfUnion(rule.rules, timeZone, range);
		case 'months':
		case 'rrule':
			throw new CapError('INTERNAL', `no walk for ${rule.kind}`);
		default:
			return assertNever(rule);
	}
}

function nextOfUnion(rules: readonly Rule[], timeZone: string, range: Range): Instant | undefined {
	let first: Instant | undefined;
	for (const rule of rules) {
		const next = nextOfRule(rule, timeZone, range);
		if (next === undefined || next <= range.after) continue;
		if (first === undefined || next < first) first = next;
	}
	return first;
}
