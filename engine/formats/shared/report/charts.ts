import { CapError } from '../../../contract/errors.ts';
import type { FormatInput } from '../../format.port.ts';
import type { ChartColumn, Role } from '../chart/choose.ts';
import { drawCharts, type Drawn } from '../chart/draw.ts';
import { chartsOf, type SpecChart, type TypedChart } from '../chart/options.ts';
import { planChart, type PlannedChart } from '../chart/plan.ts';
import type { SvgElement } from '../chart/svg.ts';
import type { ReportOptions } from './options.ts';
import type { ReportColumn, ReportTable } from './tables.ts';

/** A chart of a report: a picture, or a sentence that says why there is none. */
export interface ReportChart {
	table: ReportTable;
	title: string;
	picture: SvgElement | undefined;
	/** What was planned: its rows are few, and can be shown where no picture can. */
	plan: PlannedChart | undefined;
	/** Whole sentences for the reader. */
	remarks: readonly string[];
}

export interface ChartParts {
	input: FormatInput;
	options: ReportOptions;
	/** Points that are there for a chart, and of its labels. */
	width: number;
	fontSize: number;
	/** Without pictures, charts are planned only. */
	pictures: boolean;
}

/** Colours of what is neither text nor accent. */
export const SOFT = '#59636e';
export const LINE = '#e3e7eb';

interface Planned {
	table: ReportTable;
	title: string;
	/** A sentence when there is nothing to draw. */
	plan: PlannedChart | string;
}

/** Draws the charts that were asked for; what they do not show is told. */
export async function drawReportCharts(
	tables: readonly ReportTable[],
	parts: ChartParts,
): Promise<readonly ReportChart[]> {
	const planned: Planned[] = [];
	for (const chart of chartsOf(parts.options.chart)) {
		const table = tableFor(chart, tables);
		// the report says that there are no rows
		if (table.rowCount === 0) continue;
		const plan = await planChart(chart, {
			columns: table.columns.map(chartColumn),
			rowCount: table.rowCount,
			rows: () => table.allRows(),
		});
		const title = typeof plan === 'string' ? (chart.title ?? 'Chart') : plan.title;
		planned.push({ table, title, plan });
	}
	const drawn = await drawPlanned(planned, parts);
	const charts = planned.map((chart) => reportChart(chart, drawn.get(chart), parts.pictures));
	for (const chart of charts) tellRemarks(chart, parts);
	return charts;
}

/** Pictures of all that can be drawn, from one process. */
async function drawPlanned(
	planned: readonly Planned[],
	{ input, options, pictures, width, fontSize }: ChartParts,
): Promise<ReadonlyMap<Planned, Drawn>> {
	const { accent, ink } = options.theme;
	const possible = planned.filter(({ plan }) => typeof plan !== 'string');
	if (!pictures || possible.length === 0) return new Map();
	const charts = possible.flatMap(({ plan }) => {
		if (typeof plan === 'string') return [];
		const { spec, rows, height } = plan;
		return [{ spec, rows, look: { width, height, fontSize, accent, ink, soft: SOFT, line: LINE } }];
	});
	const zone = options.timeZone === 'schedule' ? undefined : options.timeZone;
	const drawn = await drawCharts(
		{ charts, now: Date.parse(input.meta.resultAt) },
		{ timeZone: zone ?? input.meta.timeZone },
	);
	return new Map(possible.map((chart, at) => [chart, drawn[at] ?? { error: 'it was not drawn' }]));
}

function reportChart(
	{ table, title, plan }: Planned,
	drawn: Drawn | undefined,
	pictures: boolean,
): ReportChart {
	const error =
		typeof plan === 'string' ? plan : drawn && 'error' in drawn ? drawn.error : undefined;
	if (error !== undefined || typeof plan === 'string') {
		const remarks = [`This chart could not be drawn: ${error}`];
		return { table, title, picture: undefined, plan: undefined, remarks };
	}
	const picture = pictures && drawn && 'picture' in drawn ? drawn.picture : undefined;
	return { table, title, picture, plan, remarks: plan.remarks };
}

function tellRemarks({ table, plan, remarks }: ReportChart, { input }: ChartParts): void {
	if (remarks.length === 0) return;
	input.notice?.({
		code: 'chart_reduced',
		message:
			plan === undefined ? 'A chart could not be drawn.' : 'A chart shows less than all rows.',
		...(table.name === '' ? {} : { table: table.name }),
		count: 1,
	});
}

/** @throws CapError FORMAT_UNSUITABLE when the result has no such table */
function tableFor(
	{ table: wanted }: TypedChart | SpecChart,
	tables: readonly ReportTable[],
): ReportTable {
	const table = wanted === undefined ? tables[0] : tables.find(({ name }) => name === wanted);
	if (table) return table;
	throw new CapError('FORMAT_UNSUITABLE', 'options.chart: expected a table of the result');
}

function chartColumn({ name, label, kind, profile, read }: ReportColumn): ChartColumn {
	return { name, label, read, role: roleOf(kind, profile.isOrdinal) };
}

function roleOf(kind: ReportColumn['kind'], isOrdinal: boolean): Role {
	switch (kind) {
		case 'number':
			return isOrdinal ? 'ordinal' : 'measure';
		case 'date':
			return 'moment';
		case 'text':
		case 'boolean':
			return 'category';
		default:
			return 'none';
	}
}
