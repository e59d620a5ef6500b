import { xmlAttribute, xmlText } from '../shared/xml-text.ts';

/**
 * Letters that begin a name in every edition of XML 1.0: the fifth takes nearly everything, but expat, and
 * with it Python and PHP, reads by the fourth, which lists them.
 */
const START =
	'_A-Za-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u0131\\u0134-\\u013e\\u0141-\\u0148\\u014a-\\u017e' +
	// Greek, Cyrillic
	'\\u0386\\u0388-\\u038a\\u038c\\u038e-\\u03a1\\u03a3-\\u03ce\\u0401-\\u040c\\u040e-\\u044f\\u0451-\\u045c' +
	// Hebrew, Arabic, kana, Han, Hangul
	'\\u05d0-\\u05ea\\u0621-\\u063a\\u0641-\\u064a\\u3041-\\u3094\\u30a1-\\u30fa\\u4e00-\\u9fa5\\uac00-\\ud7a3';
const NOT_IN_NAME = new RegExp(`[^${START}\\-.0-9\\u00b7]`, 'g');
const STARTS_NAME = new RegExp(`^[${START}]`);
const MAX_NAME = 200;

/** The nearest name of an element: what XML does not allow in it becomes `_`. Without a colon, which means a namespace. */
export function xmlName(text: string): string {
	const name = text.slice(0, MAX_NAME).replace(NOT_IN_NAME, '_');
	// names that begin with "xml" are kept for the standard
	return STARTS_NAME.test(name) && !/^xml/i.test(name) ? name : `_${name}`;
}

/** Escapes texts and counts what had to be replaced by U+FFFD. */
export class XmlEscaper {
	replaced = 0;
	readonly #replace = (): string => {
		this.replaced += 1;
		return '\ufffd';
	};

	text(text: string): string {
		return xmlText(text, this.#replace);
	}

	attribute(text: string): string {
		return xmlAttribute(text, this.#replace);
	}
}
