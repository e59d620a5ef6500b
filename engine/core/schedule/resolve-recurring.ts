import type { Instant } from '../../contract/time.ts';
import { instantSchema } from '../../contract/time.ts';
import type { Rule, RuleInput } from '../../contract/timing.ts';
import { shorten } from './cron-field.ts';
import type { LocalMillis } from './local-time.ts';
import { formatLocal, parseLocal } from './local-time.ts';
import { readPeriod } from './months.ts';
import { canonicalRrule } from './rrule.ts';
import { readRecurrence } from './rrule-text.ts';
import { invalidTiming } from './timing-errors.ts';

/* `rrule`, and `every` by the calendar: from what the user wrote to what is kept. */

interface RecurringContext {
	acceptedAt: Instant;
	/** Where rules begin unless they say otherwise. */
	start: Instant | undefined;
	timeZone: string;
	/** Of the object that holds the rule: `timing`, `timing.any[0]`. */
	path: string;
}

/** The zone that DTSTART names: that of the timing, where it names none itself. */
export function zoneOfRrule(text: string | undefined, path: string): string | undefined {
	return text === undefined ? undefined : readRecurrence(text, path).zone;
}

/** @throws CapError INVALID_TIMING that names the part of the rule */
export function resolveRrule(text: string, context: RecurringContext): Rule {
	const { start, acceptedAt, timeZone } = context;
	const path = `${context.path}.rrule`;
	const begin = localAt(timeZone, start ?? acceptedAt);
	const { rrule, zone } = canonicalRrule(text, path, begin);
	if (zone !== undefined && zone !== timeZone) {
		const expected = `rrule: DTSTART: the zone of the timing (${timeZone})`;
		throw invalidTiming(path, expected, shorten(zone));
	}
	return { kind: 'rrule', rrule };
}

/** The wall-clock time, without milliseconds. */
export function localAt(zone: string, at: Instant): LocalMillis {
	return parseLocal(formatLocal(zone, at).slice(0, 19)) ?? at;
}

/** `every` in months, quarters or years. */
export function resolvePeriod(every: string, input: RuleInput, context: RecurringContext): Rule {
	const { anchor, phase = 0, monthEnd = 'clamp' } = input;
	const months = readPeriod(every);
	if (months === undefined || months < 1) {
		const expected = 'a period of at least one month, like "1 month" or "P1Y"';
		throw invalidTiming(`${context.path}.every`, expected, shorten(every));
	}
	const local = localAnchor(anchor, context) + phase;
	const text = new Date(Math.floor(local / 1000) * 1000).toISOString().slice(0, -5);
	return { kind: 'months', months, anchor: text, monthEnd };
}

function localAnchor(text: string | undefined, context: RecurringContext): LocalMillis {
	const { start, acceptedAt, timeZone, path } = context;
	if (text === undefined) return localAt(timeZone, start ?? acceptedAt);
	const instant = instantSchema.safeParse(text.trim());
	if (instant.success) return localAt(timeZone, instant.data);
	const local = parseLocal(text.trim());
	if (local !== undefined) return local;
	const expected =
		'an instant with offset like 2027-01-31T09:00:00+01:00, or a local time like 2027-01-31T09:00:00';
	throw invalidTiming(`${path}.anchor`, expected, shorten(text));
}
