import { CapError } from '../../contract/errors.ts';

/** What a scanner tells about values at most `MAX_TOLD` containers deep. Offsets are within the chunk. */
export interface JsonListener {
	/** A value begins at `at` with this byte, inside `depth` containers. */
	begin(depth: number, at: number, byte: number): void;
	/** A value has ended; `at` is the offset behind its last byte. */
	end(depth: number, at: number): void;
	key(depth: number, name: string): void;
}

const MAX_TOLD = 3;
const MAX_DEPTH = 1000;
const MAX_KEY = 256;

const VALUE = 0;
const FIRST_VALUE = 1;
const FIRST_KEY = 2;
const KEY = 3;
const COLON = 4;
const AFTER = 5;
const STRING = 6;
const ESCAPE = 7;
const HEX = 8;
const LITERAL = 9;
const NUMBER = 10; // and above: NUMBER + one of the states below

// number states, after what was read
const MINUS = 0;
const ZERO = 1;
const DIGITS = 2;
const DOT = 3;
const FRACTION = 4;
const EXP = 5;
const EXP_SIGN = 6;
const EXP_DIGITS = 7;

const OBJECT = 0x7b;
const ARRAY = 0x5b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isSpace = (byte: number): boolean =>
	byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function nextInNumber(state: number, byte: number): number {
	if (isDigit(byte)) {
		if (state === MINUS) return byte === 0x30 ? ZERO : DIGITS;
		if (state === DIGITS) return DIGITS;
		if (state === DOT || state === FRACTION) return FRACTION;
		if (state >= EXP) return EXP_DIGITS;
		return -1;
	}
	if (byte === 0x2e) return state === ZERO || state === DIGITS ? DOT : -1;
	if (byte === 0x65 || byte === 0x45) {
		return state === ZERO || state === DIGITS || state === FRACTION ? EXP : -1;
	}
	if (byte === 0x2b || byte === 0x2d) return state === EXP ? EXP_SIGN : -1;
	return -1;
}

const isWholeNumber = (state: number): boolean =>
	state === ZERO || state === DIGITS || state === FRACTION || state === EXP_DIGITS;

/**
 * Reads one JSON text (RFC 8259) in chunks, strictly, in constant memory, and tells its listener where
 * the outer values lie. Whether the bytes are UTF-8 is checked elsewhere.
 */
export class JsonScanner {
	#listener: JsonListener;
	#state = VALUE;
	#depth = 0;
	#containers = new Uint8Array(MAX_DEPTH);
	#inKey = false;
	#hexLeft = 0;
	#literal = '';
	#literalAt = 0;
	#keyBytes: number[] = [];
	#read = 0;

	constructor(listener: JsonListener) {
		this.#listener = listener;
	}

	/** @throws CapError RESULT_INVALID at the first byte that is no JSON */
	push(chunk: Uint8Array): void {
		const length = chunk.length;
		for (let i = 0; i < length; i++) {
			if (this.#state === STRING && !this.#inKey) {
				i = this.#skipString(chunk, i);
				if (i >= length) break;
			}
			if (!this.#take(chunk[i] ?? 0, i)) this.#refuse(chunk[i] ?? 0, i);
		}
		this.#read += length;
	}

	/** @throws CapError RESULT_INVALID when the text breaks off */
	finish(): void {
		if (this.#state >= NUMBER && isWholeNumber(this.#state - NUMBER)) this.#ended(0);
		if (this.#state === AFTER && this.#depth === 0) return;
		throw new CapError('RESULT_INVALID', `the JSON breaks off after ${this.#read} bytes`);
	}

	/** @returns the offset of the next byte of a string that means something */
	#skipString(chunk: Uint8Array, from: number): number {
		let i = from;
		for (; i < chunk.length; i++) {
			const byte = chunk[i] ?? 0;
			if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
		}
		return i;
	}

	#take(byte: number, i: number): boolean {
		if (this.#state >= NUMBER) {
			const next = nextInNumber(this.#state - NUMBER, byte);
			if (next >= 0) {
				this.#state = NUMBER + next;
				return true;
			}
			if (!isWholeNumber(this.#state - NUMBER)) return false;
			this.#ended(i);
		}
		switch (this.#state) {
			case STRING:
				return this.#inString(byte, i);
			case ESCAPE:
				return this.#escaped(byte);
			case HEX:
				return this.#hex(byte);
			case LITERAL:
				return this.#inLiteral(byte, i);
			case COLON:
				if (byte === 0x3a) this.#state = VALUE;
				return byte === 0x3a || isSpace(byte);
			case AFTER:
				return this.#after(byte, i);
			case FIRST_KEY:
			case KEY:
				return this.#beforeKey(byte, i);
			default:
				return this.#beforeValue(byte, i);
		}
	}

	#beforeValue(byte: number, i: number): boolean {
		if (isSpace(byte)) return true;
		if (byte === 0x5d && this.#state === FIRST_VALUE) return this.#close(ARRAY, i);
		if (this.#depth <= MAX_TOLD) this.#listener.begin(this.#depth, i, byte);
		if (byte === OBJECT || byte === ARRAY) return this.#open(byte);
		if (byte === QUOTE) {
			this.#inKey = false;
			this.#state = STRING;
		} else if (byte === 0x2d) this.#state = NUMBER + MINUS;
		else if (isDigit(byte)) this.#state = NUMBER + (byte === 0x30 ? ZERO : DIGITS);
		else if (byte === 0x74) this.#startLiteral('true');
		else if (byte === 0x66) this.#startLiteral('false');
		else if (byte === 0x6e) this.#startLiteral('null');
		else return false;
		return true;
	}

	#beforeKey(byte: number, i: number): boolean {
		if (isSpace(byte)) return true;
		if (byte === 0x7d && this.#state === FIRST_KEY) return this.#close(OBJECT, i);
		if (byte !== QUOTE) return false;
		this.#inKey = true;
		this.#keyBytes = [];
		this.#state = STRING;
		return true;
	}

	#after(byte: number, i: number): boolean {
		if (isSpace(byte)) return true;
		if (this.#depth === 0) return false;
		const container = this.#containers[this.#depth - 1];
		if (byte === 0x2c) {
			this.#state = container === OBJECT ? KEY : VALUE;
			return true;
		}
		if (byte === 0x7d) return this.#close(OBJECT, i);
		return byte === 0x5d && this.#close(ARRAY, i);
	}

	#inString(byte: number, i: number): boolean {
		if (byte < 0x20) return false;
		if (byte === QUOTE) {
			if (this.#inKey) this.#endKey();
			else this.#ended(i + 1);
			return true;
		}
		if (byte === BACKSLASH) this.#state = ESCAPE;
		this.#keep(byte);
		return true;
	}

	#escaped(byte: number): boolean {
		this.#keep(byte);
		if (byte === 0x75) {
			this.#hexLeft = 4;
			this.#state = HEX;
			return true;
		}
		this.#state = STRING;
		// one of " \ / b f n r t
		return '"\\/bfnrt'.includes(String.fromCharCode(byte));
	}

	#hex(byte: number): boolean {
		this.#keep(byte);
		if (--this.#hexLeft === 0) this.#state = STRING;
		return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
	}

	#startLiteral(word: string): void {
		this.#literal = word;
		this.#literalAt = 1;
		this.#state = LITERAL;
	}

	#inLiteral(byte: number, i: number): boolean {
		if (this.#literal.charCodeAt(this.#literalAt++) !== byte) return false;
		if (this.#literalAt === this.#literal.length) this.#ended(i + 1);
		return true;
	}

	#keep(byte: number): void {
		if (this.#inKey && this.#depth <= MAX_TOLD && this.#keyBytes.length < MAX_KEY) {
			this.#keyBytes.push(byte);
		}
	}

	#endKey(): void {
		this.#state = COLON;
		this.#inKey = false;
		if (this.#depth > MAX_TOLD) return;
		const raw = Buffer.from(this.#keyBytes).toString('utf8');
		const cut = raw.length >= MAX_KEY;
		this.#listener.key(this.#depth, cut ? raw : (JSON.parse(`"${raw}"`) as string));
	}

	#open(byte: number): boolean {
		if (this.#depth >= MAX_DEPTH) return false;
		this.#containers[this.#depth++] = byte;
		this.#state = byte === OBJECT ? FIRST_KEY : FIRST_VALUE;
		return true;
	}

	#close(container: number, i: number): boolean {
		if (this.#depth === 0 || this.#containers[this.#depth - 1] !== container) return false;
		this.#depth--;
		this.#ended(i + 1);
		return true;
	}

	#ended(at: number): void {
		this.#state = AFTER;
		if (this.#depth <= MAX_TOLD) this.#listener.end(this.#depth, at);
	}

	#refuse(byte: number, i: number): never {
		const place = this.#read + i;
		const shown = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte ${byte}`;
		throw new CapError('RESULT_INVALID', `the JSON is wrong at byte ${place}: ${shown}`);
	}
}
