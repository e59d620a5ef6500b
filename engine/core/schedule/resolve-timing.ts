import { inputError } from '../../contract/errors.ts';
import type { CapError } from '../../contract/errors.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { formatDuration, instantSchema, MAX_INSTANT, toIso } from '../../contract/time.ts';
import type { Timing, TimingInput } from '../../contract/timing.ts';
import { listed } from '../../contract/zod-words.ts';
import { smallestGap } from './cron-calendar.ts';
import { shorten } from './cron-field.ts';
import { parseCron } from './cron-pattern.ts';
import { parseLocal, toInstant } from './local-time.ts';
import { afterWord, namesCalendarUnit, readSpokenDuration } from './short-forms.ts';
import { beginning, nextAfter } from './timing.ts';
import { nearestZones, zoneNamed } from './zone.ts';

export interface TimingRequest {
	timing?: TimingInput | undefined;
	/** An instant, or `in 10m`. */
	time?: string | undefined;
	/** `every 15m`, `@daily` or a cron pattern. */
	frequency?: string | undefined;
}

export interface TimingContext {
	acceptedAt: Instant;
	/** How often a schedule may fire at most. */
	smallestInterval: Duration;
}

const FORMS = ['timing', 'time', 'frequency'] as const;
const FIELDS = ['cron', 'every', 'at', 'in'] as const;

/**
 * Checks a timing and resolves it to what is kept: relative times become instants, the zone gets its name,
 * `every` its anchor.
 * @throws CapError INVALID_TIMING or INTERVAL_TOO_SMALL with the path of the field
 */
export function resolveTiming(request: TimingRequest, context: TimingContext): Timing {
	const given = FORMS.filter((form) => request[form] !== undefined);
	if (given.length !== 1) {
		const received = given.length === 0 ? 'none' : listed(given);
		throw invalid('timing', 'exactly one of "timing", "time" and "frequency"', received);
	}
	if (request.timing !== undefined) return resolveLongForm(request.timing, context);
	if (request.time !== undefined) return resolveTime(request.time, context);
	return resolveFrequency(request.frequency ?? '', context);
}

function resolveLongForm(input: TimingInput, context: TimingContext): Timing {
	const kinds = FIELDS.filter((field) => input[field] !== undefined);
	if (kinds.length !== 1) {
		const received = kinds.length === 0 ? 'none' : listed(kinds);
		throw invalid('timing', 'exactly one of "cron", "every", "at" and "in"', received);
	}
	if (input.anchor !== undefined && input.every === undefined) {
		throw invalid('timing.anchor', 'an anchor only together with "every"', `"${kinds[0] ?? ''}"`);
	}
	for (const field of NOT_YET) if (input[field] !== undefined) throw notYet(`timing.${field}`);
	const timeZone = resolveZone(input.timeZone);
	checkBounds(input, context);
	const timing: Timing = {
		timeZone,
		...(input.start === undefined ? {} : { start: input.start }),
		...(input.end === undefined ? {} : { end: input.end }),
		...(input.limit === undefined ? {} : { limit: input.limit }),
		...resolveKind(input, { ...context, timeZone }),
	};
	if (nextAfter(timing, beginning(timing, context.acceptedAt)) === undefined) {
		const path = input.end === undefined ? 'timing' : 'timing.end';
		throw invalid(path, 'at least one occurrence between "start" (or now) and "end"', 'none');
	}
	return timing;
}

const NOT_YET = [
	...(['jitter', 'exclude', 'only', 'rrule', 'any'] as const),
	...(['dst', 'dayMatch', 'phase', 'dialect', 'monthEnd'] as const),
] as const;

function notYet(path: string): CapError {
	return inputError('UNSUPPORTED_FIELD', { path, expected: 'nothing: not built yet' });
}

function anchorOf({ anchor, start }: TimingInput, { acceptedAt }: TimingContext): Instant {
	if (anchor === undefined) return start ?? acceptedAt;
	const parsed = instantSchema.safeParse(anchor);
	if (parsed.success) return parsed.data;
	throw invalid('timing.anchor', 'an instant with offset', shorten(anchor));
}

type Kind =
	| { kind: 'cron'; cron: string }
	| { kind: 'every'; every: Duration; anchor: Instant }
	| { kind: 'at'; at: Instant };

function resolveKind(input: TimingInput, context: TimingContext & { timeZone: string }): Kind {
	if (input.cron !== undefined) return resolveCron(input.cron, 'timing.cron', context);
	if (input.every !== undefined) {
		const anchor = anchorOf(input, context);
		if (typeof input.every === 'string') throw notYet('timing.every');
		return resolveEvery(input.every, 'timing.every', { ...context, anchor });
	}
	if (input.in !== undefined) return resolveIn(input.in, 'timing.in', context);
	if (Array.isArray(input.at)) throw notYet('timing.at');
	return resolveAt(input.at ?? '', context);
}

function resolveTime(text: string, context: TimingContext): Timing {
	const words = afterWord('in', text);
	const duration = words === undefined ? undefined : readSpokenDuration(words);
	if (duration !== undefined) return { timeZone: 'UTC', ...resolveIn(duration, 'time', context) };
	const instant = instantSchema.safeParse(text.trim());
	if (instant.success)
		return { timeZone: 'UTC', kind: 'at', at: later(instant.data, 'time', context) };
	const expected = 'an instant with offset like 2027-01-31T09:00:00+01:00, or "in 10m"';
	throw invalid('time', expected, shorten(text));
}

function resolveFrequency(text: string, context: TimingContext): Timing {
	if (!/^\s*every\b/i.test(text)) {
		return { timeZone: 'UTC', ...resolveCron(text, 'frequency', context) };
	}
	const words = afterWord('every', text) ?? '';
	const every = readSpokenDuration(words);
	if (every === undefined) {
		const expected = namesCalendarUnit(words)
			? 'a fixed length after "every"; for months and years use "@monthly", "@yearly" or a cron pattern'
			: 'a duration after "every", like "every 15m" or "every 2 hours"';
		throw invalid('frequency', expected, shorten(text));
	}
	const anchor = context.acceptedAt;
	return { timeZone: 'UTC', ...resolveEvery(every, 'frequency', { ...context, anchor }) };
}

function resolveCron(text: string, path: string, { smallestInterval }: TimingContext): Kind {
	const cron = text.trim();
	// Positions in messages count in what the user wrote; spaces around it are not kept.
	const pattern = parseCron(text, path);
	const gap = smallestGap(pattern, smallestInterval / 1000) * 1000;
	if (gap < smallestInterval) throw tooOften(path, smallestInterval, gap);
	return { kind: 'cron', cron };
}

function resolveEvery(
	every: Duration,
	path: string,
	{ anchor, smallestInterval }: TimingContext & { anchor: Instant },
): Kind {
	if (every <= 0) throw invalid(path, 'a duration longer than 0', formatDuration(every));
	if (every < smallestInterval) throw tooOften(path, smallestInterval, every);
	return { kind: 'every', every, anchor };
}

function resolveIn(duration: Duration, path: string, { acceptedAt }: TimingContext): Kind {
	if (duration <= 0) throw invalid(path, 'a duration longer than 0', formatDuration(duration));
	if (acceptedAt + duration > MAX_INSTANT) {
		throw invalid(path, 'an instant before the year 10000', formatDuration(duration));
	}
	return { kind: 'at', at: acceptedAt + duration };
}

function resolveAt(text: string, context: TimingContext & { timeZone: string }): Kind {
	const instant = instantSchema.safeParse(text.trim());
	if (instant.success) return { kind: 'at', at: later(instant.data, 'timing.at', context) };
	const local = parseLocal(text.trim());
	if (local === undefined) {
		const expected =
			'a date and time that exist, like 2027-01-31T09:00:00+01:00, or 2027-01-31T09:00:00 in "timeZone"';
		throw invalid('timing.at', expected, shorten(text));
	}
	return { kind: 'at', at: later(toInstant(context.timeZone, local), 'timing.at', context) };
}

function later(at: Instant, path: string, { acceptedAt }: TimingContext): Instant {
	if (at > acceptedAt) return at;
	throw invalid(path, `an instant after now (${toIso(acceptedAt)})`, toIso(at));
}

function checkBounds({ start, end }: TimingInput, { acceptedAt }: TimingContext): void {
	if (end === undefined) return;
	if (start !== undefined && end < start) {
		throw invalid('timing.end', `an instant not before "start" (${toIso(start)})`, toIso(end));
	}
	later(end, 'timing.end', { acceptedAt, smallestInterval: 0 });
}

function resolveZone(name: string | undefined): string {
	if (name === undefined) return 'UTC';
	const zone = zoneNamed(name);
	if (zone !== undefined) return zone;
	const nearest = nearestZones(name);
	const hint = nearest.length === 0 ? 'such as Europe/Berlin' : `(nearest: ${nearest.join(', ')})`;
	throw invalid('timing.timeZone', `an IANA time zone ${hint}`, shorten(name));
}

function tooOften(path: string, smallest: Duration, gap: Duration): CapError {
	const expected = `at least ${formatDuration(smallest)} between occurrences`;
	return inputError('INTERVAL_TOO_SMALL', { path, expected, received: formatDuration(gap) });
}

function invalid(path: string, expected: string, received: string): CapError {
	return inputError('INVALID_TIMING', { path, expected, received });
}
