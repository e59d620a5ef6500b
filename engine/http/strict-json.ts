import type { ErrorCode } from '../contract/errors.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonValue } from '../contract/json.ts';
import { pathText, shown, soundsSecret } from '../contract/zod-issues.ts';

/** How deep arrays and objects may be nested; a scalar has depth 0. */
export const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BOM = 0xfeff;

/** Sticky, so that one regular expression reads a token where the scan stands. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/** An array or object that the scan is in. */
interface Frame {
	isArray: boolean;
	/** The key that came last (null before the first), or the index of the item. */
	at: string | number | null;
	keys: Set<string> | null;
}

/**
 * Reads a JSON text as RFC 8259 has it and refuses what JSON parsers disagree about or what can harm:
 * duplicate keys, `__proto__`, numbers that a double does not hold, lone surrogates, a byte order mark, deep nesting.
 * Accepts nothing that `JSON.parse` refuses.
 * @throws CapError NOT_UTF8, INVALID_JSON, DUPLICATE_KEY, FORBIDDEN_KEY, TOO_DEEP
 */
export function parseStrictJson(bytes: Uint8Array): JsonValue {
	const text = decode(bytes);
	new Scanner(text).document();
	return JSON.parse(text) as JsonValue;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
	try {
		return decoder.decode(bytes);
	} catch {
		throw new CapError('NOT_UTF8', 'body: expected JSON in UTF-8, got bytes that are not UTF-8', {
			issues: [{ path: 'body', expected: 'JSON in UTF-8', received: 'bytes that are not UTF-8' }],
		});
	}
}

/** Walks the text once, without recursion; remembers only the path and the keys of the objects it is in. */
class Scanner {
	private position = 0;
	private readonly frames: Frame[] = [];
	private readonly text: string;

	constructor(text: string) {
		this.text = text;
	}

	document(): void {
		if (this.text.charCodeAt(0) === BOM) this.refuse('JSON without a byte order mark');
		this.skipSpace();
		this.value();
		while (this.frames.length > 0) this.next();
		if (this.position < this.text.length) this.refuse('the end of the JSON text');
	}

	/** Reads a scalar whole, and of an array or object the opening up to its first value. */
	private value(): void {
		switch (this.text[this.position]) {
			case '{':
				this.open(false);
				if (this.text[this.position] === '}') this.close();
				else this.key();
				return;
			case '[':
				this.open(true);
				if (this.text[this.position] === ']') this.close();
				else this.value();
				return;
			case '"':
				this.string();
				break;
			case 't':
			case 'f':
			case 'n':
				if (this.match(LITERAL) === undefined) this.refuse('a JSON value');
				break;
			default:
				this.number();
		}
		this.skipSpace();
	}

	/** Goes on behind a value: `,` and the next one, or the end of the array or object. */
	private next(): void {
		const frame = this.frames[this.frames.length - 1];
		if (frame === undefined) return;
		const character = this.text[this.position];
		if (character === (frame.isArray ? ']' : '}')) {
			this.close();
			return;
		}
		if (character !== ',') this.refuse(frame.isArray ? '"," or "]"' : '"," or "}"');
		this.position += 1;
		this.skipSpace();
		if (frame.isArray) {
			frame.at = Number(frame.at) + 1;
			this.value();
		} else {
			this.key();
		}
	}

	private open(isArray: boolean): void {
		if (this.frames.length === MAX_DEPTH) {
			throw this.error('TOO_DEEP', `at most ${MAX_DEPTH} levels of arrays and objects`);
		}
		this.frames.push({ isArray, at: isArray ? 0 : null, keys: null });
		this.position += 1;
		this.skipSpace();
	}

	private close(): void {
		this.frames.pop();
		this.position += 1;
		this.skipSpace();
	}

	private key(): void {
		const frame = this.frames[this.frames.length - 1];
		if (frame === undefined) return;
		if (this.text.charCodeAt(this.position) !== QUOTE) this.refuse('a key in double quotes');
		const start = this.position;
		const escaped = this.string();
		const raw = this.text.slice(start + 1, this.position - 1);
		const key = escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
		frame.at = key;
		this.checkKey(key, frame);
		this.skipSpace();
		if (this.text[this.position] !== ':') this.refuse('":"');
		this.position += 1;
		this.skipSpace();
		this.value();
	}

	private checkKey(key: string, frame: Frame): void {
		const above = this.frames[this.frames.length - 2];
		if (key === '__proto__' || (key === 'prototype' && above?.at === 'constructor')) {
			const expected = 'a key other than "__proto__" and "constructor.prototype"';
			throw this.error('FORBIDDEN_KEY', expected, shown(key));
		}
		frame.keys ??= new Set();
		if (frame.keys.has(key)) throw this.error('DUPLICATE_KEY', 'every key once', shown(key));
		frame.keys.add(key);
	}

	/** @returns whether it has escapes */
	private string(): boolean {
		const { text } = this;
		let escaped = false;
		for (let i = this.position + 1; i < text.length; i++) {
			const code = text.charCodeAt(i);
			if (code === QUOTE) {
				this.position = i + 1;
				return escaped;
			}
			if (code < 0x20) {
				this.position = i;
				this.refuse('control characters in strings as escapes');
			}
			if (code === BACKSLASH) {
				escaped = true;
				i = this.escape(i);
			}
		}
		this.position = text.length;
		return this.refuse('a closing double quote');
	}

	/** @returns the position of the escape's last character */
	private escape(start: number): number {
		this.position = start;
		const kind = this.text[start + 1] ?? '';
		if (kind !== 'u') {
			if (kind === '' || !'"\\/bfnrt'.includes(kind)) this.refuse('an escape that JSON knows');
			return start + 1;
		}
		const unit = this.codeUnit(start);
		if (unit >= 0xdc00 && unit <= 0xdfff) this.refuse('no lone surrogate');
		if (unit < 0xd800 || unit > 0xdbff) return start + 5;
		if (!this.text.startsWith('\\u', start + 6)) this.refuse('no lone surrogate');
		const low = this.codeUnit(start + 6);
		if (low < 0xdc00 || low > 0xdfff) this.refuse('no lone surrogate');
		return start + 11;
	}

	private codeUnit(start: number): number {
		const digits = this.text.slice(start + 2, start + 6);
		if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.refuse('four hexadecimal digits after \\u');
		return Number.parseInt(digits, 16);
	}

	private number(): void {
		const start = this.position;
		const digits = this.match(NUMBER);
		if (digits === undefined) this.refuse('a JSON value');
		const value = Number(digits);
		if (Number.isFinite(value) && !losesDigits(digits, value)) return;
		this.position = start;
		const expected = Number.isFinite(value)
			? 'a number that a double holds exactly; send it as text'
			: 'a number that a double can hold';
		const path = this.path();
		throw this.error('INVALID_JSON', expected, soundsSecret(path) ? undefined : cut(digits));
	}

	private match(token: RegExp): string | undefined {
		token.lastIndex = this.position;
		const match = token.exec(this.text)?.[0];
		if (match !== undefined) this.position = token.lastIndex;
		return match;
	}

	private skipSpace(): void {
		// most often there is none, and a comparison is cheaper than a regular expression
		if (this.text.charCodeAt(this.position) <= 0x20) this.match(SPACE);
	}

	private refuse(expected: string): never {
		throw this.error('INVALID_JSON', expected);
	}

	private path(): string {
		return pathText(this.frames.flatMap(({ at }) => at ?? []));
	}

	/** @param received the token that is wrong; without it, the character where the scan stands */
	private error(code: ErrorCode, expected: string, received = this.received()): CapError {
		const path = this.path();
		const message = `body, character ${this.position + 1}: expected ${expected}, got ${received}`;
		const place = code === 'INVALID_JSON' ? message : `${path}: expected ${expected}`;
		return new CapError(code, place, { issues: [{ path, expected, received }] });
	}

	/** What stands there, one character: enough to find the place, too little to show a secret. */
	private received(): string {
		const point = this.text.codePointAt(this.position);
		if (point === undefined) return 'the end of the body';
		return point > 0x20 && point < 0x7f
			? `"${String.fromCodePoint(point)}"`
			: `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
	}
}

/** Whole numbers only: a fraction is seldom exact, and nobody counts on it. */
const WHOLE = /^(-?\d+)(?:\.0+)?$/;

/**
 * Whether the whole number becomes another one as a double. Digits that JavaScript itself writes for the
 * double are fine: 1152921504606847000 is how it writes 2 to the power of 60.
 */
function losesDigits(digits: string, value: number): boolean {
	if (Number.isSafeInteger(value)) return false;
	const whole = WHOLE.exec(digits)?.[1];
	if (whole === undefined) return Math.abs(value) > Number.MAX_SAFE_INTEGER && !/e/i.test(digits);
	return BigInt(whole) !== BigInt(value) && whole !== String(value);
}

const LONGEST_TOKEN = 40;

function cut(digits: string): string {
	return digits.length > LONGEST_TOKEN ? `${digits.slice(0, LONGEST_TOKEN)}…` : digits;
}
