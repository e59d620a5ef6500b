import type { DeclaredColumn } from '../../contract/envelope.ts';
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
} from '../shared/json-bytes.ts';

/** Where the list of rows of one table stands in the document: from its bracket to behind the other. */
export interface FoundTable {
	name: string;
	start: number;
	end: number;
	columns?: DeclaredColumn[];
}

const MAX_NAME = 2000;
const MAX_COLUMNS_BYTES = 4_000_000;
const MAX_TABLES = 500;

interface TableDraft {
	name?: string;
	start?: number;
	end?: number;
	columns?: number[];
}

/**
 * Finds the result sets of a JSON document, block by block:
 * - `{ "tables": [{ "name": "…", "rows": [ … ], "columns": [ … ]? }] }`
 * - `{ "orders": [{ … }], "customers": [{ … }] }`: nothing but lists of objects
 *
 * It counts brackets and skips strings; the rows are checked by who reads them. `failed` as soon as the
 * document is neither, which for most is at their first bytes.
 */
export class TableFinder {
	#byTables = true;
	#byKeys = true;
	#depth = 0;
	#offset = 0;
	#inString = false;
	#escaped = false;
	/** The last string where names stand: at depth 1, and at depth 3 of the first form. */
	#word: number[] = [];
	/** The last key. */
	#key: string | undefined;
	/** Whether a value is still to come: of the document, and of a table of the first form. */
	#awaitsList = false;
	#awaits = false;
	#capture: number[] | undefined;
	#draft: TableDraft = {};
	readonly #listed: TableDraft[] = [];
	readonly #keyed: TableDraft[] = [];

	get failed(): boolean {
		return !this.#byTables && !this.#byKeys;
	}

	scan(block: Uint8Array): void {
		for (let at = 0; at < block.length && !this.failed; at++) {
			const byte = block[at]!;
			this.#capture?.push(byte);
			if (this.#capture && this.#capture.length > MAX_COLUMNS_BYTES) this.#byTables = false;
			if (this.#inString) this.#inText(byte);
			else if (byte > SPACE) this.#structure(byte, this.#offset + at);
		}
		this.#offset += block.length;
	}

	/** The tables, once all is scanned; undefined for every other document. */
	end(): FoundTable[] | undefined {
		if (this.#depth !== 0 || this.failed) return undefined;
		const drafts = this.#byTables ? this.#listed : this.#keyed;
		if (drafts.length === 0 || drafts.length > MAX_TABLES) return undefined;
		return drafts.map(({ name = '', start = 0, end = 0, columns }) => ({
			name,
			start,
			end,
			...(columns === undefined ? {} : { columns: readColumns(columns) }),
		}));
	}

	#inText(byte: number): void {
		if (this.#escaped) this.#escaped = false;
		else if (byte === BACKSLASH) this.#escaped = true;
		else if (byte === QUOTE) {
			this.#inString = false;
			this.#endText();
			return;
		}
		if (this.#keepsWords && this.#word.length <= MAX_NAME) this.#word.push(byte);
	}

	get #keepsWords(): boolean {
		return this.#depth === 1 || (this.#depth === 3 && this.#byTables);
	}

	#endText(): void {
		if (this.#depth === 3 && this.#byTables && this.#awaits) {
			if (this.#key === 'name') this.#draft.name = wordOf(this.#word);
			else this.#byTables = false;
			this.#awaits = false;
		}
	}

	#structure(byte: number, at: number): void {
		if (this.#depth === 0 && byte !== OPEN_OBJECT) this.#fail();
		// the elements of a list of rows are objects
		if (this.#depth === 2 && byte !== OPEN_OBJECT && byte !== COMMA && byte !== CLOSE_LIST)
			this.#fail();
		if (this.#awaitsList && byte !== OPEN_LIST) this.#fail();
		switch (byte) {
			case QUOTE:
				this.#inString = true;
				this.#word.length = 0;
				break;
			case COLON:
				if (this.#keepsWords) this.#beginValue();
				break;
			case OPEN_LIST:
			case OPEN_OBJECT:
				this.#open(byte, at);
				break;
			case CLOSE_LIST:
			case CLOSE_OBJECT:
				this.#close(byte, at);
				break;
			case COMMA:
				break;
			default:
				// a number, true, false or null where a name or a list should be
				if (this.#depth === 3 && this.#awaits) this.#byTables = false;
		}
	}

	#fail(): void {
		this.#byTables = this.#byKeys = false;
	}

	#beginValue(): void {
		this.#key = wordOf(this.#word);
		if (this.#depth === 3) {
			this.#awaits = true;
			return;
		}
		// a list in `rows` is one table, whatever stands beside it
		if (this.#key === 'rows') this.#fail();
		this.#awaitsList = true;
		if (this.#key !== 'tables') this.#byTables = false;
	}

	#open(byte: number, at: number): void {
		if (this.#depth === 1) {
			if (this.#keyed.length > 0) this.#byTables = false;
			this.#keyed.push({ name: this.#key ?? '', start: at });
			this.#awaitsList = false;
		} else if (this.#depth === 2 && this.#byTables) {
			this.#draft = {};
			this.#key = undefined;
		} else if (this.#depth === 3 && this.#byTables) {
			const isKnown = this.#key === 'rows' || this.#key === 'columns';
			if (!this.#awaits || byte !== OPEN_LIST || !isKnown) this.#byTables = false;
			else if (this.#key === 'rows') this.#draft.start = at;
			else this.#capture = [OPEN_LIST];
			this.#awaits = false;
		}
		this.#depth += 1;
	}

	#close(byte: number, at: number): void {
		this.#depth -= 1;
		if (this.#depth === 1 && byte === CLOSE_LIST) {
			this.#keyed.at(-1)!.end = at + 1;
		} else if (this.#depth === 3 && this.#byTables) {
			if (this.#key === 'rows') this.#draft.end = at + 1;
			else if (this.#capture) {
				this.#draft.columns = this.#capture;
				this.#capture = undefined;
			}
		} else if (this.#depth === 2 && this.#byTables) {
			const { name, end } = this.#draft;
			if (name === undefined || end === undefined) this.#byTables = false;
			else this.#listed.push(this.#draft);
		}
	}
}

function wordOf(bytes: readonly number[]): string {
	try {
		return JSON.parse(`"${Buffer.from(bytes).toString('utf8')}"`) as string;
	} catch {
		// malformed: whoever parses the whole will say so
		return '';
	}
}

/** Names, or objects with a name; whatever else was declared is no column. */
function readColumns(bytes: readonly number[]): DeclaredColumn[] {
	const text = (value: unknown): value is string => typeof value === 'string' && value !== '';
	const list = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown[];
	return list.flatMap((item): DeclaredColumn[] => {
		if (text(item)) return [{ name: item }];
		const { name, type, title } = (item ?? {}) as Record<string, unknown>;
		if (!text(name)) return [];
		return [{ name, ...(text(type) ? { type } : {}), ...(text(title) ? { title } : {}) }];
	});
}
