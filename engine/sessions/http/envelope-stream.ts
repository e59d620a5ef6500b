import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import { readColumns } from '../shared/columns.ts';
import { JsonScanner } from './json-scanner.ts';
import type { JsonListener } from './json-scanner.ts';

/** Longest row, and longest list of columns, that is put together in memory. */
const MAX_PIECE = 16 * 1024 * 1024;
const NEWLINE = Buffer.from('\n');

/**
 * What a large JSON body turned out to be:
 * - `plain`: no envelope, its bytes pass untouched
 * - `value`: an envelope, the bytes of its `result` pass
 * - `rows`: an envelope whose result is `{ rows, columns }`, its rows pass as NDJSON
 */
export type LargeJson = 'plain' | 'value' | 'rows';

/**
 * Takes the envelope off a JSON body of any size in constant memory, keeping the digits of numbers as
 * they came. An envelope is known by its beginning: `{"status":"succeeded","result":`. A body of this
 * size that begins otherwise is the result itself.
 */
export class EnvelopeStream implements JsonListener {
	kind: LargeJson | null = null;
	rows = 0;
	columns: DeclaredColumn[] | undefined;
	#scanner = new JsonScanner(this);
	#chunk: Buffer = Buffer.alloc(0);
	#out: Buffer[] = [];
	/** Bytes held back until `kind` is known: all of the body, and those of `result`. */
	#whole: Buffer[] = [];
	#wholeBytes = 0;
	#result: Buffer[] = [];
	/** Where in this chunk the piece begins that is being put together; -1 for none. */
	#from = -1;
	#piece: Buffer[] = [];
	#pieceBytes = 0;
	#key1 = '';
	#key2 = '';
	#members = 0;
	#inResult = false;
	#resultFrom = -1;

	async *read(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
		for await (const chunk of source) {
			this.#take(chunk);
			yield* this.#flush();
		}
		this.#scanner.finish();
		if (this.kind === null) this.#decide('plain');
		yield* this.#flush();
	}

	*#flush(): Generator<Buffer> {
		const [first, second] = this.#out;
		if (first !== undefined) yield second === undefined ? first : Buffer.concat(this.#out);
		this.#out = [];
	}

	#take(chunk: Buffer): void {
		const decided = this.kind;
		this.#chunk = chunk;
		this.#from = this.#piece.length > 0 || this.#pieceBytes > 0 ? 0 : -1;
		this.#resultFrom = this.#inResult ? 0 : -1;
		if (decided === null) this.#hold(chunk);
		this.#scanner.push(chunk);
		if (this.#from >= 0) this.#addPiece(chunk.subarray(this.#from));
		if (this.kind === 'plain' && decided === 'plain') this.#out.push(chunk);
		if (this.#inResult && this.kind !== 'rows') this.#addResult(chunk.length);
	}

	begin(depth: number, at: number, byte: number): void {
		if (this.kind === 'plain') return;
		if (depth === 0 && byte !== 0x7b) this.#decide('plain');
		if (depth === 1) this.#beginMember(at, byte);
		if (depth === 2 && this.#inResult) this.#beginPart(at, byte);
		if (depth === 3 && this.#inResult && this.#key2 === 'rows') this.#beginRow(at, byte);
	}

	end(depth: number, at: number): void {
		if (this.kind === 'plain') return;
		if (depth === 1 && this.#key1 === 'status') {
			if (this.#endPiece(at).toString('latin1') !== '"succeeded"') this.#decide('plain');
		}
		if (depth === 1 && this.#inResult) this.#endResult(at);
		if (depth === 2 && this.#inResult && this.#from >= 0 && this.#key2 === 'columns') {
			this.columns = readColumns(JSON.parse(this.#endPiece(at).toString('utf8')));
		}
		if (depth === 2 && this.#inResult && this.#key2 === 'rows' && this.kind === null) {
			this.#decide('rows'); // an empty array: no row had told it
		}
		if (depth === 3 && this.kind === 'rows' && this.#key2 === 'rows') this.#endRow(at);
	}

	key(depth: number, name: string): void {
		if (this.kind === 'plain') return;
		if (depth === 1) {
			this.#key1 = name;
			const expected = ['status', 'result'][this.#members++];
			if (name !== expected) this.#unexpected(name);
		}
		if (depth === 2 && this.#inResult) {
			this.#key2 = name;
			if (name === 'rows' || name === 'columns') return;
			if (this.kind === null) this.#decide('value');
			else if (this.kind === 'rows') this.#unexpected(`result.${name}`);
		}
	}

	#unexpected(name: string): void {
		if (this.kind === null) {
			this.#decide('plain');
			return;
		}
		const shown = JSON.stringify(name.slice(0, 100));
		throw new CapError('RESULT_INVALID', `the envelope has an unexpected member ${shown}`);
	}

	#beginMember(at: number, byte: number): void {
		if (this.#key1 === 'status') this.#from = at;
		if (this.#key1 !== 'result') return;
		this.#inResult = true;
		this.#resultFrom = at;
		if (byte !== 0x7b) this.#decide('value');
	}

	#beginPart(at: number, byte: number): void {
		if (this.kind === 'value') return;
		if (this.#key2 === 'columns') this.#from = at;
		else if (byte !== 0x5b && this.kind === null) this.#decide('value');
	}

	#beginRow(at: number, byte: number): void {
		if (this.kind === null) this.#decide(byte === 0x7b ? 'rows' : 'value');
		if (this.kind !== 'rows') return;
		if (byte !== 0x7b) {
			throw new CapError('RESULT_INVALID', `result.rows[${this.rows}]: expected an object`);
		}
		this.#from = at;
	}

	#endRow(at: number): void {
		const row = this.#endPiece(at);
		// line breaks can only stand between the tokens of a row: inside strings JSON forbids them
		const plain = !row.includes(0x0a) && !row.includes(0x0d);
		this.#out.push(plain ? row : Buffer.from(row.filter((byte) => byte !== 0x0a && byte !== 0x0d)));
		this.#out.push(NEWLINE);
		this.rows++;
	}

	#endResult(at: number): void {
		if (this.kind === null) this.#decide('value');
		if (this.kind === 'value') this.#addResult(at);
		this.#inResult = false;
		this.#key2 = '';
	}

	/** Every body shows within its first bytes what it is; one that does not is made to fill memory. */
	#hold(chunk: Buffer): void {
		this.#whole.push(chunk);
		this.#wholeBytes += chunk.length;
		if (this.#wholeBytes > 2 * MAX_PIECE) {
			const message = `what stands before the rows of the envelope is larger than ${2 * MAX_PIECE} bytes`;
			throw new CapError('RESULT_TOO_LARGE', message);
		}
	}

	#addResult(to: number): void {
		const bytes = this.#chunk.subarray(this.#resultFrom, to);
		if (this.kind === 'value') this.#out.push(bytes);
		else this.#result.push(bytes);
	}

	#decide(kind: LargeJson): void {
		this.kind = kind;
		if (kind === 'plain') {
			this.#out.push(...this.#whole);
			this.#inResult = false;
		}
		if (kind === 'value') this.#out.push(...this.#result);
		if (kind !== 'rows') this.#dropPiece();
		this.#whole = [];
		this.#result = [];
	}

	#addPiece(bytes: Buffer): void {
		this.#piece.push(bytes);
		this.#pieceBytes += bytes.length;
		if (this.#pieceBytes > MAX_PIECE) {
			const message = `a row, or the list of columns, is larger than ${MAX_PIECE} bytes`;
			throw new CapError('RESULT_TOO_LARGE', message);
		}
	}

	#endPiece(at: number): Buffer {
		this.#addPiece(this.#chunk.subarray(this.#from, at));
		const [first] = this.#piece;
		const whole = this.#piece.length === 1 && first ? first : Buffer.concat(this.#piece);
		this.#dropPiece();
		return whole;
	}

	#dropPiece(): void {
		this.#piece = [];
		this.#pieceBytes = 0;
		this.#from = -1;
	}
}
