import type { Contestant } from './contestants.ts';
import type { StoreName } from './servers.ts';

/** What was asked for on the command line, checked. */
export interface BenchOptions {
	/** Peers of the queues, by `--peers`; empty with `none`. */
	peers: readonly Contestant[];
	/** The names given with `--peers`, for workloads that have others; null: all that there are. */
	peerNames: readonly string[] | null;
	/** Alternating rounds; null: the workload's own number. */
	rounds: number | null;
	/** Instead of the workload's own number of runs, schedules, rows or results. */
	runs: number | null;
	/** How long a workload with a clock measures, seconds; null: its own. */
	seconds: number | null;
	/** Numbers of stored schedules, of requests a second, or of engines; null: the workload's own. */
	sizes: readonly number[] | null;
	/** Rows of the ledger that are there before; null: the workload's own. */
	ledger: number | null;
	/** Schedules stored beside those that are due; null: the workload's own. */
	others: number | null;
	/** Where the engine keeps what it has; noop, post and w2. */
	store: StoreName;
	megabytes: number;
	channels: readonly string[] | undefined;
	profile: boolean;
	/** Small numbers, no peers: only whether the accounting is right. */
	smoke: boolean;
	say: (text: string) => void;
	/** A step of many that takes long; see progress.ts. */
	progress: (label: string, done: number, of: number) => void;
}

/** What a workload brought. */
export interface Outcome {
	/** Every value of every round, for the record. */
	measurements: readonly object[];
	/** What is not as it must be: something lost, doubled, early. */
	wrong: readonly string[];
}

export interface Workload {
	/** One line or two of the help. */
	about: string;
	/** Whether it compares with the packages of `test/bench/package.json`, which are installed then. */
	usesPeers: boolean;
	/** Part of `--smoke`, which CI runs. */
	inSmoke: boolean;
	run(options: BenchOptions): Promise<Outcome>;
}
