import { CapError } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import { MAX_INSTANT } from '../../contract/time.ts';
import type { DstPolicy } from '../../contract/timing.ts';
import type { LocalSeries } from './local-instants.ts';
import { missingLocal, nextOfSeries } from './local-instants.ts';
import type { LocalMillis } from './local-time.ts';
import type { RuleWalk } from './rrule-compiled.ts';
import type { RuleParts } from './rrule-parts.ts';
import { wrong } from './rrule-parts.ts';
import type { When } from './rrule-text.ts';
import { formatRecurrence, parseWhen, readRecurrence } from './rrule-text.ts';
import { nextByRule, ruleWalk } from './rrule-walk.ts';
import { meetsTimes, unitOf } from './rrule-within-day.ts';

/** A set of recurrences, made for walking. */
export interface Recurrence {
	start: When;
	rules: readonly RuleParts[];
	/** DTSTART has a Z: the rule goes by UTC, whatever the zone of the timing. */
	utc: boolean;
	series: readonly BoundSeries[];
	/** RDATE with a Z, ascending. */
	added: readonly Instant[];
	/** EXDATE with a Z. */
	excluded: ReadonlySet<Instant>;
	/** RDATE and EXDATE as they were written. */
	dates: { added: readonly When[]; excluded: readonly When[] };
}

interface BoundSeries {
	series: LocalSeries;
	/** UNTIL with a Z. */
	until: Instant;
}

const DAY = 86_400_000;
const CACHE_SIZE = 2000;
const cache = new Map<string, Recurrence>();

/** Reads what `canonicalRrule` wrote; read texts are kept. */
export function parseRrule(text: string, path = 'timing.rrule'): Recurrence {
	const known = cache.get(text);
	if (known) return known;
	const recurrence = compile(text, path);
	const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
	if (oldest !== undefined) cache.delete(oldest);
	cache.set(text, recurrence);
	return recurrence;
}

/**
 * Checks the text of a user and writes it down the canonical way.
 * @param begin the local time at which a rule without DTSTART begins
 * @returns the text, and the zone that DTSTART names, if any
 * @throws CapError INVALID_TIMING that names line and part
 */
export function canonicalRrule(
	text: string,
	path: string,
	begin: LocalMillis,
): { rrule: string; zone?: string } {
	const read = readRecurrence(text, path);
	const start = read.start ?? startOf(begin);
	const local = start.form === 'date' ? startOf(start.local) : start;
	const rrule = formatRecurrence(local, read);
	const { series } = parseRrule(rrule, path);
	for (const [index, parts] of read.rules.entries()) refuseNever(series[index], parts, path);
	return { rrule, ...(read.zone === undefined ? {} : { zone: read.zone }) };
}

function startOf(local: LocalMillis): When {
	return { form: 'local', local: Math.floor(local / 1000) * 1000 };
}

function refuseNever(bound: BoundSeries | undefined, parts: RuleParts, path: string): void {
	const lowest = -Number.MAX_SAFE_INTEGER / 1000;
	if (bound === undefined || bound.series.next(lowest, MAX_INSTANT) !== undefined) return;
	const expected = 'a rule with at least one occurrence from DTSTART on';
	throw wrong(path, { part: 'RRULE', expected, received: `FREQ=${parts.freq} that never is due` });
}

function compile(text: string, path: string): Recurrence {
	const { start, rules, added, excluded } = readRecurrence(text, path);
	if (start === undefined) throw new CapError('INTERNAL', 'a kept rrule has no DTSTART');
	const first = localOf(start);
	const utc = start.form === 'utc';
	const local = (dates: readonly When[]): LocalMillis[] =>
		dates.flatMap((when) => (utc || when.form !== 'utc' ? [localOf(when)] : []));
	const instants = (dates: readonly When[]): Instant[] =>
		dates.flatMap((when) => (!utc && when.form === 'utc' ? [when.at] : []));
	const without = exclusion(
		local(excluded.filter(({ form }) => form !== 'date')),
		local(excluded.filter(({ form }) => form === 'date')),
	);
	// Without a rule DTSTART itself is the first of the dates.
	const dates = [...(rules.length === 0 ? [first] : []), ...local(added)];
	return {
		start,
		rules,
		utc,
		series: [
			...rules.map((parts) => boundSeries(parts, first, { utc, without })),
			...(dates.length === 0
				? []
				: [{ series: without(listSeries(dates)), until: Number.POSITIVE_INFINITY }]),
		],
		added: instants(added).sort((a, b) => a - b),
		excluded: new Set(instants(excluded)),
		dates: { added, excluded },
	};
}

function localOf(when: When): LocalMillis {
	return when.form === 'utc' ? when.at : when.local;
}

type Without = (series: LocalSeries) => LocalSeries;

/** Times are left out one by one, dates as whole days. */
function exclusion(times: readonly LocalMillis[], days: readonly LocalMillis[]): Without {
	if (times.length === 0 && days.length === 0) return (series) => series;
	const [timeSet, daySet] = [new Set(times), new Set(days.map((each) => each / DAY))];
	return ({ next, everyHour }) => ({
		everyHour,
		next(from, until) {
			for (let at = next(from, until); at !== undefined;) {
				const day = Math.floor(at / DAY);
				if (daySet.has(day)) at = next((day + 1) * DAY, until);
				else if (timeSet.has(at)) at = next(at + 1, until);
				else return at;
			}
			return undefined;
		},
	});
}

function boundSeries(
	parts: RuleParts,
	start: LocalMillis,
	{ utc, without }: { utc: boolean; without: Without },
): BoundSeries {
	const walk = ruleWalk(parts, start / 1000);
	const until = parts.until === undefined ? undefined : parseWhen(parts.until);
	const everyHour = goesOnEveryHour(walk);
	const withinDays = isWithinDays(parts);
	if (withinDays && !meetsTimes(walk)) {
		return { series: { everyHour, next: () => undefined }, until: Number.POSITIVE_INFINITY };
	}
	const last = lastLocal(walk, until, utc);
	const series: LocalSeries = {
		everyHour,
		next(from, limit) {
			const end = Math.min(limit, last());
			const found = nextByRule(walk, Math.ceil(from / 1000), Math.floor(end / 1000));
			return found === undefined ? undefined : found * 1000;
		},
	};
	const bound = until?.form === 'utc' && !utc ? until.at : Number.POSITIVE_INFINITY;
	return { series: without(series), until: bound };
}

function isWithinDays({ freq }: RuleParts): boolean {
	return freq === 'HOURLY' || freq === 'MINUTELY' || freq === 'SECONDLY';
}

/** People mean "every 15 minutes", also where an hour comes twice. */
function goesOnEveryHour(walk: RuleWalk): boolean {
	const { parts } = walk.rule;
	const allHours = parts.byHour.length === 0 || parts.byHour.length === 24;
	return isWithinDays(parts) && allHours && unitOf(walk) * parts.interval <= 3600;
}

/** The last local time by COUNT, looked for once when it is first needed, or by a local UNTIL. */
function lastLocal(walk: RuleWalk, until: When | undefined, utc: boolean): () => LocalMillis {
	const { count } = walk.rule.parts;
	if (count !== undefined) {
		let last: LocalMillis | undefined;
		return () => (last ??= nthLocal(walk, count));
	}
	if (until === undefined || (until.form === 'utc' && !utc)) return () => Number.MAX_SAFE_INTEGER;
	// A date is meant with its whole day.
	const bound = until.form === 'date' ? until.local + DAY - 1000 : localOf(until);
	return () => bound;
}

function nthLocal(walk: RuleWalk, count: number): LocalMillis {
	let at = walk.start - 1;
	for (let n = 0; n < count; n++) {
		const next = nextByRule(walk, at + 1, MAX_INSTANT / 1000);
		if (next === undefined) break;
		at = next;
	}
	return at * 1000;
}

function listSeries(dates: readonly LocalMillis[]): LocalSeries {
	const sorted = [...dates].sort((a, b) => a - b);
	return {
		everyHour: false,
		next(from, until) {
			const found = sorted.find((each) => each >= from);
			return found !== undefined && found <= until ? found : undefined;
		},
	};
}

/** The first instant after `after` and not after `until`, the same wherever the walk starts. */
export function nextRrule(
	recurrence: Recurrence,
	zone: string,
	dst: DstPolicy | undefined,
	{ after, until }: { after: Instant; until: Instant },
): Instant | undefined {
	const { series, added, excluded } = recurrence;
	const own = recurrence.utc ? 'UTC' : zone;
	for (let from = after; ;) {
		let first = added.find((at) => at > from && at <= until);
		for (const each of series) {
			const end = Math.min(until, each.until, (first ?? Number.POSITIVE_INFINITY) - 1);
			first = nextOfSeries(each.series, own, dst, { after: from, until: end }) ?? first;
		}
		if (first === undefined || !excluded.has(first)) return first;
		from = first;
	}
}

/** As `missingLocal`, for all rules and dates of the set. */
export function missingOfRrule(
	{ series, added, utc }: Recurrence,
	zone: string,
	at: Instant,
): LocalMillis | undefined {
	if (utc || added.includes(at)) return undefined;
	const open = series.filter(({ until }) => at <= until);
	const next = (from: LocalMillis, until: LocalMillis): LocalMillis | undefined =>
		open.map((each) => each.series.next(from, until)).find((local) => local !== undefined);
	return missingLocal({ next }, zone, at);
}
