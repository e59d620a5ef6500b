import { DAY_SECONDS, ERA_DAYS, modulo } from './civil.ts';
import type { LocalSeconds, RuleWalk } from './rrule-compiled.ts';
import { firstAtPosition, LAST_DAY } from './rrule-compiled.ts';
import { nextDayOf } from './rrule-days.ts';

/* HOURLY, MINUTELY and SECONDLY: periods of the local clock, counted from DTSTART. */

const UNITS = { HOURLY: 3600, MINUTELY: 60, SECONDLY: 1 } as const;
type Unit = (typeof UNITS)[keyof typeof UNITS];

export function unitOf({ rule }: RuleWalk): Unit {
	const { freq } = rule.parts;
	return freq === 'HOURLY' || freq === 'MINUTELY' ? UNITS[freq] : 1;
}

export function nextWithinDays(
	walk: RuleWalk,
	from: LocalSeconds,
	until: LocalSeconds,
): LocalSeconds | undefined {
	const unit = unitOf(walk);
	const step = unit * walk.rule.parts.interval;
	const base = Math.floor(walk.start / unit) * unit;
	const align = (local: LocalSeconds): LocalSeconds =>
		base + Math.ceil((local - base) / step) * step;
	const last = Math.min(until, (LAST_DAY + 1) * DAY_SECONDS - 1);
	// The period that `from` lies in may have members left.
	let period = align(from - unit + 1);
	while (period <= last) {
		const skipTo = leftOut(walk, unit, period);
		if (skipTo === undefined) return undefined;
		if (skipTo > period) {
			period = align(skipTo);
			continue;
		}
		const found = memberFrom(walk, period, Math.max(from, walk.start));
		if (found !== undefined) return found;
		period += step;
	}
	return undefined;
}

/** Where to look on when a part leaves the period out; the period itself when none does. */
function leftOut({ rule }: RuleWalk, unit: Unit, period: LocalSeconds): LocalSeconds | undefined {
	const { byHour, byMinute, bySecond } = rule.parts;
	const day = Math.floor(period / DAY_SECONDS);
	const chosen = nextDayOf(rule, day, Math.min(LAST_DAY, day + ERA_DAYS));
	if (chosen === undefined || chosen > day) {
		return chosen === undefined ? undefined : chosen * DAY_SECONDS;
	}
	const time = period - day * DAY_SECONDS;
	const hour = Math.floor(time / 3600);
	if (byHour.length > 0 && !byHour.includes(hour)) {
		const later = byHour.find((each) => each > hour) ?? 24;
		return day * DAY_SECONDS + later * 3600;
	}
	if (unit === 3600) return period;
	const minute = Math.floor((time % 3600) / 60);
	if (byMinute.length > 0 && !byMinute.includes(minute)) {
		const later = byMinute.find((each) => each > minute) ?? 60;
		return day * DAY_SECONDS + hour * 3600 + later * 60;
	}
	if (unit === 60 || bySecond.length === 0 || bySecond.includes(time % 60)) return period;
	const later = bySecond.find((each) => each > time % 60) ?? 60;
	return period - (time % 60) + later;
}

/** The first member of the period that is not below `from`. */
function memberFrom(
	{ rule, times }: RuleWalk,
	period: LocalSeconds,
	from: LocalSeconds,
): LocalSeconds | undefined {
	const { freq, bySetPos } = rule.parts;
	const minutes = freq === 'HOURLY' ? times.minutes : [0];
	const seconds = freq === 'SECONDLY' ? [0] : times.seconds;
	const member = (index: number): LocalSeconds =>
		period +
		(minutes[Math.floor(index / seconds.length)] ?? 0) * 60 +
		(seconds[index % seconds.length] ?? 0);
	const size = minutes.length * seconds.length;
	if (bySetPos.length > 0) return firstAtPosition(bySetPos, size, from, member);
	for (let index = 0; index < size; index++) {
		const local = member(index);
		if (local >= from) return local;
	}
	return undefined;
}

/** Sets within a day all have the same size, so that a position is in each of them or in none. */
function hasPosition({ rule, times }: RuleWalk): boolean {
	const { freq, bySetPos } = rule.parts;
	const minutes = freq === 'HOURLY' ? times.minutes.length : 1;
	const size = freq === 'SECONDLY' ? 1 : minutes * times.seconds.length;
	return bySetPos.length === 0 || bySetPos.some((position) => Math.abs(position) <= size);
}

/**
 * Whether INTERVAL ever meets a time of day that the other parts choose. Periods meet the times of day that
 * are like DTSTART's modulo what the interval and a day have in common.
 */
export function meetsTimes(walk: RuleWalk): boolean {
	if (!hasPosition(walk)) return false;
	const unit = unitOf(walk);
	const common = greatestCommonDivisor(unit * walk.rule.parts.interval, DAY_SECONDS);
	const wanted = modulo(Math.floor(walk.start / unit) * unit, common);
	const { byHour, byMinute, bySecond } = walk.rule.parts;
	const hours = byHour.length > 0 ? byHour : upTo(24);
	const minutes = unit === 3600 ? [0] : byMinute.length > 0 ? byMinute : upTo(60);
	const seconds = unit !== 1 ? [0] : bySecond.length > 0 ? bySecond : upTo(60);
	return hours.some((hour) =>
		minutes.some((minute) =>
			seconds.some((second) => (hour * 3600 + minute * 60 + second) % common === wanted),
		),
	);
}

function upTo(count: number): number[] {
	return Array.from({ length: count }, (_, index) => index);
}

function greatestCommonDivisor(a: number, b: number): number {
	return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
