import { z } from 'zod';

import { refusalOf } from './refusal.ts';

export const CHART_TYPES = ['bar', 'line', 'area', 'pie', 'scatter'] as const;
export type ChartType = (typeof CHART_TYPES)[number];
export const AGGREGATES = ['sum', 'mean', 'count', 'min', 'max'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

const MAX_CHARTS = 6;
const MAX_MEASURES = 8;
const MAX_SPEC = 256 * 1024;
const name = z.string().min(1).max(500);

const title = z.string().min(1).max(200).optional().describe('What stands above it');
const height = z.number().int().min(80).max(800).optional().describe('Points; 220 when omitted');
const table = name
	.optional()
	.describe('Of several result sets: whose rows; those of the first otherwise');

const typedSchema = z.strictObject({
	type: z.enum(CHART_TYPES),
	x: name
		.optional()
		.describe(
			'The column along the axis, or of the slices; chosen by the types of the columns otherwise',
		),
	y: z
		.union([name, z.array(name).min(1).max(MAX_MEASURES)])
		.optional()
		.describe('The column, or columns, of numbers; chosen otherwise'),
	series: name
		.optional()
		.describe('A column whose values become lines or bars of their own colour'),
	aggregate: z
		.enum(AGGREGATES)
		.optional()
		.describe('What becomes of several rows with the same `x`; `sum` when omitted'),
	top: z
		.number()
		.int()
		.min(2)
		.max(100)
		.optional()
		.describe('Bars or slices; what comes after is one more. 20 bars, 8 slices when omitted'),
	...{ title, height, table },
});
export type TypedChart = z.output<typeof typedSchema>;

const specSchema = z.strictObject({
	spec: z
		.record(z.string(), z.json())
		.superRefine((spec, context) => {
			if (JSON.stringify(spec).length > MAX_SPEC) {
				context.addIssue({ code: 'custom', message: `at most ${MAX_SPEC} characters of JSON` });
				return;
			}
			const refusal = refusalOf(spec);
			if (refusal) context.addIssue({ code: 'custom', ...refusal });
		})
		.describe('A Vega-Lite specification; its data is the rows unless it brings `values` itself'),
	...{ title, height, table },
});
export type SpecChart = z.output<typeof specSchema>;

const chartSchema = z.union([z.enum(CHART_TYPES), typedSchema, specSchema]);
export type ChartOption = z.output<typeof chartSchema>;

export const chartOptions = {
	chart: z
		.union([chartSchema, z.array(chartSchema).min(1).max(MAX_CHARTS)])
		.optional()
		.describe(
			'A chart above the rows, or several: `bar`, `line`, `area`, `pie`, `scatter`; such a type with the ' +
				'columns to show; or a Vega-Lite specification as `{ "spec": { … } }`',
		),
};

/** Every chart that was asked for, with a type or a specification. */
export function chartsOf(
	option: ChartOption | ChartOption[] | undefined,
): (TypedChart | SpecChart)[] {
	if (option === undefined) return [];
	return [option].flat().map((chart) => (typeof chart === 'string' ? { type: chart } : chart));
}
