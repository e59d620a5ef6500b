const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' });
const NARROW = /^[\u0020-\u007e\u00a0-\u02ff\u0370-\u0482\u048a-\u052f]*$/;
/** East Asian wide and fullwidth characters, and pictures: two columns of a terminal. */
const WIDE =
	/^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Emoji}\ufe0f)/u;
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
	if (NARROW.test(text)) return text.length;
	let width = 0;
	for (const { segment } of SEGMENTER.segment(text)) width += widthOfSegment(segment);
	return width;
}

function widthOfSegment(segment: string): number {
	if (NO_WIDTH.test(segment)) return 0;
	return WIDE.test(segment) ? 2 : 1;
}

/** Lines of at most so many columns, broken at blanks where there are any. Nothing is left out. */
export function wrap(line: string, width: number): string[] {
	if (line.length <= width && widthOf(line) <= width) return [line];
	const lines: string[] = [];
	let current = '';
	let used = 0;
	let blank = -1;
	for (const { segment } of SEGMENTER.segment(line)) {
		const wide = widthOfSegment(segment);
		if (used + wide > width && current !== '') {
			const cut = blank > 0 ? blank : current.length;
			lines.push(current.slice(0, cut));
			current = current.slice(cut);
			used = widthOf(current);
			blank = -1;
		}
		current += segment;
		used += wide;
		if (segment === ' ') blank = current.length;
	}
	return [...lines, current];
}
