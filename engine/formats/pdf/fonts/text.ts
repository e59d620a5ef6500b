import type { Glyph } from './face.ts';

/** A piece of a line in one font; `show` is what a content stream has to say once the font is set. */
export interface Run {
	face: Glyph['face'];
	/** Thousandths of the type size. */
	width: number;
	parts: readonly { rise: number; show: string }[];
}

/** A line of text, ready to be drawn at any size. Widths are thousandths of the type size. */
export interface Line {
	runs: readonly Run[];
	width: number;
}

export const NO_LINE: Line = { runs: [], width: 0 };

/** Whatever ends a line of text, in any system and any script. */
export const LINE_ENDS = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f]/g;
// eslint-disable-next-line no-control-regex
const ANY_CONTROL = /[\u0000-\u001f\u007f]/;

/** One line of text as it can be drawn: no halves of characters, control characters as pictures. */
export function drawable(text: string): string {
	const whole = text.isWellFormed() ? text : text.toWellFormed();
	if (!ANY_CONTROL.test(whole)) return whole;
	return whole.replace(CONTROLS, (character) => {
		if (character === '\t') return '    ';
		return character === '\u007f'
			? '\u2421'
			: String.fromCharCode(0x2400 + character.charCodeAt(0));
	});
}

/**
 * Whether a code unit asks for more than one glyph after another: marks, scripts that join or reorder,
 * writing from right to left, what is not seen, halves of pairs.
 */
export function needsShaping(code: number): boolean {
	if (code < 0x0300) return code === 0x00ad;
	return (
		code <= 0x036f ||
		(code >= 0x0483 && code <= 0x0489) ||
		(code >= 0x0590 && code <= 0x109f) ||
		(code >= 0x1100 && code <= 0x11ff) ||
		(code >= 0x1700 && code <= 0x1cff) ||
		(code >= 0x1dc0 && code <= 0x1dff) ||
		(code >= 0x200b && code <= 0x200f) ||
		(code >= 0x202a && code <= 0x202e) ||
		(code >= 0x2060 && code <= 0x206f) ||
		(code >= 0x20d0 && code <= 0x20ff) ||
		(code >= 0x302a && code <= 0x302f) ||
		(code >= 0x3099 && code <= 0x309a) ||
		(code >= 0xa800 && code <= 0xabff) ||
		(code >= 0xd7b0 && code <= 0xdfff) ||
		(code >= 0xfb1d && code <= 0xfdff) ||
		(code >= 0xfe00 && code <= 0xfe0f) ||
		(code >= 0xfe20 && code <= 0xfe2f) ||
		(code >= 0xfe70 && code <= 0xfeff)
	);
}
