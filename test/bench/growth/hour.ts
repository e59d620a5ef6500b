import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { prepareLoad, wrongAnswers } from '../api/generator.ts';
import type { LoadReport } from '../api/job.ts';
import { ENGINE_NODE, startChild } from '../child.ts';
import { printProfile, profiling } from '../profile.ts';
import { load } from '../record.ts';
import { markdown } from '../report.ts';
import { cpuSeconds, peakRss } from '../usage.ts';
import type { BenchOptions, Workload } from '../workload.ts';
import type { HourJob, HourReady, HourReport } from './hour-job.ts';

const ENGINE = fileURLToPath(new URL('hour-engine.ts', import.meta.url));
const SCHEDULES = 100_000;
const SMOKE = { schedules: 1000, seconds: 4 };
/** How long the API is asked, from two seconds before the instant on. */
const SECONDS = 20;
const BEFORE = 2000;
/** What opening the connections may take: milliseconds. */
const CONNECT = 3000;
const READS = 100;
const CREATES = 20;
const MB = 1e6;

interface Measured extends HourReport {
	workload: 'hour';
	schedules: number;
	reads: LoadReport;
	creates: LoadReport;
	cpu: number;
	rss: number;
	load: number;
}

export const hour: Workload = {
	about:
		'100,000 schedules due in the same second: until all have begun and ended, what the API answers meanwhile, and ' +
		'whether priorities are kept',
	usesPeers: false,
	inSmoke: true,
	async run(options) {
		const all: Measured[] = [];
		for (let round = 0; round < (options.smoke ? 1 : (options.rounds ?? 1)); round++) {
			all.push(await measure(options));
		}
		options.say(table(all));
		const wrong = all.flatMap((one) => [
			...one.wrong,
			...wrongAnswers(one.reads, 200).map((what) => `reads: ${what}`),
			...wrongAnswers(one.creates, 201).map((what) => `creates: ${what}`),
		]);
		return { measurements: all, wrong };
	},
};

async function measure(options: BenchOptions): Promise<Measured> {
	const { smoke, runs, seconds, progress, say } = options;
	const place = await mkdtemp(join(tmpdir(), 'capscheduler-hour-'));
	const schedules = runs ?? (smoke ? SMOKE.schedules : SCHEDULES);
	const profile = profiling(options.profile);
	const job: HourJob = {
		place,
		schedules,
		...(profile === null ? {} : { profile: profile.folder }),
	};
	const engine = startChild(ENGINE, { input: job, node: ENGINE_NODE });
	try {
		progress(`hour: storing ${schedules}`, 0, 2);
		const { url, key, ids, dueAt } = await engine.next<HourReady>();
		// connections that send nothing for 15 s are closed by the engine, so they are opened late
		await until(dueAt - BEFORE - CONNECT);
		const asking = { url, key, seconds: smoke ? SMOKE.seconds : (seconds ?? SECONDS) };
		const reads = await prepareLoad({
			...asking,
			paths: ids.map((id) => `/v1/schedules/${id}`),
			rate: READS,
			connections: 16,
		});
		const creates = await prepareLoad({
			...asking,
			paths: ['/bench/schedule'],
			body: '{"action":"work","name":"#","timing":{"cron":"0 3 1 1 *"}}',
			rate: CREATES,
			connections: 16,
		});
		await until(dueAt - BEFORE);
		progress('hour: due', 1, 2);
		const before = cpuSeconds([engine.pid]);
		engine.say('go');
		const fired = engine.next<HourReport>().then((report) => ({
			report,
			cpu: cpuSeconds([engine.pid]) - before,
			rss: peakRss(engine.pid),
		}));
		const [{ report, cpu, rss }, read, created] = await Promise.all([
			fired,
			reads.run(),
			creates.run(),
		]);
		engine.say('end');
		await engine.finish();
		progress('hour', 2, 2);
		printProfile(profile, 'hour', say);
		return {
			...report,
			workload: 'hour',
			schedules,
			reads: read,
			creates: created,
			cpu,
			rss,
			load: load(),
		};
	} finally {
		await engine.kill();
		await rm(place, { recursive: true, force: true });
	}
}

function until(instant: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())));
}

function table(all: readonly Measured[]): string {
	const head = [
		'hour, schedules in one second',
		'all begun s',
		'all ended s',
		'last of priority 10',
		'of 0',
		'of -10',
		'read ms p50',
		'p99',
		'create p50',
		'p99',
		'loop ms p99',
		'max',
		'CPU s',
		'memory MB',
		'load',
	];
	const rows = all.map((one) => [
		one.schedules.toLocaleString('en'),
		(one.begun / 1000).toFixed(1),
		(one.ended / 1000).toFixed(1),
		...one.order.map(
			({ last, share }) => `${(last / 1000).toFixed(1)} s, ${(share * 100).toFixed(0)} %`,
		),
		one.reads.p50.toFixed(0),
		one.reads.p99.toFixed(0),
		one.creates.p50.toFixed(0),
		one.creates.p99.toFixed(0),
		one.loopP99.toFixed(0),
		one.loopMost.toFixed(0),
		one.cpu.toFixed(1),
		(one.rss / MB).toFixed(0),
		one.load.toFixed(1),
	]);
	return markdown([head, ...rows]);
}
