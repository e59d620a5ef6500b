import { civilToDay } from './civil.ts';
import type { DayRule } from './rrule-days.ts';

/** The local time in seconds, as if the clock showed UTC. */
export type LocalSeconds = number;

/** 31 December 9999: nothing is looked for beyond. */
export const LAST_DAY = civilToDay(9999, 12, 31);
/** The times of a day, without making the list of all of them: 86,400 for every second. */
export interface Times {
	hours: readonly number[];
	minutes: readonly number[];
	seconds: readonly number[];
	count: number;
}

/** One RRULE with its DTSTART, made for walking; without COUNT and UNTIL. */
export interface RuleWalk {
	rule: DayRule;
	start: LocalSeconds;
	times: Times;
	/** The number of the period that DTSTART lies in. */
	base: number;
	/** The days of the period that was asked for last, only with BYSETPOS. */
	lastPeriod: { index: number; days: readonly number[] };
}

/** The smallest member at one of the positions that is not below `from`. */
export function firstAtPosition(
	positions: readonly number[],
	size: number,
	from: LocalSeconds,
	member: (index: number) => LocalSeconds,
): LocalSeconds | undefined {
	let found: LocalSeconds | undefined;
	for (const position of positions) {
		const index = position > 0 ? position - 1 : size + position;
		if (index < 0 || index >= size) continue;
		const local = member(index);
		if (local >= from && (found === undefined || local < found)) found = local;
	}
	return found;
}
