import type { Row } from '../../contract/envelope.ts';
import { cellText } from '../shared/cell-text.ts';
import type { ReportChart } from '../shared/report/charts.ts';
import { rounded } from '../shared/report/summary.ts';

/** Bars that a mail shows at most. */
const MOST = 24;
const DECIMALS = 2;

export interface Bar {
	/** Empty where it is the one of the bar above. */
	label: string;
	/** Empty where there is one only. */
	series: string;
	/** Which of the series, from 0. */
	colour: number;
	value: string;
	/** Percent of the longest. */
	length: number;
}

export interface Bars {
	bars: readonly Bar[];
	/** Every so many places are shown: 1 is all of them. */
	step: number;
}

/**
 * A chart as bars, which tables can show: mail programs show no vectors.
 * @returns nothing where bars would say something else
 */
export function barsOf({ plan }: ReportChart): Bars | undefined {
	if (plan?.kind !== 'grouped' || plan.rows.length === 0) return undefined;
	const series = [...new Set(plan.rows.map((row) => cellText(row['series'])))];
	const places = Map.groupBy(plan.rows, (row) => cellText(row['x']));
	const step = Math.ceil((places.size * series.length) / MOST);
	const shown = [...places].filter((_, index) => index % step === 0);
	const greatest = Math.max(...shown.flatMap(([, rows]) => rows.map(sizeOf)));
	const bars = shown.flatMap(([place, rows]) =>
		rows.map((row, at): Bar => ({
			label: at === 0 ? place : '',
			series: series.length > 1 ? cellText(row['series']) : '',
			colour: series.indexOf(cellText(row['series'])),
			value: rounded(Number(row['y']), DECIMALS),
			length: greatest === 0 ? 0 : Math.round((sizeOf(row) / greatest) * 100),
		})),
	);
	return { bars, step };
}

function sizeOf(row: Row): number {
	return Math.abs(Number(row['y']));
}
