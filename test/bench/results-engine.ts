import type { SqliteStore } from '../../engine/stores/sqlite/store.ts';
import { createBenchEngine, handler } from './engine-here.ts';
import type { ResultsJob, ResultsReport } from './results.ts';
import { settled } from './settled.ts';
import { hear, read, tell } from './talk.ts';
import { addRuns, registerWork } from './work.ts';

/** Drains runs whose results have that size, and reads them back. */
const lines = hear();
const job = await read<ResultsJob>(lines);
const BATCH = 1000;
/** Results that are read back and compared. */
const COMPARED = 200;

const rest = 'x'.repeat(Math.max(0, job.size - 40));
/** Exactly as long as was asked, and unlike all others. */
const bodyOf = (id: string): Buffer => Buffer.from(JSON.stringify(id + rest).padEnd(job.size, ' '));
const engine = await createBenchEngine({
	place: job.place,
	sessions: [handler('results', ({ idempotencyKey }) => bodyOf(idempotencyKey))],
});
const store = engine.context.store as SqliteStore;
await store.open();
const record = await registerWork(engine.context, { binding: { type: 'results' } });
for (let done = 0; done < job.results; done += BATCH) {
	await addRuns(engine.context, record, Math.min(BATCH, job.results - done));
}
let syncs = 0;
let synced = 0;
const { database } = store;
const sync = database.sync.bind(database);
database.sync = async () => {
	const began = performance.now();
	await sync();
	syncs++;
	synced += performance.now() - began;
};
tell({ ready: true });
await lines.next();
const began = performance.now();
const commitsBefore = store.commits();
await engine.start();
await settled(engine.context, job.results);
const milliseconds = performance.now() - began;
const report: ResultsReport = {
	milliseconds,
	commits: store.commits() - commitsBefore,
	syncs,
	synced,
	wrong: await wrong(),
};
tell(report);
await engine.stop();
process.exit(0);

async function wrong(): Promise<string[]> {
	const { runs } = await store.counts();
	const different = database.rows<[number]>('SELECT count(*) FROM blobs').get()?.[0] ?? 0;
	const found: string[] = [];
	if (runs.succeeded !== job.results) found.push(`${runs.succeeded} of ${job.results} succeeded`);
	if (different !== job.results) found.push(`${different} different results of ${job.results}`);
	const { items } = await store.listRuns('default', {}, { limit: Math.min(COMPARED, job.results) });
	for (const { id, tenant, resultId } of items) {
		const result = resultId === null ? null : await store.getResult(tenant, resultId);
		const parts: Uint8Array[] = [];
		if (result !== null) for await (const part of store.blobs.open(result.blob)) parts.push(part);
		if (!Buffer.concat(parts).equals(bodyOf(id)))
			found.push(`${id}: another result than was given`);
	}
	return found.slice(0, 5);
}
