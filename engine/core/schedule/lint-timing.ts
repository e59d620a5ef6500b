import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { DstPolicy, FoldPolicy, Timing, TimingInput } from '../../contract/timing.ts';
import { clockText, dateText, shiftWords } from './clock-notes.ts';
import { nextLocal } from './cron-calendar.ts';
import type { CronPattern } from './cron-pattern.ts';
import { LONGEST_MONTHS, parseCron } from './cron-pattern.ts';
import { isSentence, readEnglish } from './english.ts';
import { foldOf } from './local-instants.ts';
import { parseLocal } from './local-time.ts';
import { planOf } from './plan.ts';
import type { TimingRequest } from './resolve-timing.ts';
import { nextAfter } from './timing.ts';
import { MONTH_NAMES } from './words-parts.ts';
import { clockChanges, pieceAt } from './zone-offsets.ts';

export interface TimingWarning {
	code:
		| 'FAR_FUTURE'
		| 'ALL_LEFT_OUT'
		| 'SKIPS_MONTHS'
		| 'MONTH_END'
		| 'ASSUMED'
		| 'EITHER_DAY'
		| 'UNEVEN_STEP'
		| 'CLOCK_CHANGE_GAP'
		| 'CLOCK_CHANGE_FOLD'
		| 'DRIFTS_FROM_CLOCK'
		| 'AT_SHIFTED'
		| 'AT_AMBIGUOUS';
	message: string;
}

const DAY = 86_400_000;
const YEAR = 366 * DAY;

/** What is allowed but may surprise in a timing as it was sent; `timing` is what became of it. */
export function lintSent(
	{ timing: input, frequency }: Pick<TimingRequest, 'timing' | 'frequency'>,
	timing: Timing,
	{ from, calendars }: { from: Instant; calendars: Calendars },
): TimingWarning[] {
	return [
		...lintTiming(timing, from, calendars),
		...lintLocalAt(input?.at, timing),
		...lintMonthEnd(input, timing),
		...lintEnglish(frequency),
	];
}

/** What is allowed but may surprise. Clock changes are looked for in the year after `from`. */
export function lintTiming(
	timing: Timing,
	from: Instant,
	calendars: Calendars = NO_CALENDARS,
): TimingWarning[] {
	const warnings = timing.kind === 'at' ? [] : farFuture(timing, from, calendars);
	if (timing.kind === 'cron') {
		const pattern = parseCron(timing.cron, timing);
		warnings.push(
			...skippedMonths(pattern),
			...(timing.dayMatch === undefined ? eitherDay(pattern) : []),
			...unevenSteps(pattern),
			...changes(pattern, timing, from),
		);
	}
	if (timing.kind === 'every' && timing.every % DAY === 0) {
		warnings.push(...drift(timing.timeZone, from));
	}
	return warnings;
}

/** What was assumed where a sentence does not say it: "no time was given: at 00:00". */
export function lintEnglish(frequency: string | undefined): TimingWarning[] {
	if (frequency === undefined || !isSentence(frequency)) return [];
	return readEnglish(frequency).notes.map((message) => ({ code: 'ASSUMED', message }));
}

/** Months lack the day of the anchor, and the user did not say what then. */
export function lintMonthEnd(input: TimingInput | undefined, timing: Timing): TimingWarning[] {
	if (timing.kind !== 'months' || input?.monthEnd !== undefined) return [];
	const [date, day] = [timing.anchor.slice(0, 10), Number(timing.anchor.slice(8, 10))];
	const onlyYears = timing.months % 12 === 0;
	const lacking = onlyYears ? date.endsWith('02-29') : day >= 29;
	if (!lacking) return [];
	const message = `not every ${onlyYears ? 'year' : 'month'} has the day of the anchor (${date}): where it lacks, fires on the last day of the month; "monthEnd": "skip" leaves it out, "clamp" says that this is meant`;
	return [{ code: 'MONTH_END', message }];
}

/**
 * What a clock change did to the local time of `timing.at`. The kept timing has only the instant, so this
 * needs what the user wrote.
 */
export function lintLocalAt(
	text: string | readonly string[] | undefined,
	timing: Timing,
): TimingWarning[] {
	const local = typeof text === 'string' ? parseLocal(text.trim()) : undefined;
	if (local === undefined || timing.kind !== 'at') return [];
	const { at, timeZone } = timing;
	const { offset, until } = pieceAt(timeZone, at);
	const on = `clocks change on ${dateText(local)} in ${timeZone}`;
	if (at + offset !== local) {
		return [{ code: 'AT_SHIFTED', message: `${on}: ${shiftWords(local, at + offset)}` }];
	}
	const second = local - pieceAt(timeZone, until).offset;
	if (second < until || second <= at) return [];
	const message = `${on}: ${clockText(local)} comes twice on this day, fires the first time`;
	return [{ code: 'AT_AMBIGUOUS', message }];
}

function farFuture(timing: Timing, from: Instant, calendars: Calendars): TimingWarning[] {
	if (nextAfter(timing, from, calendars) === undefined) return [];
	const next = planOf({ timing, calendars, seed: '' }).nextLive(from);
	if (next === undefined) {
		const message =
			'every occurrence that was looked at (100,000, or 400 years) is left out: it never runs';
		return [{ code: 'ALL_LEFT_OUT', message }];
	}
	if (next - from <= 5 * YEAR) return [];
	return [{ code: 'FAR_FUTURE', message: `fires for the first time at ${toIso(next)}` }];
}

function skippedMonths(pattern: CronPattern): TimingWarning[] {
	const day = 31 - Math.clz32(pattern.days & -pattern.days);
	if (pattern.eitherDay || pattern.dayRules.length > 0 || day < 29) return [];
	const skipped = MONTH_NAMES.filter(
		(_, index) => (pattern.months >>> (index + 1)) & 1 && (LONGEST_MONTHS[index] ?? 31) < day,
	);
	const february = (pattern.months >>> 2) & 1 && day === 29;
	const months = [...skipped, ...(february ? ['February outside leap years'] : [])];
	if (months.length === 0) return [];
	return [
		{ code: 'SKIPS_MONTHS', message: `there is no day ${day} in ${months.join(', ')}: skipped` },
	];
}

function eitherDay(pattern: CronPattern): TimingWarning[] {
	if (!pattern.eitherDay) return [];
	const message =
		'day of month and day of week are both set: fires on days that fit either, not only on those that fit both';
	return [{ code: 'EITHER_DAY', message }];
}

function unevenSteps(pattern: CronPattern): TimingWarning[] {
	return pattern.unevenSteps.map(({ unit, step, values }) => ({
		code: 'UNEVEN_STEP',
		message: `a step of ${step} starts again at 0: fires at ${unit} ${values.join(', ')}`,
	}));
}

/** The first gap and the first fold that meet an occurrence; patterns of every hour go on through both. */
function changes(
	pattern: CronPattern,
	{ timeZone: zone, dst }: Timing,
	from: Instant,
): TimingWarning[] {
	if (pattern.everyHour && dst === undefined) return [];
	const found = new Map<TimingWarning['code'], TimingWarning>();
	for (const { from: at, offset, before } of clockChanges(zone, from, from + YEAR)) {
		const [low, high] = [at + Math.min(offset, before), at + Math.max(offset, before)];
		const local = nextLocal(pattern, low / 1000, high / 1000 - 1);
		if (local === undefined) continue;
		const code = offset > before ? 'CLOCK_CHANGE_GAP' : 'CLOCK_CHANGE_FOLD';
		const asked = local * 1000;
		const what =
			offset > before
				? gapWords(asked, { shifted: asked + offset - before, end: at + offset, dst })
				: `${clockText(asked)} comes twice on this day, fires ${FOLD_WORDS[foldOf(pattern, dst)]}`;
		const message = `clocks change on ${dateText(asked)} in ${zone}: ${what}`;
		if (!found.has(code)) found.set(code, { code, message });
	}
	return [...found.values()];
}

const FOLD_WORDS: Readonly<Record<FoldPolicy, string>> = {
	first: 'the first time only',
	last: 'the last time only',
	both: 'both times',
};

function gapWords(
	asked: number,
	{ shifted, end, dst }: { shifted: number; end: number; dst: DstPolicy | undefined },
): string {
	if (dst?.gap === 'skip') return `${clockText(asked)} does not exist on this day, skipped`;
	return shiftWords(asked, dst?.gap === 'edge' ? end : shifted);
}

function drift(zone: string, from: Instant): TimingWarning[] {
	const [change] = clockChanges(zone, from, from + YEAR);
	if (change === undefined) return [];
	const message = `"every" counts days of 24 hours, so the local time moves when clocks change in ${zone} on ${dateText(change.from + change.offset)}; use "cron" to keep it`;
	return [{ code: 'DRIFTS_FROM_CLOCK', message }];
}
