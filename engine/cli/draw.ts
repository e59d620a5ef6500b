import { styleText } from 'node:util';

/* Small pictures out of text: a month with marked days, a row of bars, a lane. */

const MONTH = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });
const WIDTH = 27;
const DAY = 86_400_000;

/** `2027-03-26` and how many there are on that day. */
export type MarkedDays = ReadonlyMap<string, number>;

/** Months side by side, from that of the first marked day on; a marked day has a dot, or how many it has. */
export function months(marked: MarkedDays, count: number): string {
	const [first] = [...marked.keys()].sort();
	if (first === undefined) return '';
	const [year = 0, month = 1] = first.split('-').map(Number);
	const last = [...marked.keys()].sort().at(-1) ?? first;
	const blocks: string[][] = [];
	for (let offset = 0; offset < count; offset++) {
		const start = new Date(Date.UTC(year, month - 1 + offset, 1));
		if (offset > 0 && start.toISOString().slice(0, 7) > last.slice(0, 7)) break;
		blocks.push(monthBlock(start, marked));
	}
	const height = Math.max(...blocks.map(({ length }) => length));
	const lines = Array.from({ length: height }, (_, line) =>
		blocks
			.map((block) => block[line] ?? ''.padEnd(WIDTH))
			.join('   ')
			.trimEnd(),
	);
	return lines.join('\n');
}

function monthBlock(start: Date, marked: MarkedDays): string[] {
	const name = MONTH.format(start);
	const month = start.getUTCMonth();
	const lines = [name.padStart(Math.floor((WIDTH + name.length) / 2)).padEnd(WIDTH)];
	lines.push('Mo  Tu  We  Th  Fr  Sa  Su '.padEnd(WIDTH));
	let line = '    '.repeat((start.getUTCDay() + 6) % 7);
	for (let at = start.getTime(); new Date(at).getUTCMonth() === month; at += DAY) {
		const date = new Date(at);
		line += `${cell(date.getUTCDate(), marked.get(date.toISOString().slice(0, 10)))} `;
		if (date.getUTCDay() !== 0) continue;
		lines.push(line.slice(0, -1));
		line = '';
	}
	if (line !== '') lines.push(line.slice(0, -1) + ' '.repeat(WIDTH - visible(line) + 1));
	return lines;
}

function cell(day: number, count: number | undefined): string {
	const text = String(day).padStart(2);
	if (count === undefined) return `${text} `;
	return styleText(['bold', 'green'], `${text}•`, { stream: process.stdout });
}

/** How wide it is without what colours it. */
function visible(text: string): number {
	// eslint-disable-next-line no-control-regex
	return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** One character a value; nothing is a blank. */
export function sparkline(values: readonly number[]): string {
	const most = Math.max(1, ...values);
	return values
		.map((value) =>
			value === 0 ? ' ' : (BARS[Math.ceil((value / most) * BARS.length) - 1] ?? '█'),
		)
		.join('');
}

/** A row of blocks that is as long as its share of the highest. */
export function bar(value: number, most: number, width: number): string {
	const eighths = Math.round((value / Math.max(1, most)) * width * 8);
	const rest = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
	return '█'.repeat(Math.floor(eighths / 8)) + rest;
}

/** Sums neighbours until there are at most so many values. */
export function squeeze(values: readonly number[], most: number): number[] {
	const size = Math.max(1, Math.ceil(values.length / most));
	return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
		values.slice(index * size, (index + 1) * size).reduce((sum, value) => sum + value, 0),
	);
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `2027-03-26T09:00:00+01:00[Europe/Berlin]` becomes `Fri 2027-03-26 09:00 +01:00`. */
export function readable(local: string): string {
	const [, date = '', time = '', offset = ''] = /^(\S{10})T([\d:.]+)([+-][\d:]+)/.exec(local) ?? [];
	const weekday = WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
	return `${weekday} ${date} ${time.replace(/:00$/, '')} ${offset}`;
}
