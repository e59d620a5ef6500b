import fc from 'fast-check';

import type { PatternMeaning } from './timing-oracle.ts';

export interface RandomPattern {
	text: string;
	meaning: PatternMeaning;
}

interface RandomField {
	text: string;
	values: number[];
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
			mostly(field(1, 31, near), star(1, 31)),
			mostly(field(1, 12), star(1, 12)),
			mostly(field(0, 6), star(0, 6)),
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
				},
			};
		})
		.filter(({ meaning }) => meaning.eitherDay || dateExists(meaning));
}

/** Whether some chosen month has the first chosen day: others never fire, and are refused. */
function dateExists({ days, months }: PatternMeaning): boolean {
	return months.some((month) => (days[0] ?? 1) <= new Date(Date.UTC(2028, month, 0)).getUTCDate());
}
