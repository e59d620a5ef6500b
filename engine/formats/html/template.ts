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
const CONTROLS_END = 0xa0;

function standInOf(code: number): string | undefined {
	const character = String.fromCharCode(code);
	if (!SPECIAL.test(character)) return undefined;
	return NAMED[character] ?? (code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd');
}
const STAND_INS = Array.from({ length: CONTROLS_END }, (_, code) => standInOf(code));

/**
 * Control characters and what is no character at all have no place in HTML: a reader sees their pictures
 * (U+2400 and on), or U+FFFD where there is none. Most texts hold nothing special, which one look tells;
 * for the others a walk over the characters takes half the time of a replacement.
 */
export function escape(text: string): string {
	if (!SPECIAL.test(text)) return text;
	let escaped = '';
	let from = 0;
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		const standIn =
			code < CONTROLS_END ? STAND_INS[code] : code < 0xfdd0 ? undefined : standInOf(code);
		if (standIn === undefined) continue;
		escaped += text.slice(from, at) + standIn;
		from = at + 1;
	}
	return escaped + text.slice(from);
}
