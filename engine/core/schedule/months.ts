import type { Rule } from '../../contract/timing.ts';
import { civilToDay, dayToCivil, lengthOfMonth, modulo } from './civil.ts';
import type { LocalSeries } from './local-instants.ts';
import type { LocalMillis } from './local-time.ts';
import { parseLocal } from './local-time.ts';

const DAY = 86_400_000;
/** 29 February every 11 months, skipped elsewhere, comes within some decades; this is centuries. */
const LONGEST_SEARCH = 4800;

type Months = Extract<Rule, { kind: 'months' }>;

/**
 * `anchor + n * months` by the calendar, each counted from the anchor: 31 January, 28 February, 31 March.
 * n may be negative, as the anchor only sets the phase.
 */
export function monthsSeries({ months, anchor, monthEnd }: Months): LocalSeries {
	const start = parseLocal(anchor) ?? Number.NaN;
	const startDay = Math.floor(start / DAY);
	const timeOfDay = start - startDay * DAY;
	const { year, month, day } = dayToCivil(startDay);
	const firstMonth = year * 12 + month - 1;

	/** The nth, or `undefined` where the month lacks the day and `monthEnd` says skip. */
	function nth(n: number): LocalMillis | undefined {
		const index = firstMonth + n * months;
		const [y, m] = [Math.floor(index / 12), modulo(index, 12) + 1];
		const length = lengthOfMonth(y, m);
		if (day > length && monthEnd === 'skip') return undefined;
		return civilToDay(y, m, Math.min(day, length)) * DAY + timeOfDay;
	}

	return {
		everyHour: false,
		next(from, until) {
			const civil = dayToCivil(Math.floor(from / DAY));
			const index = civil.year * 12 + civil.month - 1;
			const first = Math.floor((index - firstMonth) / months);
			for (let n = first; n < first + LONGEST_SEARCH; n++) {
				const local = nth(n);
				if (local === undefined || local < from) continue;
				return local <= until ? local : undefined;
			}
			return undefined;
		},
	};
}

const PERIOD = /^(?:P(\d{1,4})([MY])|\s*(\d{1,4})?\s*(month|year|quarter)s?\s*)$/i;
const MONTHS_OF: Readonly<Record<string, number>> = { m: 1, month: 1, quarter: 3, y: 12, year: 12 };

/** `P3M`, `1 month`, `2 quarters`, `year` as a number of months; `undefined` when it is no such period. */
export function readPeriod(text: string): number | undefined {
	const found = PERIOD.exec(text);
	const unit = (found?.[2] ?? found?.[4])?.toLowerCase();
	const size = unit === undefined ? undefined : MONTHS_OF[unit];
	return size === undefined ? undefined : Number(found?.[1] ?? found?.[3] ?? 1) * size;
}

/** `1 month`, `2 quarters` come back as `1 month`, `6 months`; whole years as years. */
export function formatPeriod(months: number): string {
	const [count, unit] = months % 12 === 0 ? [months / 12, 'year'] : [months, 'month'];
	return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
