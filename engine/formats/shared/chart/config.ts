import type { ChartLook } from './protocol.ts';

/** After the accent: told apart also by people who see few colours (after Okabe and Ito). */
export const CATEGORIES = [
	'#e69f00',
	'#56a0d3',
	'#cc5c8a',
	'#7a6fb8',
	'#8a9a1b',
	'#d55e00',
	'#5f6b76',
];
const FONT = 'Noto Sans, Segoe UI, Helvetica Neue, Arial, sans-serif';

/** How charts look where their specification does not say otherwise: as the report around them. */
export function chartConfig({ accent, ink, soft, line, fontSize }: ChartLook): object {
	const label = {
		...{ labelColor: soft, labelFontSize: fontSize },
		...{ titleColor: soft, titleFontSize: fontSize, titleFontWeight: 400 },
	};
	return {
		background: null,
		font: FONT,
		padding: 2,
		view: { stroke: null },
		axis: {
			...label,
			...{ gridColor: line, tickColor: line, domainColor: soft },
			...{ labelPadding: 4, titlePadding: 8, labelLimit: 160 },
		},
		axisY: { domain: false, ticks: false },
		axisX: { grid: false, labelOverlap: 'greedy', labelSeparation: 6 },
		axisTemporal: { tickCount: { expr: 'max(3, floor(width / 75))' }, labelFlush: true },
		axisBand: { ticks: false },
		legend: { ...label, symbolStrokeWidth: 2, labelLimit: 160 },
		title: { color: ink, fontSize: 13, fontWeight: 600, anchor: 'start', offset: 10 },
		header: label,
		mark: { color: accent },
		bar: { cornerRadiusEnd: 2 },
		line: { strokeWidth: 1.5, strokeJoin: 'round' },
		area: { fillOpacity: 0.22, line: { strokeWidth: 1.2 } },
		point: { filled: true, size: 26, opacity: 0.7 },
		circle: { size: 26, opacity: 0.7 },
		arc: { stroke: '#ffffff', strokeWidth: 1 },
		text: { color: ink },
		range: { category: [accent, ...CATEGORIES] },
	};
}
