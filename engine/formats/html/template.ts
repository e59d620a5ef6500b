/** Text that is HTML already. Only the tag makes it out of values, so nothing else gets in unescaped. */
export class Html {
	readonly #markup: string;

	private constructor(markup: string) {
		this.#markup = markup;
	}

	toString(): string {
		return this.#markup;
	}

	/** Escapes every value that is not `Html`; lists are joined, null and undefined are nothing. */
	static readonly tag = (strings: TemplateStringsArray, ...values: readonly Slot[]): Html => {
		let text = strings[0] ?? '';
		for (let index = 0; index < values.length; index++) {
			text += Html.#render(values[index]) + (strings[index + 1] ?? '');
		}
		return new Html(text);
	};

	/** For what is ours and holds nothing from outside: the style sheet. */
	static trusted(text: string): Html {
		return new Html(text);
	}

	static #render(value: Slot): string {
		if (typeof value === 'string') return escape(value);
		if (typeof value === 'number') return String(value);
		if (value == null) return '';
		return value instanceof Html ? value.#markup : value.map(Html.#render).join('');
	}
}

export type Slot = string | number | Html | null | undefined | readonly Slot[];

/** Not called `html`, or Prettier would indent the markup, and blanks count in it. */
export const markup = Html.tag;

const NAMED: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
	'`': '&#96;',
	'\x7f': '\u2421',
};
/* eslint-disable no-control-regex */
const SPECIAL =
	/[&<>"'`\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/;
/* eslint-enable no-control-regex */
const EVERY = new RegExp(SPECIAL, 'g');

/**
 * Control characters and what is no character at all have no place in HTML: a reader sees their pictures
 * (U+2400 and on), or U+FFFD where there is none.
 */
export function escape(text: string): string {
	if (!SPECIAL.test(text)) return text;
	return text.replace(EVERY, (found) => {
		const code = found.charCodeAt(0);
		return NAMED[found] ?? (code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd');
	});
}
