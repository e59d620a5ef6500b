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

const ESCAPES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	'\t': '&#9;',
	'\n': '&#10;',
	'\r': '&#13;',
};
/* eslint-disable no-control-regex */
/** What XML 1.0 cannot hold, not even as a reference: control characters, halves of characters. */
const IMPOSSIBLE =
	/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SUSPECT = /[\u0000-\u0008\u000b-\u001f&<>\ud800-\udfff\ufffe\uffff]/;
/* eslint-enable no-control-regex */

/** Escapes texts and counts what had to be replaced by U+FFFD. */
export class XmlEscaper {
	replaced = 0;

	text(text: string): string {
		if (!SUSPECT.test(text)) return text;
		return this.#possible(text).replace(/[&<>\r]/g, (found) => ESCAPES[found]!);
	}

	attribute(text: string): string {
		return this.#possible(text).replace(/[&<>"\t\n\r]/g, (found) => ESCAPES[found]!);
	}

	#possible(text: string): string {
		return text.replace(IMPOSSIBLE, () => {
			this.replaced += 1;
			return '\ufffd';
		});
	}
}
