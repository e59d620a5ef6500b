import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createClient } from '../../support/engine-process.ts';
import { ENGINE_NODE, startChild } from '../child.ts';
import { load } from '../record.ts';
import { markdown, quantile } from '../report.ts';
import { peakRss } from '../usage.ts';
import type { BenchOptions, Workload } from '../workload.ts';
import type { GrowthJob, GrowthReady, GrowthReport } from './job.ts';

const ENGINE = fileURLToPath(new URL('engine.ts', import.meta.url));
const SIZES = [1000, 10_000, 100_000];
const LEDGER = 1_000_000;
const SAMPLE = 2000;
/** Calls of each request, one after another. */
const CALLS = 300;
const SMOKE = { sizes: [200], ledger: 500, sample: 200, calls: 20 };
const MB = 1e6;

/** Milliseconds. */
interface Times {
	p50: number;
	p99: number;
}

interface Measured extends GrowthReport, Omit<GrowthReady, 'url' | 'key'> {
	workload: 'w4';
	schedules: number;
	ledger: number;
	list: Times;
	/** Those of a capability that are paused, of which there are none. */
	filtered: Times;
	create: Times;
	rss: number;
	load: number;
}

export const growth: Workload = {
	about:
		'what a fire, a run, a list, a create, a start, memory and file come to with 1,000 to 100,000 schedules stored ' +
		'(--sizes 1000,1000000), and then with a million rows of the ledger (--ledger 10000000)',
	usesPeers: false,
	inSmoke: true,
	async run(options) {
		const place = await mkdtemp(join(tmpdir(), 'capscheduler-w4-'));
		const sizes = options.sizes ?? (options.smoke ? SMOKE.sizes : SIZES);
		const ledger = options.ledger ?? (options.smoke ? SMOKE.ledger : LEDGER);
		const steps = [
			...sizes.map((schedules) => ({ schedules, ledger: 0 })),
			...(ledger === 0 ? [] : [{ schedules: sizes.at(-1) ?? 0, ledger }]),
		];
		const all: Measured[] = [];
		let key = '';
		try {
			for (const [at, step] of steps.entries()) {
				options.progress(
					`w4: ${step.schedules} schedules, ledger ${step.ledger}`,
					at,
					steps.length,
				);
				const one = await measure({ ...step, place }, { options, key });
				key = one.key;
				all.push(one.measured);
			}
		} finally {
			await rm(place, { recursive: true, force: true });
		}
		options.progress('w4', 1, 1);
		options.say(table(all));
		const wrong = all.flatMap((one) =>
			one.wrong.map((what) => `${one.schedules} schedules, ledger ${one.ledger}: ${what}`),
		);
		return { measurements: all, wrong };
	},
};

async function measure(
	step: Omit<GrowthJob, 'sample'>,
	{ options, key: known }: { options: BenchOptions; key: string },
): Promise<{ measured: Measured; key: string }> {
	const { smoke, runs } = options;
	const job: GrowthJob = { ...step, sample: runs ?? (smoke ? SMOKE.sample : SAMPLE) };
	const engine = startChild(ENGINE, { input: job, node: ENGINE_NODE });
	try {
		const { url, key: first, started } = await engine.next<GrowthReady>();
		const key = first === '' ? known : first;
		const client = createClient(url, key);
		const calls = smoke ? SMOKE.calls : CALLS;
		const list = await timesOf(calls, () => client('GET', '/v1/schedules?limit=50'));
		const filtered = await timesOf(calls, () =>
			client('GET', '/v1/schedules?limit=50&status=paused&capability=bench'),
		);
		const create = await timesOf(calls, () =>
			client('POST', '/bench/schedule', { action: 'work', timing: { cron: '0 3 1 1 *' } }),
		);
		engine.say('go');
		const report = await engine.next<GrowthReport>();
		const rss = peakRss(engine.pid);
		await engine.finish();
		const { schedules, ledger } = step;
		return {
			measured: {
				...report,
				workload: 'w4',
				schedules,
				ledger,
				started,
				list,
				filtered,
				create,
				rss,
				load: load(),
			},
			key,
		};
	} finally {
		await engine.kill();
	}
}

async function timesOf(calls: number, call: () => Promise<unknown>): Promise<Times> {
	const times: number[] = [];
	for (let i = 0; i < calls; i++) {
		const began = performance.now();
		await call();
		times.push(performance.now() - began);
	}
	times.sort((a, b) => a - b);
	return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function table(all: readonly Measured[]): string {
	const both = ({ p50, p99 }: Times): string => `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
	return markdown([
		[
			'w4, schedules',
			'ledger',
			'a fire, CPU ms',
			'a run, CPU ms',
			'list ms p50 / p99',
			'filtered',
			'create',
			'start ms',
			'peak MB',
			'file MB',
			'load',
		],
		...all.map((one) => [
			one.schedules.toLocaleString('en'),
			one.ledger.toLocaleString('en'),
			one.fire.toFixed(3),
			one.run.toFixed(3),
			both(one.list),
			both(one.filtered),
			both(one.create),
			one.started.toFixed(0),
			(one.rss / MB).toFixed(0),
			(one.file / MB).toFixed(0),
			one.load.toFixed(1),
		]),
	]);
}
