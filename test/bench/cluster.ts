import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { newSchema, urlOf } from '../support/postgres-store.ts';
import type { DatabaseServer } from '../servers/postgres.ts';
import { startPostgres } from '../servers/postgres.ts';
import { askChild, startChild } from './child.ts';
import type { Drained, Job, Verified } from './job.ts';
import { measure, wrongRecords } from './measure.ts';
import { load } from './record.ts';
import { drainTable, markdown, median } from './report.ts';
import { cpuSeconds } from './usage.ts';
import type { BenchOptions, Workload } from './workload.ts';

const ENGINE = fileURLToPath(new URL('engine.ts', import.meta.url));
const RUNS = 20_000;
const ROUNDS = 3;
const SIZES = [1, 2, 4];
const ON_POSTGRES = ['graphile-worker', 'pg-boss'];

interface Drain {
	workload: 'cluster';
	engines: number;
	runs: number;
	perSecond: number;
	/** Processor seconds: of all engines, and of the server. */
	cpu: { engines: number; server: number };
	/** Commits of all engines. */
	commits: number;
	load: number;
}

/** How runs scale with engines on one PostgreSQL, full durability, beside queues on a PostgreSQL of the same kind. */
export const cluster: Workload = {
	about:
		'drains 20,000 runs by 1, 2 and 4 engine processes on one PostgreSQL (--sizes), and by peers',
	usesPeers: true,
	inSmoke: false,
	async run(options) {
		const measurements: Drain[] = [];
		const wrong: string[] = [];
		const others: Awaited<ReturnType<typeof measure>>[] = [];
		for (let round = 1; round <= (options.rounds ?? ROUNDS); round++) {
			for (const engines of options.sizes ?? SIZES) {
				const one = await drainBy(engines, options);
				measurements.push(one.drain);
				wrong.push(...one.wrong.map((what) => `cluster of ${engines}: ${what}`));
				options.say(
					`cluster ${round}: ${engines} engines, ${Math.round(one.drain.perSecond)}/s, load ${one.drain.load}`,
				);
			}
			for (const peer of options.peers.filter(({ name }) => ON_POSTGRES.includes(name))) {
				const one = await measure(peer, { workload: 'noop', runs: options.runs ?? RUNS });
				others.push(one);
				wrong.push(...one.wrong.map((what) => `${peer.name}: ${what}`));
			}
		}
		options.say(table(measurements));
		if (others.length > 0) options.say(drainTable(others));
		return { measurements: [...measurements, ...others], wrong };
	},
};

async function drainBy(
	engines: number,
	options: BenchOptions,
): Promise<{ drain: Drain; wrong: string[] }> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-cluster-'));
	const server = await startPostgres();
	try {
		const runs = options.runs ?? RUNS;
		const settings = {
			CAPSCHEDULER_STORE: urlOf(server.port, newSchema()),
			CAPSCHEDULER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
		};
		const job = { place: folder, target: null, runs, settings };
		await askChild(ENGINE, { ...job, role: 'enqueue' });
		const drain = await drainTogether({ ...job, role: 'drain' }, engines, server);
		const verified = await askChild<Verified>(ENGINE, { ...job, role: 'verify' });
		return { drain, wrong: wrongRecords(verified, runs) };
	} finally {
		await server.stop();
		await rm(folder, { recursive: true, force: true });
	}
}

/** All begin at once; it is over when the last of them sees that every run has ended. */
async function drainTogether(job: Job, engines: number, server: DatabaseServer): Promise<Drain> {
	const children = Array.from({ length: engines }, () => startChild(ENGINE, { input: job }));
	for (const child of children) await child.next();
	const pids = children.map(({ pid }) => pid);
	const before = [cpuSeconds(pids), cpuSeconds([server.pid])] as const;
	for (const child of children) child.say('go');
	const drained = await Promise.all(
		children.map(async (child) => child.next<Drained & { commits: number }>()),
	);
	const after = [cpuSeconds(pids), cpuSeconds([server.pid])] as const;
	for (const child of children) child.say('end');
	for (const child of children) await child.finish();
	const milliseconds = Math.max(...drained.map((one) => one.milliseconds));
	return {
		workload: 'cluster',
		engines,
		runs: job.runs,
		perSecond: job.runs / (milliseconds / 1000),
		cpu: { engines: after[0] - before[0], server: after[1] - before[1] },
		commits: drained.reduce((sum, { commits }) => sum + commits, 0),
		load: load(),
	};
}

function table(measurements: readonly Drain[]): string {
	const rows = [...Map.groupBy(measurements, ({ engines }) => engines)].map(([engines, ones]) => {
		const of = (value: (one: Drain) => number): number => median(ones.map(value));
		const thousands = (ones[0]?.runs ?? 0) / 1000;
		return [
			String(engines),
			Math.round(of(({ perSecond }) => perSecond)).toLocaleString('en'),
			ones.map(({ perSecond }) => Math.round(perSecond)).join(' '),
			(of(({ cpu }) => cpu.engines) / thousands).toFixed(3),
			(of(({ cpu }) => cpu.server) / thousands).toFixed(3),
			(of(({ commits }) => commits) / thousands).toFixed(1),
			ones.map((one) => one.load).join(' '),
		];
	});
	const head = [
		'engines',
		'runs/s',
		'all rounds',
		'CPU s per 1,000',
		'of the server',
		'commits per 1,000',
		'load',
	];
	return markdown([head, ...rows]);
}
