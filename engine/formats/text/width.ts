const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' });
const NARROW = /^[\u0020-\u007e\u00a0-\u02ff\u0370-\u0482\u048a-\u052f]*$/;
/** East Asian wide and fullwidth characters (Unicode 17), and pictures: two columns of a terminal. */
const WIDE =
	/^(?:[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u3247\u3250-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d376}\u{1f1e6}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Emoji}\ufe0f)/u;
const NO_WIDTH = /^[\p{M}\p{Cf}\u1160-\u11ff\u3164\ud7b0-\ud7fb\uffa0]+$/u;

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
