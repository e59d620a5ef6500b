import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { ENGINE_NODE } from '../child.ts';
import { buildEngine, load } from '../record.ts';
import { markdown, median } from '../report.ts';
import type { Outcome } from '../workload.ts';

const CHILD = join(import.meta.dirname, 'child.ts');

/** The common libraries, which are packages of their own. */
const PEERS: readonly string[] = [
	'csv-stringify, rows',
	'pdfkit, tables',
	'exceljs, streaming',
	'hyparquet-writer, rows',
];
/** Each format, and after it who else writes it. */
const CONTESTANTS: readonly string[] = [
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
	say(
		markdown([
			['format', 'rows', 's', 'CPU s', 'peak RSS MB', 'file MB', 'MB/s'],
			...names.map((name) => [
				name,
				rowsOf(name, rows).toLocaleString('en'),
				line(name, ({ seconds }) => seconds).toFixed(1),
				line(name, ({ cpu }) => cpu).toFixed(1),
				Math.round(line(name, ({ rss }) => rss) / 1e6).toString(),
				(line(name, ({ bytes }) => bytes) / 1e6).toFixed(1),
				(line(name, ({ bytes, seconds }) => bytes / seconds) / 1e6).toFixed(0),
			]),
		]),
	);
	return { measurements: all, wrong: [] };
}

function write(name: string, rows: number): Written {
	const flags = [...ENGINE_NODE, CHILD, name, String(rows)];
	const { stdout, stderr, status } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
	if (status !== 0) throw new Error(`${name}: ${stderr}`);
	return JSON.parse(stdout) as Written;
}
