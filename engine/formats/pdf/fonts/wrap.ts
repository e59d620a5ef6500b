import { LineBreaker } from './line-breaker.ts';
import type { Weight } from './library.ts';
import type { TextShaper } from './shaper.ts';
import { LINE_ENDS, NO_LINE, type Line } from './text.ts';

const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Text in lines of at most so many thousandths of the type size, broken where Unicode allows it (UAX 14),
 * and inside a word only when the word alone is too long.
 */
export function wrap(
	text: string,
	limit: number,
	{ shaper, weight }: { shaper: TextShaper; weight: Weight },
): readonly Line[] {
	const line = LINE_ENDS.test(text) ? undefined : shaper.line(text, weight);
	if (line && line.width <= limit) return [line];
	return text.split(LINE_ENDS).flatMap((paragraph) => {
		if (paragraph === '') return [NO_LINE];
		const whole = shaper.line(paragraph, weight);
		if (whole.width <= limit) return [whole];
		return broken(paragraph, limit, (part) => shaper.line(part, weight));
	});
}

function broken(text: string, limit: number, shape: (part: string) => Line): Line[] {
	const lines: Line[] = [];
	let [start, end, width] = [0, 0, 0];
	const flush = (): void => {
		if (end > start) lines.push(shape(text.slice(start, end).trimEnd()));
		[start, width] = [end, 0];
	};
	const add = (to: number): void => {
		const part = text.slice(end, to);
		const own = shape(part.trimEnd()).width;
		if (width + own > limit) flush();
		if (own > limit) {
			for (const { segment } of clusters.segment(part)) {
				const step = shape(segment).width;
				if (width + step > limit && width > 0) flush();
				end += segment.length;
				width += step;
			}
			return;
		}
		end = to;
		width += shape(part).width;
	};
	const breaker = new LineBreaker(text);
	for (let next = breaker.nextBreak(); next; next = breaker.nextBreak()) add(next.position);
	if (end < text.length) add(text.length);
	flush();
	return lines;
}
