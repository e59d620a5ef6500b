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
export function resolveHashes(text: string, options: HashOptions): string {
	if (!text.includes('~')) return text;
	const { dialect = 'vixie', path = 'timing.cron', seed } = options;
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
				return hashed(place, {
					name,
					shape: shapeOf(dialect, name),
					seed: `${seed}/${name}/${nth}`,
				});
			})
			.join(',');
	});
}

interface Hashed {
	name: FieldName;
	shape: Shape;
	seed: string;
}

function hashed(item: FieldText, { name, shape, seed }: Hashed): string {
	if (!item.text.includes('~')) return item.text;
	const [, low = '', high = '', step] =
		/^([0-9A-Z]*)~([0-9A-Z]*)(?:\/(\d+))?$/i.exec(item.text) ?? [];
	const alone = low === '' && high === '';
	const from = alone ? shape.min : valueOf(low, shape);
	const to = alone ? (name === 'day of month' ? LAST_COMMON_DAY : shape.max) : valueOf(high, shape);
	const every = step === undefined ? 1 : Number(step);
	if (from === undefined || to === undefined || to < from || every < 1 || every > to - from + 1) {
		const expected = `"~" alone, between two values of ${shape.min}-${shape.max} that go up, or before a step`;
		throw fieldError(item, `${name} with ${expected}`, shorten(item.text));
	}
	const choices = step === undefined ? to - from + 1 : every;
	const chosen = from + Math.floor(spread(seed) * choices);
	return step === undefined ? String(chosen) : `${chosen}-${to}/${every}`;
}

function valueOf(text: string, { min, max, names, sevenIsZero }: Shape): number | undefined {
	if (/^\d+$/.test(text)) {
		const value = Number(text);
		return value >= min && value <= (sevenIsZero ? 7 : max) ? value : undefined;
	}
	const named = names?.indexOf(text.toUpperCase()) ?? -1;
	return named < 0 ? undefined : min + named;
}
