import { styleText } from 'node:util';

import type { JsonObject } from '../contract/json.ts';

/* What a person sees: answers on standard output, everything else on standard error. */

export const say = (text: string): void => void process.stdout.write(`${text}\n`);
export const sayJson = (value: unknown): void => {
	say(JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0));
};
export const note = (text: string): void => void process.stderr.write(`${text}\n`);

export const strong = (text: string): string => styleText('bold', text, { stream: process.stdout });
export const faint = (text: string): string => styleText('dim', text, { stream: process.stdout });
export const red = (text: string): string => styleText('red', text, { stream: process.stderr });

/** Text from the engine may hold what users wrote: nothing of it may command the terminal. */
export function printable(value: unknown): string {
	if (value === null || value === undefined) return '-';
	const text =
		typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
			? String(value)
			: JSON.stringify(value);
	// eslint-disable-next-line no-control-regex
	return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\uFFFD');
}

/** Columns by the field that they show; the widest cell makes the width. */
export function sayTable(
	items: readonly JsonObject[],
	columns: readonly string[],
	empty = 'none',
): void {
	if (items.length === 0) {
		note(empty);
		return;
	}
	const cells = items.map((item) => columns.map((column) => printable(item[column])));
	const widths = columns.map((column, index) =>
		Math.max(column.length, ...cells.map((row) => row[index]?.length ?? 0)),
	);
	const line = (row: readonly string[]) =>
		row
			.map((cell, index) => cell.padEnd(widths[index] ?? 0))
			.join('  ')
			.trimEnd();
	say(strong(line(columns)));
	for (const row of cells) say(line(row));
}

/** One field a line; nested values as JSON. */
export function sayFields(item: JsonObject): void {
	const names = Object.keys(item);
	const width = Math.max(0, ...names.map((name) => name.length));
	for (const name of names) say(`${faint(name.padEnd(width))}  ${printable(item[name])}`);
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_EVERY = 100;

/** Tells on a terminal that something takes its time; silent elsewhere. The result ends it. */
export function progress(text: () => string): () => void {
	const { stderr } = process;
	if (!stderr.isTTY) return () => undefined;
	let frame = 0;
	const timer = setInterval(() => {
		stderr.write(`\r\u001b[K${FRAMES[frame++ % FRAMES.length] ?? ''} ${text()}`);
	}, FRAME_EVERY);
	return () => {
		clearInterval(timer);
		stderr.write('\r\u001b[K');
	};
}
