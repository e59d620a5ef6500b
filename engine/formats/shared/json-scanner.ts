import {
	BACKSLASH,
	CLOSE_LIST,
	CLOSE_OBJECT,
	COLON,
	COMMA,
	OPEN_LIST,
	OPEN_OBJECT,
	QUOTE,
	SPACE,
} from './json-bytes.ts';

/** What a JSON document is to us: an `array`, an object with a list in `rows`, or any other `value`. */
export type JsonShape = 'array' | 'rows' | 'value';

/** Positions in the scanned block; -1 for what did not come in it. */
export interface Marks {
	/** The byte behind the list's opening bracket. */
	listStart: number;
	/** The last comma between two elements, unless the list ends in this block. */
	lastComma: number;
	/** The list's closing bracket. */
	listEnd: number;
}

/** Keys with more bytes are not `rows`, however they are escaped. */
const MAX_KEY = 24;

/**
 * Follows a JSON document block by block and tells where the list that matters begins, where its
 * elements part and where it ends. It counts brackets and skips strings; it does not validate.
 *
 * Modes: `start` before the first byte, `members` in the top-level object, `list` in the list, `rest`
 * after it and in any other value.
 */
export class JsonScanner {
	shape: JsonShape = 'value';
	mode: 'start' | 'members' | 'list' | 'rest' = 'start';
	#depth = 0;
	#listDepth = 0;
	#inString = false;
	#escaped = false;
	/** The last string at the top level of the object, which is a key when a colon follows. */
	#key: number[] = [];
	/** A colon behind the key `rows` has been seen, and the value has not begun. */
	#rowsAhead = false;

	scan(block: Uint8Array): Marks {
		const marks: Marks = { listStart: -1, lastComma: -1, listEnd: -1 };
		for (let at = 0; at < block.length; at++) {
			if (this.#inString) at = this.#string(block, at);
			else if (block[at]! > SPACE) this.#structure(block[at]!, at, marks);
		}
		return marks;
	}

	/** Goes on to the end of the string, or of the block. @returns the last position that was read */
	#string(block: Uint8Array, from: number): number {
		const keep = this.mode === 'members' && this.#depth === 1;
		for (let at = from; at < block.length; at++) {
			const byte = block[at]!;
			if (this.#escaped) {
				this.#escaped = false;
			} else if (byte === QUOTE) {
				this.#inString = false;
				return at;
			} else if (byte === BACKSLASH) {
				this.#escaped = true;
			}
			if (keep && this.#key.length <= MAX_KEY) this.#key.push(byte);
		}
		return block.length;
	}

	#structure(byte: number, at: number, marks: Marks): void {
		if (byte === OPEN_LIST && (this.mode === 'start' || this.#rowsAhead)) {
			this.shape = this.mode === 'start' ? 'array' : 'rows';
			this.mode = 'list';
			this.#listDepth = this.#depth += 1;
			this.#rowsAhead = false;
			marks.listStart = at + 1;
			return;
		}
		if (this.mode === 'start') this.mode = byte === OPEN_OBJECT ? 'members' : 'rest';
		this.#rowsAhead = false;
		switch (byte) {
			case QUOTE:
				this.#inString = true;
				this.#key.length = 0;
				break;
			case OPEN_LIST:
			case OPEN_OBJECT:
				this.#depth += 1;
				break;
			case CLOSE_LIST:
			case CLOSE_OBJECT:
				if (this.mode === 'list' && this.#depth === this.#listDepth) this.#endList(byte, at, marks);
				this.#depth -= 1;
				break;
			case COMMA:
				if (this.mode === 'list' && this.#depth === this.#listDepth) marks.lastComma = at;
				break;
			case COLON:
				this.#rowsAhead = this.mode === 'members' && this.#depth === 1 && isRows(this.#key);
				break;
		}
	}

	/** A brace in place of the bracket stays within the list, whose parser will refuse it. */
	#endList(byte: number, at: number, marks: Marks): void {
		if (byte !== CLOSE_LIST) {
			this.#depth += 1;
			return;
		}
		this.mode = 'rest';
		marks.listEnd = at;
		marks.lastComma = -1;
	}
}

/** Also when letters of it are escaped. */
function isRows(key: readonly number[]): boolean {
	if (key.length > MAX_KEY) return false;
	try {
		return JSON.parse(`"${String.fromCharCode(...key)}"`) === 'rows';
	} catch {
		// a malformed key: whoever parses the whole will say so
		return false;
	}
}
