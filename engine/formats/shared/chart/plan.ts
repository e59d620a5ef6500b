import type { Row } from '../../../contract/envelope.ts';
import type { JsonObject } from '../../../contract/json.ts';
import { cellText } from '../cell-text.ts';
import { chooseColumns, type ChartColumn, type Choice } from './choose.ts';
import { gather, sample, type Group } from './data.ts';
import type { Aggregate, SpecChart, TypedChart } from './options.ts';
import { barSpec, lineSpec, pieSpec, scatterSpec, type Axis } from './specs.ts';

/** Points that are drawn by themselves; of more, every n-th. */
const MOST_POINTS = 4_000;
/** Rows that a specification of the user's gets. */
const MOST_ROWS = 50_000;
/** Places along a line; of more, neighbours become their mean. */
const MOST_PLACES = 2_000;
const TOP_BARS = 20;
const TOP_SLICES = 8;
const AGGREGATE_WORDS = {
	sum: 'Sum',
	mean: 'Mean',
	count: 'Number',
	min: 'Least',
	max: 'Greatest',
} as const satisfies Record<Aggregate, string>;
const DEFAULT_HEIGHT = 220;
const BAR_HEIGHT = 17;

export interface ChartTable {
	columns: readonly ChartColumn[];
	rowCount: number;
	rows(): AsyncIterable<readonly Row[]>;
}

/** A chart that can be drawn: a specification, its rows, and what the reader has to be told. */
export interface PlannedChart {
	/** Of `grouped` charts, rows have x, y and series. */
	kind: 'grouped' | 'points' | 'spec';
	title: string;
	height: number;
	spec: JsonObject;
	rows: readonly Row[];
	/** Whole sentences on what the chart does not show. */
	remarks: string[];
}

/** @returns a sentence when there is nothing to draw */
export async function planChart(
	chart: TypedChart | SpecChart,
	table: ChartTable,
): Promise<PlannedChart | string> {
	if ('spec' in chart) return planSpec(chart, table);
	const choice = chooseColumns(chart, table.columns);
	if (typeof choice === 'string') return choice;
	return chart.type === 'scatter'
		? planScatter(chart, choice, table)
		: planGrouped(chart, choice, table);
}

/** The rows, with the columns that the text of the specification mentions anywhere. */
async function planSpec(chart: SpecChart, table: ChartTable): Promise<PlannedChart> {
	const text = JSON.stringify(chart.spec);
	const mentioned = table.columns.filter(({ name }) =>
		text.includes(JSON.stringify(name).slice(1, -1)),
	);
	const { rows, step } = await sample(table.rows(), {
		total: table.rowCount,
		most: MOST_ROWS,
		columns: mentioned,
	});
	const remarks = step === 1 ? [] : [everyNth(step, table.rowCount)];
	const { title = '', height = DEFAULT_HEIGHT, spec } = chart;
	return { kind: 'spec', title, height, spec: spec, rows, remarks };
}

async function planScatter(
	chart: TypedChart,
	{ x, y, series }: Choice,
	table: ChartTable,
): Promise<PlannedChart> {
	const [measure] = y;
	const columns = [x, measure, series];
	const { rows, step } = await sample(table.rows(), {
		total: table.rowCount,
		most: MOST_POINTS,
		columns: columns.flatMap((column, at) =>
			column ? [{ name: ['x', 'y', 'series'][at] ?? '', read: column.read }] : [],
		),
	});
	const axis = { x: axisOf(x), y: measure?.label ?? '', series: series !== undefined };
	return {
		kind: 'points',
		title: chart.title ?? titled(measure?.label ?? '', x),
		height: chart.height ?? DEFAULT_HEIGHT,
		spec: scatterSpec(axis),
		rows,
		remarks: step === 1 ? [] : [everyNth(step, table.rowCount)],
	};
}

async function planGrouped(
	chart: TypedChart,
	{ x, y, series }: Choice,
	table: ChartTable,
): Promise<PlannedChart> {
	const counts = y.length === 0;
	const aggregate = counts ? 'count' : (chart.aggregate ?? 'sum');
	let index = 0;
	const { groups, beyond, combined } = await gather(table.rows(), {
		x: x ? x.read : () => ++index,
		measures: counts
			? [{ series: 'rows', read: () => 1 }]
			: y.map(({ label, read }) => ({ series: label, read })),
		series: series?.read,
		aggregate,
	});
	const what = counts ? 'Rows' : y.map(({ label }) => label).join(', ');
	const value = combined && !counts ? `${AGGREGATE_WORDS[aggregate]} of ${what}` : what;
	const remarks =
		beyond === 0 ? [] : [`${beyond} values at too many different places are not shown.`];
	const parts = {
		chart,
		groups,
		remarks,
		x,
		combined,
		value,
		axis: y.length > 1 ? '' : value,
		parted: series !== undefined || y.length > 1,
	};
	return chart.type === 'bar' || chart.type === 'pie' ? planBars(parts) : planLine(parts);
}

interface GroupedParts {
	chart: TypedChart;
	groups: Group[];
	remarks: string[];
	x: ChartColumn | undefined;
	combined: boolean;
	/** What the numbers are, in a title and along the axis: there not, where the legend names several. */
	value: string;
	axis: string;
	/** Whether there are several series. */
	parted: boolean;
}

function planBars(parts: GroupedParts): PlannedChart {
	const { chart, groups, remarks, x, combined, value, parted } = parts;
	const moment = x?.role === 'moment' || x?.role === 'ordinal';
	const negative = groups.some((group) => group.value < 0);
	const pie = chart.type === 'pie' && !negative;
	if (chart.type === 'pie' && negative) {
		remarks.push('A pie cannot show negative numbers: these are bars.');
	}
	const limit = chart.top ?? (pie ? TOP_SLICES : TOP_BARS);
	const { rows, places, rest } = topOf(groups, {
		limit,
		sorted: !moment && (combined || pie),
		parted,
	});
	if (rest > 0) {
		const one = rest === 1 ? 'One more is' : `${rest} more are`;
		remarks.push(`${one} shown together as “Other”.`);
	}
	const title = chart.title ?? titled(value, x);
	const lying = !moment && (places > 8 || rows.some((row) => cellText(row['x']).length > 12));
	const axis = { x: axisOf(x), y: parts.axis, series: parted };
	const bars = parted && !pie ? places * 1.6 : places;
	const height = lying && !pie ? Math.min(800, bars * BAR_HEIGHT + 50) : DEFAULT_HEIGHT;
	return {
		...{ kind: 'grouped', title, rows, remarks },
		height: chart.height ?? height,
		spec: pie ? pieSpec(chart.height ?? DEFAULT_HEIGHT) : barSpec(axis, lying),
	};
}

/** The greatest places, or the first ones, and one more for all the others. */
function topOf(
	groups: readonly Group[],
	{ limit, sorted, parted }: { limit: number; sorted: boolean; parted: boolean },
): { rows: Row[]; places: number; rest: number } {
	const totals = new Map<string, number>();
	for (const { x, value } of groups) totals.set(x, (totals.get(x) ?? 0) + Math.abs(value));
	const order = [...totals.keys()];
	if (sorted) order.sort((a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0));
	const kept = new Map(order.slice(0, limit).map((x, at) => [x, at]));
	const rest = order.length - kept.size;
	const rows: Row[] = [];
	const others = new Map<string, number>();
	for (const { x, series, value } of groups) {
		const order = kept.get(x);
		if (order === undefined) others.set(series, (others.get(series) ?? 0) + value);
		else rows.push({ x: x === '' ? '(empty)' : x, series, y: value, order });
	}
	rows.sort((a, b) => Number(a['order']) - Number(b['order']));
	for (const [series, value] of others) rows.push({ x: 'Other', series, y: value, order: limit });
	return {
		rows: parted ? rows : rows.map((row) => ({ ...row, series: '' })),
		places: kept.size + (rest > 0 ? 1 : 0),
		rest,
	};
}

function planLine(parts: GroupedParts): PlannedChart {
	const { chart, groups, remarks, x, value, parted } = parts;
	const bySeries = Map.groupBy(groups, ({ series }) => series);
	const numeric = x === undefined || x.role === 'ordinal' || x.role === 'measure';
	const moment = x?.role === 'moment';
	const rows = [...bySeries.values()].flatMap((own) => {
		const sorted =
			numeric || moment
				? own.toSorted((a, b) => (placeOf(a.x, moment) < placeOf(b.x, moment) ? -1 : 1))
				: own;
		const step = Math.ceil(sorted.length / MOST_PLACES);
		if (step > 1) {
			remarks.push(`Each point is the mean of ${step} neighbours of ${sorted.length}.`);
		}
		return thinned(sorted, step).map((group): Row => {
			const at = numeric ? Number(group.x) : group.x;
			return { x: at, series: group.series, y: group.value };
		});
	});
	const axis = { x: axisOf(x), y: parts.axis, series: parted };
	return {
		kind: 'grouped',
		title: chart.title ?? titled(value, x),
		height: chart.height ?? DEFAULT_HEIGHT,
		spec: lineSpec(axis, { area: chart.type === 'area', points: rows.length <= 40 }),
		rows,
		remarks: [...new Set(remarks)],
	};
}

function placeOf(x: string, moment: boolean): number {
	return moment ? Date.parse(x) : Number(x);
}

function thinned(groups: readonly Group[], step: number): readonly Group[] {
	if (step <= 1) return groups;
	const result: Group[] = [];
	for (let from = 0; from < groups.length; from += step) {
		const part = groups.slice(from, from + step);
		const [first] = part as [Group];
		const value = part.reduce((sum, group) => sum + group.value, 0) / part.length;
		result.push({ ...first, value });
	}
	return result;
}

function axisOf(column: ChartColumn | undefined): Axis['x'] {
	if (!column) return { title: 'row', type: 'quantitative' };
	const type =
		column.role === 'moment'
			? 'temporal'
			: column.role === 'category' || column.role === 'none'
				? 'nominal'
				: 'quantitative';
	return { title: column.label, type };
}

function everyNth(step: number, total: number): string {
	return `The chart shows every ${step}${ordinal(step)} of ${total} rows.`;
}

function ordinal(number: number): string {
	const tens = number % 100;
	if (tens >= 11 && tens <= 13) return 'th';
	return ['th', 'st', 'nd', 'rd'][number % 10] ?? 'th';
}

function titled(value: string, x: ChartColumn | undefined): string {
	return `${value} by ${x?.label ?? 'row'}`;
}
