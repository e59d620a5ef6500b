import type { Measurement } from './measure.ts';

const MB = 1e6;

/** A line a contestant, the fastest first: medians, and all values of the rate. */
export function drainTable(measurements: readonly Measurement[]): string {
	const groups = Map.groupBy(measurements, ({ contestant }) => contestant);
	const rows = [...groups].map(([contestant, ones]) => {
		const rate = median(ones.map(({ perSecond }) => perSecond));
		const of = (value: (one: Measurement) => number): number => median(ones.map(value));
		const thousands = (ones[0]?.runs ?? 0) / 1000;
		return {
			rate,
			cells: [
				contestant,
				whole(rate),
				ones.map(({ perSecond }) => whole(perSecond)).join(' '),
				(of(({ cpu }) => cpu.worker) / thousands).toFixed(3),
				(of(({ cpu }) => cpu.server) / thousands).toFixed(3),
				whole(of(({ memory }) => memory.worker) / MB),
				whole(of(({ memory }) => memory.server) / MB),
				whole(of(({ enqueuedPerSecond }) => enqueuedPerSecond)),
			],
		};
	});
	rows.sort((a, b) => b.rate - a.rate);
	const head = [
		`${measurements[0]?.workload ?? ''}, ${measurements[0]?.runs ?? 0} jobs`,
		'jobs/s',
		'all rounds',
		'CPU s per 1,000',
		'of the server',
		'memory MB',
		'of the server',
		'enqueued/s',
	];
	return markdown([head, ...rows.map(({ cells }) => cells)]);
}

export function memoryTable({ workload, samples = [] }: Measurement): string {
	const rows = samples.map(({ runs, rss, heap }) => [
		whole(runs),
		whole(rss / MB),
		whole(heap / MB),
	]);
	return markdown([[`${workload}: runs ended`, 'RSS MB', 'JavaScript heap MB'], ...rows]);
}

export function markdown(rows: readonly string[][]): string {
	const widths =
		rows[0]?.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0))) ?? [];
	const line = (cells: readonly string[]): string =>
		`| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
	const rule = widths.map((width, i) =>
		i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
	);
	const [head = [], ...body] = rows;
	return ['', line(head), line(rule), ...body.map(line), ''].join('\n');
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

/** The value of a sorted list below which that share of it lies; 0 when there is none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function whole(value: number): string {
	return Math.round(value).toLocaleString('en');
}
