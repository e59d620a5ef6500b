import type { Row } from '../../../contract/envelope.ts';
import type { JsonValue } from '../../../contract/json.ts';
import { cellText } from '../cell-text.ts';
import type { Cell } from '../columns.ts';
import type { Aggregate } from './options.ts';

/** Different places on an axis that are kept apart; the rows of those that come later are one. */
const MOST_KEYS = 20_000;

/** What became of the rows with the same place, and the same series. */
export interface Group {
	x: string;
	series: string;
	value: number;
	rows: number;
}

interface Tally {
	x: string;
	series: string;
	sum: number;
	count: number;
	least: number;
	greatest: number;
}

export interface GatherOptions {
	x: (row: Row) => Cell;
	/** Each column of numbers with what it is called among the series. */
	measures: readonly { series: string; read: (row: Row) => Cell }[];
	/** The column that parts the rows into series, where there is one. */
	series: ((row: Row) => Cell) | undefined;
	aggregate: Aggregate;
}

export interface Gathered {
	groups: Group[];
	/** Rows that came when there were too many places already: they are in no group. */
	beyond: number;
	/** Whether some place had more than one row. */
	combined: boolean;
}

/** Goes through all rows once and combines those of the same place; memory is flat in the rows. */
export async function gather(
	batches: AsyncIterable<readonly Row[]>,
	options: GatherOptions,
): Promise<Gathered> {
	const tallies = new Map<string, Tally>();
	let [beyond, combined] = [0, false];
	for await (const batch of batches) {
		for (const row of batch) {
			const x = cellText(options.x(row));
			const own = options.series ? cellText(options.series(row)) : undefined;
			for (const { series, read } of options.measures) {
				const value = options.aggregate === 'count' ? 1 : numberOf(read(row));
				if (value === undefined) continue;
				const name = own ?? series;
				const key = JSON.stringify([x, name]);
				const tally = tallies.get(key);
				if (tally) {
					add(tally, value);
					combined = true;
				} else if (tallies.size < MOST_KEYS) {
					tallies.set(key, { x, series: name, ...one(value) });
				} else beyond += 1;
			}
		}
	}
	const groups = [...tallies.values()].map((tally) => ({
		x: tally.x,
		series: tally.series,
		value: result(tally, options.aggregate),
		rows: tally.count,
	}));
	return { groups, beyond, combined };
}

function one(value: number): Omit<Tally, 'x' | 'series'> {
	return { sum: value, count: 1, least: value, greatest: value };
}

function add(tally: Tally, value: number): void {
	tally.sum += value;
	tally.count += 1;
	tally.least = Math.min(tally.least, value);
	tally.greatest = Math.max(tally.greatest, value);
}

function result({ sum, count, least, greatest }: Tally, aggregate: Aggregate): number {
	switch (aggregate) {
		case 'sum':
			return sum;
		case 'mean':
			return sum / count;
		case 'count':
			return count;
		case 'min':
			return least;
		case 'max':
			return greatest;
	}
}

/** A finite number, also one that came as text or with more digits than a double has. */
export function numberOf(value: Cell): number | undefined {
	if (value == null || value === '' || typeof value === 'boolean') return undefined;
	const number = typeof value === 'number' ? value : Number(cellText(value).trim() || 'none');
	return Number.isFinite(number) ? number : undefined;
}

export interface SampleOptions {
	/** How many rows there are. */
	total: number;
	/** How many are wanted at most. */
	most: number;
	/** Columns that are wanted. */
	columns: readonly { name: string; read: (row: Row) => Cell }[];
}

/** Every n-th row from the first, with the columns that are wanted; `step` is n. */
export async function sample(
	batches: AsyncIterable<readonly Row[]>,
	{ total, most, columns }: SampleOptions,
): Promise<{ rows: Row[]; step: number }> {
	const step = Math.max(1, Math.ceil(total / most));
	const rows: Row[] = [];
	let index = 0;
	for await (const batch of batches) {
		for (const row of batch) {
			if (index++ % step !== 0) continue;
			const cells = columns.map(({ name, read }): [string, JsonValue] => [name, plain(read(row))]);
			rows.push(Object.fromEntries(cells));
		}
	}
	return { rows, step };
}

/** As JSON can say it to another process; numbers with more digits than a double has are rounded. */
function plain(value: Cell): JsonValue {
	if (value == null) return null;
	if (typeof value !== 'object') return value;
	return numberOf(value) ?? value;
}
