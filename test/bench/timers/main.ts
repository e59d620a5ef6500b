import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ENGINE_NODE, startChild } from '../child.ts';
import { onStore } from '../contestants.ts';
import { printProfile, profiling } from '../profile.ts';
import { load } from '../record.ts';
import { markdown, median } from '../report.ts';
import { redis } from '../servers.ts';
import type { JobServer } from '../servers.ts';
import type { Usage } from '../usage.ts';
import { startMeter } from '../usage.ts';
import type { BenchOptions, Workload } from '../workload.ts';
import type { TimersJob, TimersReady, TimersReport } from './job.ts';

const PERIOD = 10;
const SCHEDULES = 5000;
const SECONDS = 30;
const ROUNDS = 2;
const SMOKE = { schedules: 200, seconds: 10 };
const MANY_OTHERS = 100_000;
const MB = 1e6;

interface Contestant {
	name: string;
	program: string;
	server: (() => Promise<JobServer>) | null;
	/** Whether schedules that are not due are worth a round of their own. */
	others: boolean;
	node?: readonly string[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CONTESTANTS: readonly Contestant[] = [
	{
		name: 'capscheduler',
		program: here('engine.ts'),
		server: null,
		others: true,
		node: ENGINE_NODE,
	},
	{ name: 'croner', program: here('croner.ts'), server: null, others: false },
	{
		name: 'bullmq',
		program: here('../peers/bullmq-timers.mjs'),
		server: () => redis('everysec'),
		others: false,
	},
];

interface Measured extends TimersReport {
	workload: 'w2';
	contestant: string;
	job: TimersJob;
	cpu: Usage;
	memory: Usage;
	load: number;
}

export const timers: Workload = {
	about:
		'5,000 schedules, each due every 10 s: how late their work begins, beside croner in memory and BullMQ; and the ' +
		'engine with 100,000 others stored',
	usesPeers: true,
	inSmoke: true,
	async run(options) {
		const all: Measured[] = [];
		const plan = planOf(options);
		for (const [at, { contestant, others }] of plan.entries()) {
			options.progress(`w2: ${contestant.name}, ${others} others`, at, plan.length);
			all.push(await measure(contestant, others, options));
			const { p99, missed } = all.at(-1)!;
			options.say(
				`w2 ${contestant.name}, ${others} others: p99 ${p99} ms, ${missed} missed, load ${load()}`,
			);
		}
		options.progress('w2', 1, 1);
		options.say(table(all));
		const wrong = all
			.filter(({ contestant }) => contestant === 'capscheduler')
			.flatMap((one) => wrongOf(one).map((what) => `${one.job.others} others: ${what}`));
		return { measurements: all, wrong };
	},
};

function planOf({ smoke, rounds, peerNames, others, store }: BenchOptions): {
	contestant: Contestant;
	others: number;
}[] {
	const [first, ...rest] = CONTESTANTS;
	const engine = onStore(first!, store);
	if (smoke) return [{ contestant: engine, others: 0 }];
	const field = [engine, ...rest]
		.filter(({ name }) => name === engine.name || peerNames === null || peerNames.includes(name))
		.flatMap((contestant) => [
			{ contestant, others: 0 },
			...(contestant.others && others !== 0 ? [{ contestant, others: others ?? MANY_OTHERS }] : []),
		]);
	return Array.from({ length: rounds ?? ROUNDS }, (_, round) =>
		field.map((_one, i) => field[(i + round) % field.length]!),
	).flat();
}

async function measure(
	contestant: Contestant,
	others: number,
	options: BenchOptions,
): Promise<Measured> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-w2-'));
	const server = (await contestant.server?.()) ?? null;
	const profile = contestant.name === 'capscheduler' ? profiling(options.profile) : null;
	const job: TimersJob = {
		...(profile === null ? {} : { profile: profile.folder }),
		place: server?.url ?? folder,
		schedules: options.runs ?? (options.smoke ? SMOKE.schedules : SCHEDULES),
		period: PERIOD,
		others,
		seconds: options.smoke
			? SMOKE.seconds
			: Math.max(1, Math.round((options.seconds ?? SECONDS) / PERIOD)) * PERIOD,
	};
	const child = startChild(contestant.program, {
		input: job,
		node: contestant.node ?? [],
	});
	try {
		const { from } = await child.next<TimersReady>();
		await new Promise((resolve) => setTimeout(resolve, Math.max(0, from - 100 - Date.now())));
		const meter = startMeter(child.pid, server);
		child.say('go');
		const report = await child.next<TimersReport>();
		const cpu = meter.cpu();
		const memory = meter.memory();
		child.say('check');
		const { wrong } = await child.next<{ wrong: string[] }>();
		await child.finish();
		printProfile(profile, `w2, ${others} others`, options.say);
		return {
			...report,
			wrong,
			workload: 'w2',
			contestant: contestant.name,
			job: { ...job, place: '' },
			cpu,
			memory,
			load: load(),
		};
	} finally {
		await child.kill();
		await server?.stop();
		await rm(folder, { recursive: true, force: true });
	}
}

function wrongOf({ early, missed, doubled, wrong }: Measured): string[] {
	const counts = Object.entries({ early, missed, doubled }).filter(([, count]) => count > 0);
	return [...counts.map(([what, count]) => `${count} ${what}`), ...wrong];
}

function table(all: readonly Measured[]): string {
	const groups = Map.groupBy(all, ({ contestant, job }) =>
		job.others === 0 ? contestant : `${contestant}, ${job.others.toLocaleString('en')} others`,
	);
	const rows = [...groups].map(([name, ones]) => {
		const of = (value: (one: Measured) => number): number => median(ones.map(value));
		const most = (value: (one: Measured) => number): string => `${Math.max(...ones.map(value))}`;
		return [
			name,
			of(({ p50 }) => p50).toFixed(0),
			of(({ p99 }) => p99).toFixed(0),
			ones.map(({ p99 }) => p99.toFixed(0)).join(' '),
			most(({ most: last }) => last),
			most(({ early }) => early),
			most(({ missed }) => missed),
			of(({ cpu, fires }) => (cpu.worker / fires) * 1000).toFixed(3),
			of(({ cpu, fires }) => (cpu.server / fires) * 1000).toFixed(3),
			of(({ memory }) => memory.worker / MB).toFixed(0),
			ones.map(({ load: at }) => at.toFixed(1)).join(' '),
		];
	});
	const { schedules = 0, seconds = 0 } = all[0]?.job ?? {};
	const head = [
		`w2, ${schedules.toLocaleString('en')} schedules, ${seconds} s`,
		'ms late p50',
		'p99',
		'all rounds',
		'max',
		'early',
		'missed',
		'CPU s per 1,000',
		'of the server',
		'memory MB',
		'load',
	];
	return markdown([head, ...rows]);
}
