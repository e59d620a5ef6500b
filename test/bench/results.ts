import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ENGINE_NODE, startChild } from './child.ts';
import { load } from './record.ts';
import { markdown, median } from './report.ts';
import { cpuSeconds } from './usage.ts';
import type { BenchOptions, Workload } from './workload.ts';

const ENGINE = fileURLToPath(new URL('results-engine.ts', import.meta.url));
const COUNT = 20_000;
const ROUNDS = 3;
const SMOKE = 300;
/** Bytes; what is above 16 kB is a file of its own. */
const SIZES = [100, 10_000, 16_000, 20_000];

/** What the engine's process is told, and what it answers. */
export interface ResultsJob {
	place: string;
	results: number;
	/** Bytes of each; no two are alike. */
	size: number;
}

export interface ResultsReport {
	milliseconds: number;
	commits: number;
	/** How often the log was brought to the disk, and how long that took, in milliseconds. */
	syncs: number;
	synced: number;
	wrong: string[];
}

interface Measured extends ResultsReport {
	workload: 'results';
	results: number;
	size: number;
	cpu: number;
	load: number;
}

export const results: Workload = {
	about:
		'20,000 results of 100 bytes to 20 kB, inline and as files: how many a second, in how many commits, and what ' +
		'bringing them to the disk takes',
	usesPeers: false,
	inSmoke: true,
	async run(options) {
		const all: Measured[] = [];
		const rounds = options.smoke ? 1 : (options.rounds ?? ROUNDS);
		for (let round = 0; round < rounds; round++) {
			for (const [at, size] of SIZES.entries()) {
				options.progress(
					`results: ${size} bytes`,
					round * SIZES.length + at,
					rounds * SIZES.length,
				);
				all.push(await measure(size, options));
			}
		}
		options.progress('results', 1, 1);
		options.say(table(all));
		const wrong = all.flatMap((one) => one.wrong.map((what) => `${one.size} bytes: ${what}`));
		return { measurements: all, wrong };
	},
};

async function measure(size: number, { runs, smoke }: BenchOptions): Promise<Measured> {
	const place = await mkdtemp(join(tmpdir(), 'capscheduler-results-'));
	const job: ResultsJob = { place, size, results: runs ?? (smoke ? SMOKE : COUNT) };
	const engine = startChild(ENGINE, { input: job, node: ENGINE_NODE });
	try {
		await engine.next();
		const before = cpuSeconds([engine.pid]);
		engine.say('go');
		const report = await engine.next<ResultsReport>();
		const cpu = cpuSeconds([engine.pid]) - before;
		await engine.finish();
		return { ...report, workload: 'results', results: job.results, size, cpu, load: load() };
	} finally {
		await engine.kill();
		await rm(place, { recursive: true, force: true });
	}
}

function table(all: readonly Measured[]): string {
	const groups = Map.groupBy(all, ({ size }) => size);
	const rate = ({ results: count, milliseconds }: Measured): number =>
		(count / milliseconds) * 1000;
	return markdown([
		[
			'results of bytes',
			'a second',
			'all rounds',
			'MB/s',
			'in a commit',
			'syncs',
			'ms a sync',
			'syncing, % of the time',
			'CPU s per 1,000',
			'load',
		],
		...[...groups].map(([size, ones]) => {
			const of = (value: (one: Measured) => number): number => median(ones.map(value));
			return [
				size.toLocaleString('en'),
				of(rate).toFixed(0),
				ones.map((one) => rate(one).toFixed(0)).join(' '),
				((of(rate) * size) / 1e6).toFixed(1),
				of((one) => one.results / one.commits).toFixed(0),
				of(({ syncs }) => syncs).toFixed(0),
				of((one) => one.synced / one.syncs).toFixed(1),
				of((one) => (100 * one.synced) / one.milliseconds).toFixed(0),
				of((one) => (one.cpu / one.results) * 1000).toFixed(3),
				ones.map(({ load: at }) => at.toFixed(1)).join(' '),
			];
		}),
	]);
}
