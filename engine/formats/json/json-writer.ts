import type { DeclaredColumn, Row } from '../../contract/envelope.ts';
import type { ReportMeta } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { changesRows, rowProjector } from '../shared/json-rows.ts';
import type { Table } from '../shared/table.ts';
import type { JsonOptions } from './options.ts';

type Chunks = AsyncGenerator<Uint8Array>;

interface ListPlace<T> {
	/** What is written of an element; all of it when omitted. */
	project?: (item: T) => unknown;
	/** How many steps in the list stands. */
	level: number;
	/** What stands before the list and after it; the count of elements is known only then. */
	before?: string;
	after?: (count: number) => string;
}

/** Lists of rows, and what the shapes put around them; one element a line, so that a line tool can read it. */
export class JsonWriter {
	readonly #options: JsonOptions;

	constructor(options: JsonOptions) {
		this.#options = options;
	}

	array(table: Table): Chunks {
		return this.list(table.rows(), { project: this.#project(table), level: 0 });
	}

	async *object(tables: readonly Table[]): Chunks {
		for (const [index, table] of tables.entries()) {
			yield* this.list(table.rows(), {
				project: this.#project(table),
				level: 1,
				before: `${index === 0 ? '{' : ','}${this.#line(1)}${this.#key(table.name)}`,
				after: () => (index === tables.length - 1 ? `${this.#line(0)}}\n` : ''),
			});
		}
	}

	envelope(
		meta: ReportMeta,
		table: Table,
		declared: readonly DeclaredColumn[] | undefined,
	): Chunks {
		const opening = `{${this.#line(1)}${this.#key('meta')}${this.#text(meta, 1)},`;
		return this.#tableBody(table, {
			level: 1,
			before: opening,
			columns: changesRows(this.#options) ? undefined : declared,
			after: `${this.#line(0)}}\n`,
		});
	}

	async *envelopes(meta: ReportMeta, tables: readonly Table[]): Chunks {
		const opening =
			`{${this.#line(1)}${this.#key('meta')}${this.#text(meta, 1)},` +
			`${this.#line(1)}${this.#key('tables')}[`;
		for (const [index, table] of tables.entries()) {
			const name = `${this.#line(3)}${this.#key('name')}${JSON.stringify(table.name)},`;
			const isLast = index === tables.length - 1;
			yield* this.#tableBody(table, {
				level: 3,
				before: `${index === 0 ? opening : ','}${this.#line(2)}{${name}`,
				columns: undefined,
				after: `${this.#line(2)}}${isLast ? `${this.#line(1)}]${this.#line(0)}}\n` : ''}`,
			});
		}
	}

	/** `columns`, `rows` and `rowCount` of an object that somebody else opens and closes. */
	#tableBody(
		table: Table,
		place: {
			level: number;
			before: string;
			columns: readonly DeclaredColumn[] | undefined;
			after: string;
		},
	): Chunks {
		const { level } = place;
		const columns = place.columns ?? table.columns.map(({ key }) => ({ name: key }));
		return this.list(table.rows(), {
			project: this.#project(table),
			level,
			before:
				`${place.before}${this.#line(level)}${this.#key('columns')}${this.#text(columns, level)},` +
				`${this.#line(level)}${this.#key('rows')}`,
			after: (count) => `,${this.#line(level)}${this.#key('rowCount')}${count}${place.after}`,
		});
	}

	list<T>(
		batches: AsyncIterable<readonly T[]>,
		{
			level,
			project = (item) => item,
			before = '',
			after = () => (level === 0 ? '\n' : ''),
		}: ListPlace<T>,
	): Chunks {
		const { pretty } = this.#options;
		const indent = pretty ? '  '.repeat(level + 1) : '';
		const outer = pretty ? '  '.repeat(level) : '';
		return encodeText(batches, {
			opening: `${before}[`,
			each: (item, index) =>
				`${index === 0 ? '\n' : ',\n'}${indent}${this.#text(project(item), level + 1)}`,
			closing: (count) => `${count === 0 ? '' : `\n${outer}`}]${after(count)}`,
		});
	}

	#project(table: Table): (row: Row) => unknown {
		return changesRows(this.#options) ? rowProjector(table, this.#options) : (row) => row;
	}

	/** A new line in an indented document, nothing in others. */
	#line(level: number): string {
		return this.#options.pretty ? `\n${'  '.repeat(level)}` : '';
	}

	#key(name: string): string {
		return `${JSON.stringify(name)}:${this.#options.pretty ? ' ' : ''}`;
	}

	/** Line breaks within texts are escaped in JSON: those that are there are ours. */
	#text(value: unknown, level: number): string {
		if (!this.#options.pretty) return JSON.stringify(value);
		return JSON.stringify(value, null, 2).replaceAll('\n', `\n${'  '.repeat(level)}`);
	}
}
