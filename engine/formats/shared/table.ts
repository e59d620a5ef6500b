import type { DeclaredColumn, Row } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { FormatInput, ResultTable } from '../format.port.ts';
import { isNumeric, readTypeName, type ColumnType, type DeclaredType } from './column-type.ts';
import { cellReader, type Cell } from './columns.ts';
import { ColumnFacts, type TextReading } from './facts.ts';
import { flattened } from './flatten.ts';
import { keysInOrder } from './key-order.ts';
import { columnsOfSchema, type SchemaColumn } from './schema-columns.ts';
import { demandRows } from './suitable.ts';
import type { ColumnOptions } from './table-options.ts';
import { Undeclared } from './undeclared.ts';

export type Align = 'left' | 'right' | 'center';

export interface TableColumn {
	/** The key in the rows. */
	readonly name: string;
	/** What data files call it: as the options rename it, else its name. */
	readonly key: string;
	/** What people read above it: as the options rename it, else its title, else its name. */
	readonly label: string;
	/** `mixed` unless the format asked for types. */
	readonly type: ColumnType;
	/** False only where the schema promises a value in every row, and every row has kept that. */
	readonly nullable: boolean;
	readonly align: Align;
	/** A pattern for this column alone. */
	readonly pattern: string | undefined;
	/** Of decimals; undefined where doubles among them hide their digits. */
	readonly digits: { precision: number; scale: number } | undefined;
	/** What its cells are; undefined unless the format asked for types. */
	readonly facts: ColumnFacts | undefined;
	/** As it came: null or undefined where the row has none. */
	readonly read: (row: Row) => Cell;
}

/** One table to write. */
export interface Table {
	/** Empty for the only table of a result. */
	readonly name: string;
	readonly columns: readonly TableColumn[];
	/** How many rows there are; undefined where they were not read for it. */
	readonly rowCount: number | undefined;
	/** From the first, as often as asked for. */
	rows(): AsyncIterable<readonly Row[]>;
}

/**
 * What a format has to know before it writes, from little to much:
 * - `nothing`: rows are written as they come; `columns` holds only those that are known beforehand.
 * - `names`: which columns there are. Rows are read once more only where nothing declares them.
 * - `types`: also what all their cells are, which reads all rows once more.
 * - `facts`: also how long cells are.
 */
export type Need = 'nothing' | 'names' | 'types' | 'facts';

export interface TableDemand {
	/** The format's name, for messages. */
	format: string;
	need: Need;
	/** Rows are written with all of their keys, whatever columns are known. */
	wholeRows?: boolean;
	/** Sees every cell of a column while types are found out, which spares another pass over the rows. */
	observe?: (table: string, column: string) => { add(value: Cell): void };
}

type Source = Pick<FormatInput, 'rows' | 'columns' | 'schema' | 'tables' | 'notice'> &
	Pick<FormatInput, 'binary' | 'contentType' | 'encoding'>;

/**
 * The tables of a result with their columns, as the options choose them; one without a name unless the
 * result has several result sets.
 * @throws CapError FORMAT_UNSUITABLE for bytes, unknown tables, values that are not of a type that was chosen
 */
export async function openTables(
	input: Source,
	options: ColumnOptions,
	demand: TableDemand,
): Promise<readonly Table[]> {
	demandRows(input, demand.format);
	const tables: Table[] = [];
	for (const table of chosenTables(input, options)) {
		tables.push(await openTable(table, input, { options, demand }));
	}
	return tables;
}

/** Several, or none where the result is one table. */
export function chosenTables(
	input: Pick<FormatInput, 'rows' | 'columns' | 'tables'>,
	{ tables: wanted }: Pick<ColumnOptions, 'tables'>,
): readonly ResultTable[] {
	const tables = input.tables ?? [];
	if (wanted === undefined) {
		return tables.length > 0
			? tables
			: [{ name: '', columns: input.columns, rows: () => input.rows() }];
	}
	return wanted.map((name) => {
		const table = tables.find((candidate) => candidate.name === name);
		if (table) return table;
		const there = tables.map((candidate) => `"${candidate.name}"`).join(', ');
		throw new CapError(
			'FORMAT_UNSUITABLE',
			`options.tables: expected tables of the result (${there === '' ? 'it has no named ones' : there})`,
		);
	});
}

interface Opening {
	options: ColumnOptions;
	demand: TableDemand;
}

/** What is known of a column before a row is read. */
interface Sketch {
	name: string;
	label?: string | undefined;
	title?: string | undefined;
	declared?: DeclaredType | undefined;
	/** The user said so: another type is an error and no surprise. */
	demanded?: ColumnType | undefined;
	required?: boolean | undefined;
	pattern?: string | undefined;
	align?: Align | undefined;
}

async function openTable(
	source: ResultTable,
	input: Source,
	{ options, demand }: Opening,
): Promise<Table> {
	const { sketches, closed } = sketchesOf(source, input, options);
	const flatten = options.nested === 'flatten';
	const rows = (): AsyncIterable<readonly Row[]> =>
		flatten ? flattened(source.rows()) : source.rows();
	const { need } = demand;
	const typed =
		need === 'types' || need === 'facts' || sketches.some(({ demanded }) => demanded !== undefined);
	const names = sketches.map(({ name }) => name);
	// what the user did not choose is left out by his will, and no surprise
	const undeclared =
		closed && options.columns === undefined && need !== 'nothing' && demand.wholeRows !== true
			? new Undeclared([...names, ...options.omit])
			: undefined;
	const tell = (): void => undeclared?.tell(input, source.name);
	if ((closed || need === 'nothing') && !typed) {
		const columns = sketches.map((sketch) => columnOf(sketch, undefined, 0));
		return {
			name: source.name,
			columns,
			rowCount: undefined,
			rows: () => undeclared?.watched(rows(), tell) ?? rows(),
		};
	}
	const reading = readingOf(options, input.encoding);
	const watch = (sketch: Sketch): Watched => ({
		sketch,
		facts: new ColumnFacts({
			declared: sketch.declared,
			reading,
			lengths: need === 'facts',
		}),
		observer: demand.observe?.(source.name, sketch.name),
	});
	const known = new Map(sketches.map((sketch) => [sketch.name, watch(sketch)]));
	const omitted = new Set(options.omit);
	function found(name: string): Watched | undefined {
		if (closed || omitted.has(name)) return undefined;
		const column = watch({ name, label: labelFrom(options, name) });
		known.set(name, column);
		return column;
	}
	const look = typed ? cellsWatcher(known, found) : namesWatcher(known, found);
	let rowCount = 0;
	for await (const batch of rows()) {
		rowCount += batch.length;
		undeclared?.look(batch);
		if (!closed) for (const name of keysInOrder(batch) ?? []) if (!known.has(name)) found(name);
		for (const row of batch) look(row);
	}
	tell();
	const columns = [...known.values()].map(({ sketch, facts }) =>
		columnOf(sketch, typed ? facts : undefined, rowCount),
	);
	return { name: source.name, columns, rowCount, rows };
}

/** A column while rows are read to know it. */
interface Watched {
	sketch: Sketch;
	facts: ColumnFacts;
	observer: { add(value: Cell): void } | undefined;
}
type Find = (name: string) => Watched | undefined;

function namesWatcher(known: ReadonlyMap<string, Watched>, found: Find): (row: Row) => void {
	return (row) => {
		for (const name in row) if (!known.has(name)) found(name);
	};
}

/** Cells are read in the order of each row, which V8 does without looking for names; missing ones say nothing. */
function cellsWatcher(known: ReadonlyMap<string, Watched>, found: Find): (row: Row) => void {
	const names: string[] = [];
	const columns: (Watched | undefined)[] = [];
	return (row) => {
		let at = 0;
		for (const name in row) {
			// most rows have their keys in the order of the one before
			if (names[at] !== name) {
				names[at] = name;
				columns[at] = known.get(name) ?? found(name);
			}
			const column = columns[at++];
			if (column === undefined) continue;
			const value = row[name];
			column.facts.add(value);
			column.observer?.add(value);
		}
	};
}

/** The columns that are known beforehand, and whether there can be no others. */
function sketchesOf(
	source: ResultTable,
	input: Source,
	options: ColumnOptions,
): { sketches: Sketch[]; closed: boolean } {
	const schema = columnsOfSchema(input.schema, source.name === '' ? undefined : source.name);
	const described = new Map(schema?.columns.map((column) => [column.name, column]));
	const declared = new Map(source.columns?.map((column) => [column.name, column]));
	const sketch = (name: string): Sketch => ({
		...sketchFrom(described.get(name), declared.get(name)),
		name,
		label: labelFrom(options, name),
	});
	if (options.columns) {
		const sketches = options.columns.map(({ name, label, type, pattern, align }): Sketch => {
			const known = sketch(name);
			return {
				...known,
				...(label === undefined ? {} : { label }),
				...(type === undefined ? {} : { declared: demandedType(type, known), demanded: type }),
				pattern,
				align,
			};
		});
		return { sketches, closed: true };
	}
	// flattened, a declared object is other columns: which, only the rows tell
	if (options.nested === 'flatten') return { sketches: [], closed: false };
	const names = source.columns?.map(({ name }) => name) ?? schema?.columns.map(({ name }) => name);
	const sketches = (names ?? []).filter((name) => !options.omit.includes(name)).map(sketch);
	return { sketches, closed: source.columns !== undefined || schema?.closed === true };
}

/** A declaration of decimals with their digits says more than the type alone. */
function demandedType(type: ColumnType, { declared }: Sketch): DeclaredType {
	return declared?.types[0] === type ? declared : { types: [type] };
}

function sketchFrom(
	described: SchemaColumn | undefined,
	declared: DeclaredColumn | undefined,
): Omit<Sketch, 'name'> {
	const own = declared?.type === undefined ? undefined : readTypeName(declared.type);
	return {
		declared: own ?? described?.declared,
		title: declared?.title ?? described?.title,
		required: described?.required,
	};
}

function labelFrom({ rename }: ColumnOptions, name: string): string | undefined {
	return Object.hasOwn(rename, name) ? rename[name] : undefined;
}

function readingOf({ readText }: ColumnOptions, encoding: FormatInput['encoding']): TextReading {
	if (readText !== 'auto') return readText;
	return encoding === 'csv' ? 'all' : 'moments';
}

function columnOf(sketch: Sketch, facts: ColumnFacts | undefined, rows: number): TableColumn {
	const { name, title, demanded, required = false, pattern } = sketch;
	if (facts && demanded !== undefined && facts.fittingType === undefined) {
		throw new CapError(
			'FORMAT_UNSUITABLE',
			`options.columns: expected values of type ${demanded} in column ${JSON.stringify(name)}, got others`,
		);
	}
	const type = facts?.type ?? 'mixed';
	return {
		name,
		key: sketch.label ?? name,
		label: sketch.label ?? title ?? name,
		type,
		nullable: !(required && facts?.values === rows),
		align: sketch.align ?? (isNumeric(type) ? 'right' : 'left'),
		pattern,
		digits: type === 'decimal' ? facts?.digits : undefined,
		facts,
		read: cellReader(name),
	};
}
