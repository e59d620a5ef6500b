import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Child } from '../child.ts';
import { ENGINE_NODE, startChild } from '../child.ts';
import { printProfile, profiling } from '../profile.ts';
import { load } from '../record.ts';
import { markdown } from '../report.ts';
import { cpuSeconds } from '../usage.ts';
import type { BenchOptions, Outcome, Workload } from '../workload.ts';
import { downloads } from './downloads.ts';
import { prepareLoad, wrongAnswers } from './generator.ts';
import type { ApiJob, ApiReady, LoadJob, LoadReport } from './job.ts';

const ENGINE = fileURLToPath(new URL('engine.ts', import.meta.url));
const SECONDS = 10;
const RATES = [500, 1000, 2000, 5000];
const CONNECTIONS = 64;
const SCHEDULES = 10_000;
const LINKS = 200;
const SMOKE = { rates: [100], seconds: 2, schedules: 300, megabytes: 5 };

interface Measured extends LoadReport {
	workload: 'api';
	request: string;
	rate: number;
	/** Seconds of the engine's processor time for 1,000 requests. */
	cpu: number;
	load: number;
}

export const api: Workload = {
	about:
		'creates with an Idempotency-Key, reads, lists and downloads by link at fixed rates, without coordinated ' +
		'omission; a file of 1 GB by link beside a static server',
	usesPeers: false,
	inSmoke: true,
	run: (options) => withEngine(options, { schedules: SCHEDULES, links: LINKS }, atRates),
};

/** The part of it that is about large files. */
export const download: Workload = {
	about: 'a file of 1 GB by link beside a static server in Node and nginx, by the same client',
	usesPeers: false,
	inSmoke: false,
	run: (options) => withEngine(options, { schedules: 0, links: 0 }, nothing),
};

type Rated = (
	engine: Child,
	about: { ready: ApiReady; job: ApiJob; options: BenchOptions },
) => Promise<Outcome>;

const nothing: Rated = () => Promise.resolve({ measurements: [], wrong: [] });

async function withEngine(
	options: BenchOptions,
	{ schedules, links }: Pick<ApiJob, 'schedules' | 'links'>,
	first: Rated,
): Promise<Outcome> {
	const place = await mkdtemp(join(tmpdir(), 'capscheduler-api-'));
	const profile = profiling(options.profile);
	const job: ApiJob = {
		place,
		schedules: options.runs ?? (options.smoke ? SMOKE.schedules : schedules),
		links,
		megabytes: options.smoke ? SMOKE.megabytes : options.megabytes,
		...(profile === null ? {} : { profile: profile.folder }),
	};
	const engine = startChild(ENGINE, { input: job, node: ENGINE_NODE });
	try {
		const ready = await engine.next<ApiReady>();
		const outcomes = [
			await first(engine, { ready, job, options }),
			await downloads(engine, { ready, options }),
		];
		engine.say('end');
		await engine.finish();
		printProfile(profile, 'api', options.say);
		return {
			measurements: outcomes.flatMap(({ measurements }) => measurements),
			wrong: outcomes.flatMap(({ wrong }) => wrong),
		};
	} finally {
		await engine.kill();
		await rm(place, { recursive: true, force: true });
	}
}

interface Request {
	name: string;
	job: Pick<LoadJob, 'paths' | 'body' | 'key'>;
	status: number;
}

function requestsTo({ key, ids, links }: ApiReady): Request[] {
	return [
		{
			name: 'create, Idempotency-Key',
			job: {
				key,
				paths: ['/bench/schedule'],
				body: '{"action":"work","name":"#","timing":{"cron":"0 3 1 1 *"}}',
			},
			status: 201,
		},
		{ name: 'read', job: { key, paths: ids.map((id) => `/v1/schedules/${id}`) }, status: 200 },
		{ name: 'list of 50', job: { key, paths: ['/v1/schedules?limit=50'] }, status: 200 },
		{ name: 'link, 10 kB', job: { paths: links }, status: 200 },
	];
}

async function atRates(
	engine: Child,
	{ ready, job, options }: { ready: ApiReady; job: ApiJob; options: BenchOptions },
): Promise<Outcome> {
	const { smoke, progress, say } = options;
	const rates = options.sizes ?? (smoke ? SMOKE.rates : RATES);
	const seconds = options.seconds ?? (smoke ? SMOKE.seconds : SECONDS);
	const all: Measured[] = [];
	const wrong: string[] = [];
	const requests = requestsTo(ready);
	let made = job.schedules;
	for (const [at, request] of requests.entries()) {
		for (const [turn, rate] of rates.entries()) {
			progress(`api: ${request.name}`, at * rates.length + turn, requests.length * rates.length);
			const generator = await prepareLoad({
				...request.job,
				url: ready.url,
				rate,
				seconds,
				connections: CONNECTIONS,
			});
			const before = cpuSeconds([engine.pid]);
			const report = await generator.run();
			const cpu = ((cpuSeconds([engine.pid]) - before) / report.answered) * 1000;
			all.push({ workload: 'api', request: request.name, rate, ...report, cpu, load: load() });
			wrong.push(...wrongAnswers(report, request.status).map((what) => `${request.name}: ${what}`));
			if (request.job.body !== undefined) made += report.answered - report.replayed;
			// a server that is beyond its rate is not asked for more
			if (report.seconds > seconds * 1.5) break;
		}
	}
	progress('api', 1, 1);
	engine.say('counts');
	const { schedules } = await engine.next<{ schedules: number }>();
	if (schedules !== made) wrong.push(`${schedules} schedules stored, expected ${made}`);
	say(table(all));
	return { measurements: all, wrong };
}

function table(all: readonly Measured[]): string {
	return markdown([
		['api', 'asked/s', 'answered/s', 'ms p50', 'p99', 'p99.9', 'CPU s per 1,000', 'load'],
		...all.map(({ request, rate, answered, seconds, p50, p99, p999, cpu, load: of }) => [
			request,
			rate.toLocaleString('en'),
			(answered / seconds).toFixed(0),
			p50.toFixed(1),
			p99.toFixed(1),
			p999.toFixed(1),
			cpu.toFixed(3),
			of.toFixed(1),
		]),
	]);
}
