import { createHash } from 'node:crypto';

import type { Engine } from '../../engine/main.ts';
import type { SqliteStore } from '../../engine/stores/sqlite/store.ts';
import { createBenchEngine, handler } from './engine-here.ts';
import type { Job } from './job.ts';
import { settled } from './settled.ts';
import { hear, read, tell } from './talk.ts';
import { addRuns, registerWork } from './work.ts';

/*
 * The engine as a contestant: `enqueue` writes the runs, `drain` carries them out, `verify` reads what is
 * recorded of them. All three on the real store, durable, each in a process of its own.
 */
/** Runs in one `addRuns`. */
const BATCH = 1000;
/** Milliseconds between looks at the store's counts: what is timed here may be over in a second. */
const LOOK_EVERY = 10;
const TERMINAL = /^run\.(?:succeeded|failed|cancelled|expired)$/;

const lines = hear();
const job = await read<Job>(lines);

const roles: Record<Job['role'], (engine: Engine) => Promise<void>> = { enqueue, drain, verify };
await roles[job.role](
	await createBenchEngine({
		place: job.place,
		settings: job.settings,
		sessions: [handler('noop')],
	}),
);
process.exit(0);

async function enqueue({ context }: Engine): Promise<void> {
	await context.store.open();
	const binding = job.target === null ? { type: 'noop' } : { type: 'http', url: job.target };
	const record = await registerWork(context, { binding, parameters: { message: 'hello' } });
	for (let done = 0; done < job.runs; done += BATCH) {
		await addRuns(context, record, Math.min(BATCH, job.runs - done));
	}
	await context.store.close();
	tell({ enqueued: job.runs });
}

/** From before the engine starts until the store counts every run as ended. */
async function drain(engine: Engine): Promise<void> {
	const { store } = engine.context;
	tell({ ready: true });
	await lines.next();
	const began = performance.now();
	await engine.start();
	const samples: { runs: number; rss: number; heap: number }[] = [];
	const look = (over: number): void => {
		if (job.sampleEvery === undefined || over < (samples.length + 1) * job.sampleEvery) return;
		const { rss, heapUsed } = process.memoryUsage();
		samples.push({ runs: over, rss, heap: heapUsed });
	};
	await settled(engine.context, job.runs, { every: LOOK_EVERY, look });
	const milliseconds = performance.now() - began;
	const commits = (store as Partial<SqliteStore>).commits?.() ?? 0;
	tell({ milliseconds, samples, commits });
	await lines.next();
	await engine.stop();
}

/** Reads the truth: each run's state, and each run's last event in the event log. */
async function verify({ context }: Engine): Promise<void> {
	const { store } = context;
	await store.open();
	const ids: string[] = [];
	let succeeded = 0;
	let cursor: string | null = null;
	do {
		const page = await store.listRuns(
			'default',
			{},
			{ limit: 200, ...(cursor === null ? {} : { cursor }) },
		);
		for (const run of page.items) {
			ids.push(run.id);
			if (run.state === 'succeeded' && run.resultId !== null) succeeded++;
		}
		cursor = page.nextCursor;
	} while (cursor !== null);
	const ends = new Map<string, number>();
	for (let after: string | null = null; ;) {
		const events = await store.readEvents('default', after, 1000);
		for (const { type, subject } of events) {
			if (!TERMINAL.test(type)) continue;
			const id = subject['runId'] ?? '';
			ends.set(id, (ends.get(id) ?? 0) + 1);
		}
		const last = events.at(-1);
		if (last === undefined) break;
		after = last.id;
	}
	await store.close();
	const once = [...ends.values()].filter((count) => count === 1).length;
	const hash = createHash('sha256').update(ids.sort().join()).digest('hex');
	tell({ runs: ids.length, succeeded, endedOnce: once, ended: ends.size, hash });
}
