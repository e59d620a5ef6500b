/* eslint-disable no-control-regex */
/** Control characters, also those that turn the direction of what follows, and halves of characters. */
const INVISIBLE =
	/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SUSPECT =
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]/;
/* eslint-enable no-control-regex */

/**
 * A text that a terminal or a page shows and does not obey: control characters become their pictures
 * (U+2400 and on), others U+FFFD. Tabs and line breaks stay.
 */
export function visibleText(text: string): string {
	if (!SUSPECT.test(text)) return text;
	return text.replace(INVISIBLE, (found) => {
		const code = found.charCodeAt(0);
		if (code < 0x20) return String.fromCharCode(0x2400 + code);
		return code === 0x7f ? '\u2421' : '\ufffd';
	});
}

/** Breaks of lines of any kind. */
export const LINE_BREAK = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;
