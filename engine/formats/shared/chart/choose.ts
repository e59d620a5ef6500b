import type { Row } from '../../../contract/envelope.ts';
import type { Cell } from '../columns.ts';
import type { ChartType, TypedChart } from './options.ts';

/** What a column can be on a chart. `ordinal` numbers are row numbers, ids and years. */
export type Role = 'measure' | 'ordinal' | 'moment' | 'category' | 'none';

export interface ChartColumn {
	name: string;
	label: string;
	role: Role;
	read: (row: Row) => Cell;
}

export interface Choice {
	/** Undefined: the rows in their order. */
	x: ChartColumn | undefined;
	/** Empty: rows are counted. */
	y: readonly ChartColumn[];
	series: ChartColumn | undefined;
}

/** Lines that can be told apart when nobody said which to draw. */
const MOST_LINES = 3;
/** What is asked for along the axis, in this order. */
const PREFERRED: Readonly<Record<ChartType, readonly Role[]>> = {
	bar: ['category', 'moment', 'ordinal'],
	pie: ['category', 'moment', 'ordinal'],
	line: ['moment', 'ordinal', 'category'],
	area: ['moment', 'ordinal', 'category'],
	scatter: ['measure', 'ordinal', 'moment'],
};

/**
 * Which columns a chart shows: those that are named, and else those that a person would take.
 * @returns a sentence when a column that is named is not there
 */
export function chooseColumns(
	{ type, x, y, series, aggregate }: TypedChart,
	columns: readonly ChartColumn[],
): Choice | string {
	const named = (y === undefined ? [] : [y]).flat();
	const byName = new Map(columns.map((column) => [column.name, column]));
	for (const name of [x, ...named, series]) {
		if (name !== undefined && !byName.has(name)) return `there is no column "${name}"`;
	}
	const along =
		x === undefined
			? firstOf(PREFERRED[type], columns, (column) => !named.includes(column.name))
			: byName.get(x);
	const measures =
		named.length > 0
			? named.flatMap((name) => byName.get(name) ?? [])
			: columns.filter((column) => column.role === 'measure' && column !== along);
	const many = named.length > 0 ? measures.length : type === 'line' ? MOST_LINES : 1;
	if (type === 'scatter' && measures.length === 0) return 'there are no two columns of numbers';
	return {
		x: along,
		y: aggregate === 'count' && named.length === 0 ? [] : measures.slice(0, many),
		series: series === undefined ? undefined : byName.get(series),
	};
}

function firstOf(
	roles: readonly Role[],
	columns: readonly ChartColumn[],
	fits: (column: ChartColumn) => boolean,
): ChartColumn | undefined {
	for (const role of roles) {
		const found = columns.find((column) => column.role === role && fits(column));
		if (found) return found;
	}
	return undefined;
}
