import type { Row } from '../../contract/envelope.ts';
import type { FormatInput } from '../format.port.ts';
import { exactNumber } from '../shared/exact-json.ts';
import { cellReader, type Cell } from '../shared/columns.ts';
import { cellText } from '../shared/cell-text.ts';

export type Kind = 'empty' | 'number' | 'date' | 'boolean' | 'nested' | 'text';

/** Also numbers that came as text, as in CSV; but `007` is a code and stays text. */
const NUMERIC = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
const DATE =
	/^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;
/** As many as a double ever shows. */
const MAX_DECIMALS = 17;

/** What one column holds, learnt row by row in constant memory. */
export class ColumnProfile {
	readonly name: string;
	readonly read: (row: Row) => Cell;
	kind: Kind = 'empty';
	filled = 0;
	/** Least and greatest number or date, as it is written. */
	least: string | undefined;
	greatest: string | undefined;
	/** Digits after the point that the column needs. */
	decimals = 0;
	/** Characters of the longest cell. */
	longest = 0;
	#leastNumber = Infinity;
	#greatestNumber = -Infinity;
	#sum = 0;
	#lost = 0;
	#exact = true;
	/** Whether each number was one more than the one before: row numbers, ids. */
	#counting = true;
	#last: number | undefined;

	constructor(name: string) {
		this.name = name;
		this.read = cellReader(name);
	}

	add(value: Cell): void {
		if (value == null || value === '') return;
		this.filled += 1;
		const kind = kindOf(value);
		if (this.kind === 'empty') this.kind = kind;
		else if (this.kind !== kind) this.kind = 'text';
		const text = cellText(value);
		if (text.length > this.longest) this.longest = text.length;
		if (this.kind === 'number') this.#addNumber(text);
		else if (this.kind === 'date') this.#addDate(text);
	}

	/** Whether digits are parted in groups: not those of years and row numbers. */
	get grouping(): boolean {
		return !this.#isOrdinal && Math.max(-this.#leastNumber, this.#greatestNumber) >= 10_000;
	}

	/** The sum and the mean where they mean something: not of row numbers, years or inexact giants. */
	totals(): { sum: number; mean: number } | undefined {
		if (this.kind !== 'number' || !this.#exact || this.#isOrdinal) return undefined;
		const sum = this.#sum + this.#lost;
		return Number.isFinite(sum) ? { sum, mean: sum / this.filled } : undefined;
	}

	get #isOrdinal(): boolean {
		const years = this.decimals === 0 && this.#leastNumber >= 1900 && this.#greatestNumber <= 2100;
		return years || (this.#counting && this.filled > 2);
	}

	#addNumber(text: string): void {
		const number = Number(text);
		if (!Number.isSafeInteger(number) && Number.isInteger(number)) this.#exact = false;
		if (number < this.#leastNumber) [this.#leastNumber, this.least] = [number, text];
		if (number > this.#greatestNumber) [this.#greatestNumber, this.greatest] = [number, text];
		this.#counting &&= this.#last === undefined || number === this.#last + 1;
		this.#last = number;
		this.decimals = Math.max(this.decimals, Math.min(decimalsOf(text), MAX_DECIMALS));
		// Neumaier's sum: what the addition rounds away is kept beside
		const sum = this.#sum + number;
		this.#lost +=
			Math.abs(this.#sum) >= Math.abs(number) ? this.#sum - sum + number : number - sum + this.#sum;
		this.#sum = sum;
	}

	#addDate(text: string): void {
		if (this.least === undefined || text < this.least) this.least = text;
		if (this.greatest === undefined || text > this.greatest) this.greatest = text;
	}
}

export function decimalsOf(text: string): number {
	const point = text.indexOf('.');
	return point < 0 || text.includes('e') ? 0 : text.length - point - 1;
}

function kindOf(value: NonNullable<Cell>): Kind {
	switch (typeof value) {
		case 'number':
			return 'number';
		case 'boolean':
			return 'boolean';
		case 'object':
			return exactNumber(value) === undefined ? 'nested' : 'number';
		default:
			if (NUMERIC.test(value)) return 'number';
			return DATE.test(value) ? 'date' : 'text';
	}
}

export interface Profile {
	rows: number;
	columns: readonly ColumnProfile[];
}

/** Reads all rows once: how many, which columns, and what is in them. */
export async function profileOf(
	input: Pick<FormatInput, 'rows' | 'columns'>,
	chosen: readonly string[] | undefined,
): Promise<Profile> {
	const known = chosen ?? input.columns?.map((column) => column.name);
	const columns = new Map((known ?? []).map((name) => [name, new ColumnProfile(name)]));
	let rows = 0;
	for await (const batch of input.rows()) {
		rows += batch.length;
		for (const row of batch) {
			if (!known) {
				for (const key in row) if (!columns.has(key)) columns.set(key, new ColumnProfile(key));
			}
			for (const column of columns.values()) column.add(column.read(row));
		}
	}
	return { rows, columns: [...columns.values()] };
}
