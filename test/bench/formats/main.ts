import { join } from 'node:path';

import { buildEngine, load } from '../record.ts';
import { markdown, median } from '../report.ts';
import type { Outcome } from '../workload.ts';
import { runChild } from './run-child.ts';
import { shares } from './shares.ts';

const CHILD = join(import.meta.dirname, 'child.ts');

/** The common libraries, which are packages of their own. */
const PEERS: readonly string[] = [
	'csv-stringify, rows',
	'pdfkit, tables',
	'exceljs, streaming',
	'hyparquet-writer, rows',
];
/** The rows that each is given, which are made on the way: without them it says how fast a format itself is. */
const MADE = 'rows, only made';
/** How often a format reads its rows. */
const PASSES: Readonly<Record<string, number>> = {
	...{ csv: 2, json: 1, html: 2, pdf: 2, xlsx: 2, ods: 2, arrow: 2 },
	...{ parquet: 2, 'parquet, snappy': 2 },
};
/** Each format, and after it who else writes it. */
const CONTESTANTS: readonly string[] = [
	MADE,
	...['csv', 'csv-stringify, rows'],
	'json',
	'html',
	...['pdf', 'pdfkit, tables'],
	...['xlsx', 'exceljs, streaming'],
	'ods',
	...['parquet', 'parquet, snappy', 'hyparquet-writer, rows'],
	'arrow',
];

/** Pages take longer: a fifth of the rows. */
const FEWER = 5;
const rowsOf = (name: string, rows: number): number =>
	name.startsWith('pdf') ? Math.round(rows / FEWER) : rows;

interface Written {
	seconds: number;
	cpu: number;
	rss: number;
	bytes: number;
}

interface Measured extends Written {
	workload: 'formats';
	contestant: string;
	rows: number;
	load: number;
}

/** Rows of ten mixed columns in each format, one process each, in alternating rounds. */
export function formats(options: {
	rows: number;
	rounds: number;
	peers: boolean;
	say: (text: string) => void;
}): Outcome {
	const { rows, rounds, peers, say } = options;
	const names = CONTESTANTS.filter((name) => peers || !PEERS.includes(name));
	const all: Measured[] = [];
	buildEngine(say);
	for (let round = 0; round < rounds; round++) {
		for (const [at] of names.entries()) {
			const name = names[(at + round) % names.length]!;
			const count = rowsOf(name, rows);
			const one = write(name, count);
			all.push({ workload: 'formats', contestant: name, rows: count, ...one, load: load() });
			say(`${name} ${round + 1}: ${one.seconds.toFixed(1)} s, load ${load()}`);
		}
	}
	const line = (name: string, of: (one: Written) => number): number =>
		median(all.filter(({ contestant }) => contestant === name).map(of));
	/** Seconds without those of the rows that were only made. */
	const itself = (name: string): number => {
		const made = (line(MADE, ({ seconds }) => seconds) / rows) * rowsOf(name, rows);
		return line(name, ({ seconds }) => seconds) - made * (PASSES[name] ?? 1);
	};
	say(
		markdown([
			['format', 'rows', 's', 'CPU s', 'peak RSS MB', 'file MB', 'MB/s', 'itself'],
			...names.map((name) => [
				name,
				rowsOf(name, rows).toLocaleString('en'),
				line(name, ({ seconds }) => seconds).toFixed(1),
				line(name, ({ cpu }) => cpu).toFixed(1),
				Math.round(line(name, ({ rss }) => rss) / 1e6).toString(),
				...(name === MADE
					? ['', '', '']
					: [
							(line(name, ({ bytes }) => bytes) / 1e6).toFixed(1),
							(line(name, ({ bytes, seconds }) => bytes / seconds) / 1e6).toFixed(0),
							(line(name, ({ bytes }) => bytes) / itself(name) / 1e6).toFixed(0),
						]),
			]),
		]),
	);
	const parts = shares({ rowsOf: (name) => rowsOf(name, rows), rounds, say });
	const measurements = [...all, ...parts.map((part) => ({ workload: 'format shares', ...part }))];
	return { measurements, wrong: [] };
}

const write = (name: string, rows: number): Written =>
	runChild<Written>(CHILD, [name, String(rows)]);
