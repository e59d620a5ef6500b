import type { FieldShape } from './cron-field.ts';

/** Whose rules a pattern follows: see `docs/timing.md`. */
export type Dialect = 'vixie' | 'quartz';

export type FieldName =
	'second' | 'minute' | 'hour' | 'day of month' | 'month' | 'day of week' | 'year';
/** A field without its number in the pattern. */
export type Shape = Omit<FieldShape, 'label'>;

export const MONTHS = [
	...['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN'],
	...['JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
] as const;
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
export const FIRST_YEAR = 1970;
export const LAST_YEAR = 2099;

const VIXIE: Record<FieldName, Shape> = {
	second: { min: 0, max: 59 },
	minute: { min: 0, max: 59 },
	hour: { min: 0, max: 23 },
	'day of month': { min: 1, max: 31, rules: 'of month', question: true },
	month: { min: 1, max: 12, names: MONTHS },
	'day of week': {
		...{ min: 0, max: 6, names: WEEKDAYS, rules: 'of week' },
		sevenIsZero: true,
		question: true,
	},
	year: { min: FIRST_YEAR, max: LAST_YEAR },
};

/** Sunday is 1, `L` alone is Saturday, ranges go over the end. */
const QUARTZ: Record<FieldName, Shape> = {
	second: { min: 0, max: 59, wraps: true },
	minute: { min: 0, max: 59, wraps: true },
	hour: { min: 0, max: 23, wraps: true },
	'day of month': { min: 1, max: 31, wraps: true, rules: 'of month', question: true },
	month: { min: 1, max: 12, wraps: true, names: MONTHS },
	'day of week': {
		...{ min: 1, max: 7, names: WEEKDAYS, rules: 'of week', lastAlone: 7 },
		wraps: true,
		question: true,
	},
	year: { min: FIRST_YEAR, max: LAST_YEAR },
};

const NAMES: readonly FieldName[] = [
	...(['second', 'minute', 'hour', 'day of month', 'month', 'day of week', 'year'] as const),
];

/** The fields of a pattern of so many, in their order; `undefined` when the dialect has none of so many. */
export function fieldsOf(dialect: Dialect, count: number): readonly FieldName[] | undefined {
	if (dialect === 'quartz') return count === 6 || count === 7 ? NAMES.slice(0, count) : undefined;
	if (count === 5) return NAMES.slice(1, 6);
	return count === 6 ? NAMES.slice(0, 6) : undefined;
}

export function shapeOf(dialect: Dialect, name: FieldName): Shape {
	return (dialect === 'quartz' ? QUARTZ : VIXIE)[name];
}
