import { xmlText } from '../shared/xml-text.ts';

/** ECMA-376, 22.9.2.19 (ST_Xstring): what XML cannot hold is written `_xHHHH_`, and what looks so as well. */
const LOOKS_ESCAPED = /_(?=x[0-9A-Fa-f]{4}_)/g;

/** But half of a character is none: LibreOffice makes one of it and of what follows. */
const escaped = (character: string): string =>
	!character.isWellFormed()
		? '\ufffd'
		: `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`;

/** Text of a cell, and of any attribute that is an ST_Xstring. */
export function cellXml(text: string): string {
	const marked = text.includes('_x') ? text.replace(LOOKS_ESCAPED, '_x005F_') : text;
	return xmlText(marked, escaped);
}

/** Readers drop blanks at the ends, and some of them inside, unless they are told not to. */
const BLANKS = /^\s|\s$|[\n\t]|\s\s/;

export const textElement = (text: string): string =>
	BLANKS.test(text) ? `<t xml:space="preserve">${cellXml(text)}</t>` : `<t>${cellXml(text)}</t>`;
