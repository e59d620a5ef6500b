import type { Row } from '../../contract/envelope.ts';
import type { Cell } from '../shared/columns.ts';
import type { Table } from '../shared/table.ts';
import type { ParquetColumn, ParquetValue } from './schema.ts';

/** Rows that are to be written together, column by column. */
export class RowGroup {
	rows = 0;
	/** Of text in it, roughly: what it holds of memory. */
	characters = 0;
	#values: ParquetValue[][];
	readonly #columns: readonly { read: (row: Row) => Cell; value: ParquetColumn['value'] }[];

	constructor({ columns }: Table, written: readonly ParquetColumn[]) {
		this.#columns = written.map(({ value }, at) => ({
			read: columns[at]?.read ?? (() => null),
			value,
		}));
		this.#values = this.#columns.map(() => []);
	}

	add(row: Row): void {
		for (let at = 0; at < this.#columns.length; at++) {
			const { read, value } = this.#columns[at]!;
			const written = value(read(row));
			this.#values[at]!.push(written);
			if (typeof written === 'string' || written instanceof Uint8Array) {
				this.characters += written.length;
			}
		}
		this.rows += 1;
	}

	/** The values so far; the group is empty then. */
	take(): { values: readonly (readonly ParquetValue[])[]; rows: number } {
		const taken = { values: this.#values, rows: this.rows };
		this.#values = this.#columns.map(() => []);
		this.rows = 0;
		this.characters = 0;
		return taken;
	}
}
