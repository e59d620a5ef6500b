import { spread } from '../spread.ts';
import type { FieldText } from './cron-field.ts';
import { fieldError, shorten } from './cron-field.ts';
import type { Dialect, FieldName, Shape } from './cron-shapes.ts';
import { fieldsOf, shapeOf } from './cron-shapes.ts';

/** Every month has these: a hash must not choose a day that some months lack. */
const LAST_COMMON_DAY = 28;

export interface HashOptions {
	/** The same seed, pattern and field give the same value: the schedule's id. */
	seed: string;
	dialect?: Dialect | undefined;
	path?: string;
}

/**
 * Replaces `~` by the value that it stands for, so that many schedules of one pattern are spread and each
 * stays where it is: `~` (any value of the field), `9~17` (one of a range), `~/15` (every 15, from an offset
 * on). What is wrong with the rest of the pattern is left to the parser.
 */
export function resolveHashes(text: string, { seed, ...reading }: HashOptions): string {
	return withChoices(text, reading, (range, place) => {
		const choices = range.step ?? range.to - range.from + 1;
		const chosen = range.from + Math.floor(spread(`${seed}/${place}`) * choices);
		return range.step === undefined ? String(chosen) : `${chosen}-${range.to}/${range.step}`;
	});
}

/**
 * The pattern with the lowest value for each `~`, written so long that all else stays where it is (for
 * messages), and with the highest (a pattern must not be good for one seed and bad for another).
 */
export function hashBounds(text: string, reading: Omit<HashOptions, 'seed'>): [string, string] {
	return [
		withChoices(text, reading, ({ from, length }) => String(from).padStart(length, '0')),
		withChoices(text, reading, ({ to }) => String(to)),
	];
}

interface HashRange {
	from: number;
	to: number;
	/** At most the size of the range. */
	step: number | undefined;
	/** Of the text. */
	length: number;
}

function withChoices(
	text: string,
	{ dialect = 'vixie', path = 'timing.cron' }: Omit<HashOptions, 'seed'>,
	choose: (range: HashRange, place: string) => string,
): string {
	if (!text.includes('~')) return text;
	const fields = fieldsOf(dialect, text.trim().split(/[ \t]+/).length);
	if (fields === undefined) return text;
	let index = 0;
	return text.replaceAll(/[^ \t]+/g, (field: string, offset: number) => {
		const name = fields[index++];
		if (name === undefined || !field.includes('~')) return field;
		let position = offset + 1;
		return field
			.split(',')
			.map((item, nth) => {
				const place = { text: item, position, path };
				position += item.length + 1;
				if (!item.includes('~')) return item;
				return choose(rangeOf(place, name, shapeOf(dialect, name)), `${name}/${nth}`);
			})
			.join(',');
	});
}

function rangeOf(item: FieldText, name: FieldName, shape: Shape): HashRange {
	const found = /^(?:([0-9A-Z]+)~([0-9A-Z]+)|~)(?:\/(\d+))?$/i.exec(item.text);
	const [, low, high, step] = found ?? [];
	const highest = name === 'day of month' ? LAST_COMMON_DAY : shape.max;
	const from = low === undefined ? shape.min : valueOf(low, shape);
	const to = high === undefined ? highest : valueOf(high, shape);
	const every = step === undefined ? 1 : Number(step);
	const good = found !== null && name !== 'year' && from !== undefined && to !== undefined;
	if (!good || to < from || every < 1 || every > to - from + 1) {
		const expected =
			name === 'year'
				? 'no "~"'
				: `"~" alone, between two values of ${shape.min}-${shape.max} that go up, or before a step`;
		throw fieldError(item, `${name} with ${expected}`, shorten(item.text));
	}
	const { length } = item.text;
	return { from, to, step: step === undefined ? undefined : every, length };
}

function valueOf(text: string, { min, max, names, sevenIsZero }: Shape): number | undefined {
	if (/^\d+$/.test(text)) {
		const value = Number(text);
		return value >= min && value <= (sevenIsZero ? 7 : max) ? value : undefined;
	}
	const named = names?.indexOf(text.toUpperCase()) ?? -1;
	return named < 0 ? undefined : min + named;
}
