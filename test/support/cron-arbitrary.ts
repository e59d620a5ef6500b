import fc from 'fast-check';

import type { PatternMeaning } from './timing-oracle.ts';

export interface RandomPattern {
	text: string;
	meaning: PatternMeaning;
}

interface RandomRule {
	text: string;
	rule: (date: Date) => boolean;
}

interface RandomField {
	text: string;
	values: number[];
	rule?: (date: Date) => boolean;
}

const all = (min: number, max: number): number[] =>
	Array.from({ length: max - min + 1 }, (_, index) => min + index);
const sorted = (values: number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/** One field with its values: `*`, `*` with step, a list, a range with or without step. */
function field(
	min: number,
	max: number,
	likely: readonly number[] = [],
): fc.Arbitrary<RandomField> {
	const value =
		likely.length === 0
			? fc.integer({ min, max })
			: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...likely) }, fc.integer({ min, max }));
	const step = fc.integer({ min: 1, max: max - min + 1 });
	const everyNth = step.map((n) => ({
		text: `*/${n}`,
		values: all(min, max).filter((x) => (x - min) % n === 0),
	}));
	const list = fc
		.array(value, { minLength: 1, maxLength: 4 })
		.map((values) => ({ text: values.join(','), values: sorted(values) }));
	const range = fc.tuple(value, value, fc.option(step)).map(([a, b, n]) => {
		const [low, high] = [Math.min(a, b), Math.max(a, b)];
		return {
			text: n === null ? `${low}-${high}` : `${low}-${high}/${n}`,
			values: all(low, high).filter((x) => (x - low) % (n ?? 1) === 0),
		};
	});
	return fc.oneof(fc.constant({ text: '*', values: all(min, max) }), everyNth, list, range);
}

/** Days that depend on their month, with a meaning that is worked out by looking at the whole month. */
const monthRules: fc.Arbitrary<RandomRule> = fc.oneof(
	fc.constant<RandomRule>({ text: 'L', rule: (date) => date.getUTCDate() === lengthOf(date) }),
	fc.integer({ min: 1, max: 30 }).map((n) => ({
		text: `L-${n}`,
		rule: (date: Date) => date.getUTCDate() === lengthOf(date) - n,
	})),
	fc.constant<RandomRule>({
		text: 'LW',
		rule: (date) => date.getUTCDate() === Math.max(...workingDays(date)),
	}),
	fc.integer({ min: 1, max: 31 }).map((n) => ({
		text: `${n}W`,
		rule: (date: Date) =>
			n <= lengthOf(date) &&
			date.getUTCDate() ===
				workingDays(date).reduce((best, day) =>
					Math.abs(day - n) < Math.abs(best - n) ? day : best,
				),
	})),
);

const weekRules: fc.Arbitrary<RandomRule> = fc.oneof(
	fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 5 })).map(([day, n]) => ({
		text: `${day}#${n}`,
		rule: (date: Date) => date.getUTCDay() === day && Math.ceil(date.getUTCDate() / 7) === n,
	})),
	fc.integer({ min: 0, max: 6 }).map((day) => ({
		text: `${['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'][day] ?? ''}L`,
		rule: (date: Date) => date.getUTCDay() === day && date.getUTCDate() + 7 > lengthOf(date),
	})),
);

function lengthOf(date: Date): number {
	return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** Monday to Friday of the date's month. A Saturday is nearer to the Friday before, a Sunday to the Monday after. */
function workingDays(date: Date): number[] {
	return all(1, lengthOf(date)).filter((day) => {
		const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), day)).getUTCDay();
		return weekday >= 1 && weekday <= 5;
	});
}

const ruleField = (rules: fc.Arbitrary<RandomRule>): fc.Arbitrary<RandomField> =>
	rules.map(({ text, rule }) => ({ text, values: [], rule }));

const star = (min: number, max: number): RandomField => ({ text: '*', values: all(min, max) });

/**
 * Random patterns that are likely to meet a clock change: hours of the night, and days that are mostly any
 * day or near `day`.
 */
export function cronPattern(options: {
	day: number;
	withSeconds?: boolean;
}): fc.Arbitrary<RandomPattern> {
	const near = [options.day, Math.max(1, options.day - 1)];
	const mostly = (rare: fc.Arbitrary<RandomField>, any: RandomField): fc.Arbitrary<RandomField> =>
		fc.oneof({ weight: 3, arbitrary: fc.constant(any) }, { weight: 1, arbitrary: rare });
	return fc
		.tuple(
			options.withSeconds ? field(0, 59) : fc.constant<RandomField>({ text: '0', values: [0] }),
			field(0, 59, [0, 15, 30, 45]),
			field(0, 23, [0, 1, 2, 3, 23]),
			mostly(fc.oneof(field(1, 31, near), ruleField(monthRules)), star(1, 31)),
			mostly(field(1, 12), star(1, 12)),
			mostly(fc.oneof(field(0, 6), ruleField(weekRules)), star(0, 6)),
		)
		.map(([seconds, minutes, hours, days, months, weekdays]) => {
			const fields = [minutes, hours, days, months, weekdays];
			if (options.withSeconds) fields.unshift(seconds);
			const restricted = [days, weekdays].map(({ text }) => !text.startsWith('*'));
			return {
				text: fields.map(({ text }) => text).join(' '),
				meaning: {
					seconds: seconds.values,
					minutes: minutes.values,
					hours: hours.values,
					days: days.values,
					months: months.values,
					weekdays: weekdays.values,
					eitherDay: restricted.every(Boolean),
					...(days.rule === undefined ? {} : { dateRule: days.rule }),
					...(weekdays.rule === undefined ? {} : { weekdayRule: weekdays.rule }),
				},
			};
		})
		.filter(({ meaning }) => meaning.eitherDay || dateExists(meaning));
}

/** Whether some day of 28 years, after which all comes again, is meant: patterns that never fire are refused. */
function dateExists({ days, months, weekdays, dateRule, weekdayRule }: PatternMeaning): boolean {
	if (dateRule === undefined && weekdayRule === undefined) {
		return months.some(
			(month) => (days[0] ?? 1) <= new Date(Date.UTC(2028, month, 0)).getUTCDate(),
		);
	}
	for (let at = Date.UTC(2000, 0); at < Date.UTC(2028, 0); at += 86_400_000) {
		const date = new Date(at);
		if (!months.includes(date.getUTCMonth() + 1)) continue;
		const byDate = days.includes(date.getUTCDate()) || dateRule?.(date) === true;
		if (byDate && (weekdays.includes(date.getUTCDay()) || weekdayRule?.(date) === true))
			return true;
	}
	return false;
}
