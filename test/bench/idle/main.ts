import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createClient, startEngineProcess } from '../../support/engine-process.ts';
import { askChild, ENGINE_NODE } from '../child.ts';
import { buildEngine, load } from '../record.ts';
import { markdown, median } from '../report.ts';
import { cpuSeconds, memoryBytes } from '../usage.ts';
import type { BenchOptions, Workload } from '../workload.ts';

const PREPARE = fileURLToPath(new URL('prepare.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MB = 1e6;
const SIZES = [10_000, 100_000];
const ROUNDS = 5;
const SECONDS = 30;
/** What the start leaves to be done is over by then, giving memory back too: milliseconds. */
const SETTLED = 25_000;

interface Idle {
	workload: 'idle';
	schedules: number;
	/** Milliseconds from the process's begin until it says that it is up, of each round. */
	starts: number[];
	/** Bytes, when it has idled; the proportional set size, which does not count what others share twice. */
	rss: number;
	/** Of one core, percent, while it idles. */
	cpu: number;
	load: number;
}

/** What an engine takes that has nothing to do: the built package, as it is installed. */
export const idle: Workload = {
	about:
		'start-up time, memory and processor time of the built engine with 10,000 and 100,000 schedules that are not due',
	usesPeers: false,
	inSmoke: false,
	async run(options) {
		buildEngine(options.say);
		const measurements: Idle[] = [];
		const wrong: string[] = [];
		for (const schedules of options.sizes ?? SIZES) {
			const one = await measure(schedules, options);
			measurements.push(one.idle);
			wrong.push(...one.wrong);
		}
		options.say(table(measurements));
		return { measurements, wrong };
	},
};

async function measure(
	schedules: number,
	options: BenchOptions,
): Promise<{ idle: Idle; wrong: string[] }> {
	const place = await mkdtemp(join(tmpdir(), 'capscheduler-idle-'));
	const seconds = options.seconds ?? SECONDS;
	try {
		const { firstKey } = await askChild<{ firstKey: string }>(PREPARE, { place, schedules });
		const starts: number[] = [];
		const rounds = options.rounds ?? ROUNDS;
		for (let round = 1; ; round++) {
			options.progress(`idle: start with ${schedules}`, round, rounds);
			const began = performance.now();
			const engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: place }, { command: BUILT });
			starts.push(performance.now() - began);
			if (round < rounds) {
				await engine.kill('SIGTERM');
				continue;
			}
			await delay(SETTLED);
			const before = cpuSeconds([engine.pid]);
			await delay(seconds * 1000);
			const cpu = ((cpuSeconds([engine.pid]) - before) / seconds) * 100;
			const rss = memoryBytes([engine.pid]);
			const wrong = await whatFired(createClient(engine.url, firstKey));
			await engine.kill('SIGTERM');
			const one: Idle = { workload: 'idle', schedules, starts, rss, cpu, load: load() };
			return { idle: one, wrong };
		}
	} finally {
		await rm(place, { recursive: true, force: true });
	}
}

const BUILT = [
	process.execPath,
	...ENGINE_NODE,
	join(ROOT, 'engine/dist/cli/main.js'),
	'start',
	'--json',
];

async function whatFired(client: ReturnType<typeof createClient>): Promise<string[]> {
	const { items } = await client<{ items: unknown[] }>('GET', '/v1/runs?limit=1');
	return items.length === 0 ? [] : ['a run was made although nothing was due'];
}

function table(all: readonly Idle[]): string {
	return markdown([
		['idle, schedules', 'start ms', 'all rounds', 'memory MB', '% of a core', 'load'],
		...all.map(({ schedules, starts, rss, cpu, load: of }) => [
			schedules.toLocaleString('en'),
			median(starts).toFixed(0),
			starts.map((ms) => ms.toFixed(0)).join(' '),
			(rss / MB).toFixed(0),
			cpu.toFixed(2),
			of.toFixed(1),
		]),
	]);
}
