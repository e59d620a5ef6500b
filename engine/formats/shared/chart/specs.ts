import type { JsonObject, JsonValue } from '../../../contract/json.ts';

export interface Axis {
	x: { title: string; type: 'temporal' | 'nominal' | 'quantitative' };
	y: string;
	/** Whether the rows have a column `series` that parts them by colour. */
	series: boolean;
}

/** Titles are given as lists of one line, or nothing where the legend says it. */
function lineOf(title: string): JsonValue {
	return title === '' ? null : [title];
}

function colour(series: boolean, symbolType = 'square'): JsonObject {
	if (!series) return {};
	const legend = { orient: 'top', title: null, symbolType };
	return { color: { field: 'series', type: 'nominal', sort: null, legend } };
}

/** Bars: standing, or lying where there are many or their names are long. Rows have x, y, series, order. */
export function barSpec({ x, y, series }: Axis, lying: boolean): JsonObject {
	const places = {
		field: 'x',
		type: 'nominal',
		sort: { field: 'order' },
		title: lineOf(x.title),
		axis: lying ? { title: null, ticks: false, domain: false, grid: false } : { labelAngle: 0 },
	};
	const values = {
		field: 'y',
		type: 'quantitative',
		title: lineOf(y),
		axis: lying ? { grid: true, domain: false, ticks: false } : {},
	};
	const offset: JsonObject = series
		? { [lying ? 'yOffset' : 'xOffset']: { field: 'series', sort: null } }
		: {};
	return {
		mark: { type: 'bar' },
		encoding: {
			...{ [lying ? 'y' : 'x']: places, [lying ? 'x' : 'y']: values },
			...offset,
			...colour(series),
		},
	};
}

/** @param height points: the names stand beside the pie, not at the far end of the page */
export function pieSpec(height: number): JsonObject {
	return {
		width: height * 1.8,
		height,
		mark: { type: 'arc', innerRadius: 45 },
		encoding: {
			theta: { field: 'y', type: 'quantitative', stack: true },
			order: { field: 'order', type: 'quantitative' },
			color: {
				field: 'x',
				type: 'nominal',
				sort: null,
				legend: { orient: 'right', title: null, symbolType: 'square' },
			},
		},
	};
}

export function lineSpec(
	{ x, y, series }: Axis,
	{ area, points }: { area: boolean; points: boolean },
): JsonObject {
	return {
		mark: area ? { type: 'area' } : { type: 'line', point: points },
		encoding: {
			x: { field: 'x', type: x.type, title: lineOf(x.title), sort: null },
			y: { field: 'y', type: 'quantitative', title: lineOf(y) },
			...colour(series, area ? 'square' : 'stroke'),
		},
	};
}

export function scatterSpec({ x, y, series }: Axis): JsonObject {
	return {
		mark: { type: 'circle' },
		encoding: {
			x: { field: 'x', type: x.type, title: lineOf(x.title), scale: { zero: false } },
			y: { field: 'y', type: 'quantitative', title: lineOf(y), scale: { zero: false } },
			...colour(series),
		},
	};
}
