import { xmlAttribute, xmlText } from '../shared/xml-text.ts';

const START = '_A-Za-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff';
const NOT_IN_NAME = new RegExp(`(?![\\u0300-\\u036f])[^${START}\\-.0-9\\u00b7]`, 'g');
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
