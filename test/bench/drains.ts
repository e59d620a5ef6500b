import type { Contestant } from './contestants.ts';
import { ENGINE, onStore } from './contestants.ts';
import type { Measurement } from './measure.ts';
import { measure } from './measure.ts';
import { printProfile, profiling } from './profile.ts';
import { drainTable, memoryTable } from './report.ts';
import type { BenchOptions, Outcome, Workload } from './workload.ts';

type Drain = 'noop' | 'post';

const ROUNDS = 3;
const MEMORY_RUNS = 200_000;
const SMOKE_RUNS = 3000;

/** Runs that wait are drained by each contestant in turn. */
export function drain(workload: Drain, runs: number, about: string): Workload {
	return {
		about,
		usesPeers: true,
		inSmoke: true,
		async run(options) {
			const count = options.runs ?? (options.smoke ? SMOKE_RUNS : runs);
			const all = await rounds(workload, { ...options, runs: count });
			if (options.profile) await profileDrain(workload, { ...options, runs: count });
			return outcomeOf(all);
		},
	};
}

export const memory: Workload = {
	about: 'drains 200,000 of each, and shows the memory at every 20,000',
	usesPeers: false,
	inSmoke: false,
	async run({ runs, say }) {
		const all: Measurement[] = [];
		for (const workload of ['noop', 'post'] as const) {
			const count = runs ?? MEMORY_RUNS;
			const one = await measure(ENGINE, {
				workload,
				runs: count,
				sampleEvery: Math.round(count / 10),
			});
			all.push(one);
			say(memoryTable(one));
		}
		return outcomeOf(all);
	},
};

/** Each round begins with another contestant, so that none always has the machine at its coolest. */
async function rounds(
	workload: Drain,
	options: BenchOptions & { runs: number },
): Promise<Measurement[]> {
	const { runs, say, progress, smoke } = options;
	const contestants: Contestant[] = [onStore(ENGINE, options.store), ...options.peers];
	const field = contestants.filter((contestant) => contestant.workloads.includes(workload));
	const many = smoke ? 1 : (options.rounds ?? ROUNDS);
	const all: Measurement[] = [];
	for (let round = 0; round < many; round++) {
		for (let i = 0; i < field.length; i++) {
			const contestant = field[(i + round) % field.length] ?? ENGINE;
			progress(`${workload}: ${contestant.name}`, all.length, many * field.length);
			const one = await measure(contestant, { workload, runs });
			all.push(one);
			say(
				`${workload} ${round + 1} ${one.contestant}: ${Math.round(one.perSecond)}/s, load ${one.load}`,
			);
		}
	}
	progress(workload, 1, 1);
	say(drainTable(all));
	return all;
}

async function profileDrain(
	workload: Drain,
	{ runs, store, say }: BenchOptions & { runs: number },
): Promise<void> {
	const profile = profiling(true);
	await measure(onStore(ENGINE, store), { workload, runs, node: profile?.node });
	printProfile(profile, workload, say);
}

function outcomeOf(measurements: readonly Measurement[]): Outcome {
	return {
		measurements,
		wrong: measurements.flatMap(({ contestant, wrong }) =>
			wrong.map((what) => `${contestant}: ${what}`),
		),
	};
}
