import type { Calendars } from '../../contract/calendar.ts';
import { byId } from '../../contract/calendar.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { instantSchema, toIso } from '../../contract/time.ts';
import type { Rule, Timing, TimingInput } from '../../contract/timing.ts';
import { listed } from '../../contract/zod-words.ts';
import { shorten } from './cron-field.ts';
import { isSentence, readEnglish, rulesOfEnglish } from './english.ts';
import { readPeriod } from './months.ts';
import { moverOf } from './move.ts';
import type { NamedCalendars } from './resolve-filters.ts';
import { resolveDst, resolveExclude, resolveJitter, resolveOnly } from './resolve-filters.ts';
import { localAt, zoneOfRrule } from './resolve-recurring.ts';
import type { RuleContext } from './resolve-rule.ts';
import { interval, kindOf, later, resolveCron, resolveIn, resolveRule } from './resolve-rule.ts';
import { afterWord, readSpokenDuration } from './short-forms.ts';
import { beginning, nextAfter } from './timing.ts';
import { invalidTiming, tooOften } from './timing-errors.ts';
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
	/** What `~` depends on: the schedule's id. */
	seed?: string;
	/** Default none. */
	calendars?: NamedCalendars;
}

const FORMS = ['timing', 'time', 'frequency'] as const;
const KINDS = ['cron', 'every', 'at', 'in', 'rrule', 'any'] as const;

/**
 * Checks a timing and resolves it to what is kept: relative times become instants, the zone gets its name,
 * `every` its anchor, `~` its values, calendars their ids.
 * @throws CapError INVALID_TIMING or INTERVAL_TOO_SMALL with the path of the field
 */
export function resolveTiming(request: TimingRequest, context: TimingContext): Timing {
	const given = FORMS.filter((form) => request[form] !== undefined);
	if (given.length !== 1) {
		const received = given.length === 0 ? 'none' : listed(given);
		throw invalidTiming('timing', 'exactly one of "timing", "time" and "frequency"', received);
	}
	if (request.timing !== undefined) return resolveLongForm(request.timing, context);
	if (request.time !== undefined) return resolveTime(request.time, context);
	return resolveFrequency(request.frequency ?? '', context);
}

function resolveLongForm(input: TimingInput, context: TimingContext): Timing {
	kindOf(input, KINDS, 'timing');
	const timeZone = resolveZone(input.timeZone ?? zoneOfRules(input));
	checkBounds(input, context);
	const named = context.calendars ?? new Map<string, never>();
	const rule = resolveAnyRule(input, contextOf(context, { timeZone, start: input.start }));
	const { start, end, limit, exclude, only, jitter, dst } = input;
	const timing: Timing = {
		timeZone,
		...(start === undefined ? {} : { start }),
		...(end === undefined ? {} : { end }),
		...(limit === undefined ? {} : { limit }),
		...(exclude === undefined ? {} : { exclude: resolveExclude(exclude, named) }),
		...(only === undefined ? {} : { only: resolveOnly(only, named) }),
		...(jitter === undefined ? {} : { jitter: resolveJitter(jitter, rule) }),
		...(dst === undefined ? {} : { dst: resolveDst(dst, rule) }),
		...(input.cron?.includes('~') === true ? { written: input.cron.trim() } : {}),
		...rule,
	};
	checkInstants(timing, context, byId(named));
	return timing;
}

/** Where the timing names no zone, that of the first DTSTART that does. */
function zoneOfRules({ rrule, any = [] }: TimingInput): string | undefined {
	const own = zoneOfRrule(rrule, 'timing.rrule');
	const zones = any.map((rule, index) => zoneOfRrule(rule.rrule, `timing.any[${index}].rrule`));
	return own ?? zones.find((zone) => zone !== undefined);
}

function contextOf(
	{ acceptedAt, smallestInterval, seed = '' }: TimingContext,
	{ timeZone, start }: { timeZone: string; start?: Instant | undefined },
): RuleContext {
	return { acceptedAt, smallestInterval, seed, timeZone, start, path: 'timing' };
}

function resolveAnyRule(input: TimingInput, context: RuleContext): Rule {
	if (input.in !== undefined) return resolveIn(input.in, { ...context, path: 'timing.in' });
	if (input.any === undefined) return resolveRule(input, context);
	const rules = input.any.map((each, index) =>
		resolveRule(each, {
			...context,
			seed: `${context.seed}/${index}`,
			path: `timing.any[${index}]`,
		}),
	);
	return { kind: 'any', rules };
}

/** How many instants are looked at for two that are too close, where no formula tells. */
const SAMPLED = 500;
/** And how far: what is twice close within no five years is not so often. */
const SAMPLED_SPAN: Duration = 5 * 366 * 86_400_000;
/** An exclusion that moves looks at every instant of a stretch of days. */
const SMALLEST_MOVED: Duration = 3_600_000;

/** It must be due at least once, and not too often. */
function checkInstants(timing: Timing, context: TimingContext, calendars: Calendars): void {
	const mover = moverOf(timing, calendars);
	const { exclude: _, ...unmoved } = timing;
	const smallest = Math.max(context.smallestInterval, mover === undefined ? 0 : SMALLEST_MOVED);
	let last = nextAfter(unmoved, beginning(timing, context.acceptedAt), calendars);
	if (last === undefined) {
		const bounds = 'at least one occurrence between "start" (or now) and "end"';
		if (timing.only !== undefined) throw invalidTiming('timing.only', bounds, 'none that fits');
		throw invalidTiming(timing.end === undefined ? 'timing' : 'timing.end', bounds, 'none');
	}
	const known = timing.kind === 'at' || timing.kind === 'every' || timing.kind === 'cron';
	if (known && mover === undefined) return;
	const end = last + SAMPLED_SPAN;
	for (let i = 0; i < SAMPLED && last !== undefined && last < end; i++) {
		const next = nextAfter(unmoved, last, calendars);
		if (next !== undefined && next - last < smallest)
			throw tooOften('timing', smallest, next - last);
		last = next;
	}
}

function resolveTime(text: string, context: TimingContext): Timing {
	const { acceptedAt } = context;
	const words = afterWord('in', text);
	const duration = words === undefined ? undefined : readSpokenDuration(words);
	if (duration !== undefined) {
		return { timeZone: 'UTC', ...resolveIn(duration, { acceptedAt, path: 'time' }) };
	}
	const instant = instantSchema.safeParse(text.trim());
	if (instant.success) {
		return { timeZone: 'UTC', kind: 'at', at: later(instant.data, { path: 'time', acceptedAt }) };
	}
	const expected = 'an instant with offset like 2027-01-31T09:00:00+01:00, or "in 10m"';
	throw invalidTiming('time', expected, shorten(text));
}

/** A short form, a cron pattern, or English. */
function resolveFrequency(text: string, context: TimingContext): Timing {
	const { smallestInterval, acceptedAt, seed = '' } = context;
	const path = 'frequency';
	const words = afterWord('every', text);
	const every = words === undefined ? undefined : readSpokenDuration(words);
	if (every !== undefined) {
		return { timeZone: 'UTC', ...interval(every, { path, anchor: acceptedAt, smallestInterval }) };
	}
	if (words !== undefined && readPeriod(words) !== undefined) {
		const utc = contextOf(context, { timeZone: 'UTC' });
		return { timeZone: 'UTC', ...resolveRule({ every: words }, { ...utc, path }) };
	}
	if (isSentence(text)) return resolveEnglish(text, context);
	const rule = resolveCron(text, { path, seed, smallestInterval });
	return { timeZone: 'UTC', ...(text.includes('~') ? { written: text.trim() } : {}), ...rule };
}

function resolveEnglish(text: string, context: TimingContext): Timing {
	const english = readEnglish(text);
	const timeZone = resolveZone(english.zone, 'frequency');
	const ruleContext = { ...contextOf(context, { timeZone }), path: 'frequency' };
	const inputs = rulesOfEnglish(english, localAt(timeZone, context.acceptedAt));
	const rules = inputs.map((input) => resolveRule(input, ruleContext));
	const [only] = rules;
	const rule: Rule = only !== undefined && rules.length === 1 ? only : { kind: 'any', rules };
	const timing: Timing = { timeZone, written: text.trim(), ...rule };
	checkInstants(timing, context, new Map());
	return timing;
}

function checkBounds({ start, end }: TimingInput, { acceptedAt }: TimingContext): void {
	if (end === undefined) return;
	if (start !== undefined && end < start) {
		const expected = `an instant not before "start" (${toIso(start)})`;
		throw invalidTiming('timing.end', expected, toIso(end));
	}
	later(end, { path: 'timing.end', acceptedAt });
}

/** @throws CapError INVALID_TIMING with the nearest names */
export function resolveZone(name: string | undefined, path = 'timing.timeZone'): string {
	if (name === undefined) return 'UTC';
	const zone = zoneNamed(name);
	if (zone !== undefined) return zone;
	const nearest = nearestZones(name);
	const hint = nearest.length === 0 ? 'such as Europe/Berlin' : `(nearest: ${nearest.join(', ')})`;
	throw invalidTiming(path, `an IANA time zone ${hint}`, shorten(name));
}
