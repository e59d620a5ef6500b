import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { Child } from '../child.ts';
import { ENGINE_NODE, startChild } from '../child.ts';
import { printProfile, profiling } from '../profile.ts';
import { load } from '../record.ts';
import { markdown, median } from '../report.ts';
import { redis } from '../servers.ts';
import type { JobServer } from '../servers.ts';
import type { Usage } from '../usage.ts';
import { startMeter } from '../usage.ts';
import type { BenchOptions, Workload } from '../workload.ts';
import type { PathJob, PathReady, PathRecords, PathSeen } from './job.ts';

const RUNS = 3000;
const SMOKE = 100;
const ROUNDS = 3;
const SECRET = `whsec_${Buffer.alloc(32, 'capscheduler').toString('base64')}`;
/** Milliseconds without a further notification after which no more are expected. */
const PATIENCE = 60_000;
/** Milliseconds that recording the last ones may take. */
const RECORDED = 30_000;
const LOOK_EVERY = 25;
const MB = 1e6;

interface Contestant {
	name: string;
	program: string;
	server: (() => Promise<JobServer>) | null;
	node?: readonly string[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ENGINE: Contestant = {
	name: 'capscheduler',
	program: here('engine.ts'),
	server: null,
	node: ENGINE_NODE,
};
const PEERS: readonly Contestant[] = [
	{
		name: 'bullmq',
		program: here('../peers/bullmq-path.mjs'),
		server: () => redis('everysec'),
	},
	{
		name: 'bullmq-fsync',
		program: here('../peers/bullmq-path.mjs'),
		server: () => redis('always'),
	},
];

interface Measured {
	workload: 'w3';
	contestant: string;
	runs: number;
	/** Whole paths, from due to notified. */
	perSecond: number;
	cpu: Usage;
	memory: Usage;
	records: PathRecords;
	seen: PathSeen;
	load: number;
	wrong: string[];
}

export const path: Workload = {
	about:
		'3,000 runs due at once go the whole way: a POST, its rows kept, a CSV delivered by webhook with a receipt, a ' +
		'signed notification; beside BullMQ with three queues',
	usesPeers: true,
	inSmoke: true,
	async run(options) {
		const { smoke, peerNames } = options;
		const field = [
			ENGINE,
			...PEERS.filter(({ name }) => !smoke && (peerNames?.includes(name) ?? true)),
		];
		const rounds = smoke ? 1 : (options.rounds ?? ROUNDS);
		const all: Measured[] = [];
		for (let round = 0; round < rounds; round++) {
			for (let i = 0; i < field.length; i++) {
				const contestant = field[(i + round) % field.length] ?? ENGINE;
				options.progress(`w3: ${contestant.name}`, all.length, rounds * field.length);
				const one = await measure(contestant, options);
				all.push(one);
				options.say(
					`w3 ${round + 1} ${one.contestant}: ${one.perSecond.toFixed(0)}/s, load ${one.load}`,
				);
			}
		}
		options.progress('w3', 1, 1);
		options.say(table(all));
		const wrong = all.flatMap((one) => one.wrong.map((what) => `${one.contestant}: ${what}`));
		return { measurements: all, wrong };
	},
};

async function measure(contestant: Contestant, options: BenchOptions): Promise<Measured> {
	const place = await mkdtemp(join(tmpdir(), 'capscheduler-w3-'));
	const server = (await contestant.server?.()) ?? null;
	const receiver = startChild(here('receiver.ts'), { input: { secret: SECRET } });
	const runs = options.runs ?? (options.smoke ? SMOKE : RUNS);
	const profile = contestant === ENGINE ? profiling(options.profile) : null;
	let child: Child | null = null;
	try {
		const { url } = await receiver.next<{ url: string }>();
		const job: PathJob = {
			place: server?.url ?? place,
			runs,
			receiver: url,
			secret: SECRET,
			...(profile === null ? {} : { profile: profile.folder }),
		};
		child = startChild(contestant.program, { input: job, node: contestant.node ?? [] });
		const { dueAt } = await child.next<PathReady>();
		if (Date.now() > dueAt - 100) throw new Error('storing the runs took longer than expected');
		await delay(dueAt - 100 - Date.now());
		const meter = startMeter(child.pid, server);
		await allNotified(receiver, runs);
		const cpu = meter.cpu();
		receiver.say('report');
		const seen = await receiver.next<PathSeen>();
		const memory = meter.memory();
		const records = await allRecorded(child, runs);
		printProfile(profile, 'w3', options.say);
		return {
			workload: 'w3',
			contestant: contestant.name,
			runs,
			perSecond: (runs / (seen.last - dueAt)) * 1000,
			cpu,
			memory,
			records,
			seen,
			load: load(),
			wrong: wrongOf(runs, records, seen),
		};
	} finally {
		await child?.kill();
		await receiver.kill();
		await server?.stop();
		await rm(place, { recursive: true, force: true });
	}
}

async function allNotified(receiver: Child, runs: number): Promise<void> {
	let count = 0;
	for (let since = Date.now(); count < runs && Date.now() - since < PATIENCE;) {
		await delay(LOOK_EVERY);
		receiver.say('count');
		const { notified } = await receiver.next<{ notified: number }>();
		if (notified > count) since = Date.now();
		count = notified;
	}
}

/** What was answered last is still to be recorded; what is not there after a while is missing. */
async function allRecorded(child: Child, runs: number): Promise<PathRecords> {
	for (const began = Date.now(); ;) {
		child.say('records');
		const records = await child.next<PathRecords>();
		const complete = Object.values(records).every((count) => count === runs);
		if (complete || Date.now() - began > RECORDED) return records;
		await delay(LOOK_EVERY);
	}
}

function wrongOf(runs: number, records: PathRecords, seen: PathSeen): string[] {
	const wrong: string[] = [];
	const { sources, deliveries, notifications, hashes } = seen;
	for (const [what, count] of Object.entries(records) as [string, number][]) {
		if (count !== runs) wrong.push(`recorded as ${what}: ${count} of ${runs}`);
	}
	for (const [what, { calls, keys }] of Object.entries({ sources, deliveries, notifications })) {
		if (keys !== runs || calls !== runs) {
			wrong.push(`${what}: ${keys} of ${runs} runs in ${calls} requests`);
		}
	}
	if (deliveries.wrong > 0)
		wrong.push(`${deliveries.wrong} files are not signed, or not the rows that were given`);
	if (notifications.wrong > 0) wrong.push(`${notifications.wrong} notifications are not signed`);
	if (new Set(hashes).size !== 1) wrong.push('asked, delivered and notified are not the same runs');
	return wrong;
}

function table(all: readonly Measured[]): string {
	const groups = Map.groupBy(all, ({ contestant }) => contestant);
	const rows = [...groups].map(([name, ones]) => {
		const of = (value: (one: Measured) => number): number => median(ones.map(value));
		return [
			name,
			of(({ perSecond }) => perSecond).toFixed(0),
			ones.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
			of(({ cpu, runs }) => (cpu.worker / runs) * 1000).toFixed(3),
			of(({ cpu, runs }) => (cpu.server / runs) * 1000).toFixed(3),
			of(({ memory }) => memory.worker / MB).toFixed(0),
			of(({ memory }) => memory.server / MB).toFixed(0),
			ones.map(({ load: at }) => at.toFixed(1)).join(' '),
		];
	});
	const head = [
		`w3, ${(all[0]?.runs ?? 0).toLocaleString('en')} runs`,
		'whole paths/s',
		'all rounds',
		'CPU s per 1,000',
		'of the server',
		'memory MB',
		'of the server',
		'load',
	];
	return markdown([head, ...rows]);
}
