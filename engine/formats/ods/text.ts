import { xmlText } from '../shared/xml-text.ts';

/** Blanks that a reader would fold into one, or drop at the ends; tabs; breaks of lines. */
const SPECIAL = /^ | $| {2}|[\t\n\r]/;
const LINE_BREAK = /\r\n|[\n\r]/;
/** `text:tab` would be the word for it, but LibreOffice drops that in cells. */
const TAB = '&#9;';
const BLANKS = /\t|^ +| +$| {2,}/g;

/**
 * The paragraphs of a cell, by OpenDocument 1.3, 6.1.2: a line is a paragraph, and blanks that count are
 * elements.
 * @param illegal called for each character that XML does not allow; U+FFFD stands for it
 */
export function paragraphs(text: string, illegal: () => void): string {
	const escape = (part: string): string =>
		xmlText(part, () => {
			illegal();
			return '\ufffd';
		});
	if (!SPECIAL.test(text)) return `<text:p>${escape(text)}</text:p>`;
	const lines = text.split(LINE_BREAK);
	return lines.map((line) => `<text:p>${lineXml(line, escape)}</text:p>`).join('');
}

function lineXml(line: string, escape: (part: string) => string): string {
	let xml = '';
	let from = 0;
	for (const { 0: blanks, index } of line.matchAll(BLANKS)) {
		xml += escape(line.slice(from, index));
		xml += blanks === '\t' ? TAB : `<text:s text:c="${blanks.length}"/>`;
		from = index + blanks.length;
	}
	return xml + escape(line.slice(from));
}
