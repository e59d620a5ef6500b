/**
 * Text in XML 1.0. Some characters may stand in no XML document, not even escaped: most control characters,
 * U+FFFE, U+FFFF and halves of surrogate pairs. What becomes of them is each format's to say.
 */
const NAMED: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	// a parser makes a line feed of a plain one
	'\r': '&#13;',
};

// eslint-disable-next-line no-control-regex
const SPECIAL = /[&<>\u0000-\u0008\u000b-\u001f\ud800-\udfff\ufffe\uffff]/;
const EVERY =
	// eslint-disable-next-line no-control-regex
	/[&<>\u0000-\u0008\u000b-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** In attributes, parsers make blanks of line feeds and tabs. */
const BLANKS = /["\t\n]/g;

export type Illegal = (character: string) => string;

/** Text between two tags. `illegal` gives what stands for a character that XML does not allow. */
export function xmlText(text: string, illegal: Illegal): string {
	if (!SPECIAL.test(text)) return text;
	return text.replace(EVERY, (character) => NAMED[character] ?? illegal(character));
}

/** Text in an attribute with double quotes. */
export function xmlAttribute(text: string, illegal: Illegal = () => '\ufffd'): string {
	return xmlText(text, illegal).replace(
		BLANKS,
		(character) => NAMED[character] ?? `&#${character.charCodeAt(0)};`,
	);
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
