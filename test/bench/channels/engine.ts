import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { Run } from '../../../engine/contract/run.ts';
import type { SpecRecord } from '../../../engine/contract/schedule.ts';
import type { Engine } from '../../../engine/main.ts';
import type { Context } from '../../../engine/pipeline/context.ts';
import { claimEvents } from '../../../engine/pipeline/dispatch.ts';
import { settleResult } from '../../../engine/pipeline/session.ts';
import { createBenchEngine, handler } from '../engine-here.ts';
import { hear, read, tell } from '../talk.ts';
import { addRuns, registerWork } from '../work.ts';
import { payload, type ChannelJob } from './job.ts';

/*
 * The engine's deliveries and nothing else: `prepare` writes runs that have ended with a result and have one
 * delivery each, `deliver` starts an engine on them until all are delivered, receipts and all.
 */
const BATCH = 100;
/** Milliseconds between looks at the store's counts. */
const LOOK_EVERY = 10;

const lines = hear();
const job = await read<ChannelJob & { role: 'prepare' | 'deliver'; place: string }>(lines);

const engine = await createBenchEngine({
	place: job.place,
	settings: job.engine,
	sessions: [handler('nothing')], // no run is carried out here
});
await (job.role === 'prepare' ? prepare(engine) : deliver(engine));
process.exit(0);

async function prepare({ context }: Engine): Promise<void> {
	await context.store.open();
	const target = {
		channel: job.channel,
		settings: job.settings,
		filename: '{{runId}}.bin',
		...(job.format === undefined ? {} : { format: job.format }),
	};
	const record = await registerWork(context, {
		binding: { type: 'nothing' },
		invoke: { delivery: { mode: 'push', targets: [target] } },
	});
	for (let done = 0; done < job.deliveries; done += BATCH) {
		await endRuns(context, record, Math.min(BATCH, job.deliveries - done));
	}
	await context.store.close();
	tell({ prepared: job.deliveries });
}

async function endRuns(context: Context, record: SpecRecord, count: number): Promise<void> {
	await addRuns(context, record, count);
	const now = context.clock.now();
	const claim = { now, limit: count, owner: context.engineId, leaseUntil: now + 60_000 };
	const claimed = await context.store.claimRuns(claim, claimEvents(now));
	const settlements = await Promise.all(claimed.map((run) => settlementOf(context, run, record)));
	await context.store.settleRuns(settlements);
}

function settlementOf(context: Context, run: Run, record: SpecRecord) {
	const [encoding, contentType] =
		job.format === 'ndjson'
			? (['ndjson', 'application/x-ndjson'] as const)
			: (['bytes', 'application/octet-stream'] as const);
	// each its own bytes: the same ones would be one file for all
	const bytes = payload(job, randomBytes(8).toString('hex'));
	const source = encoding === 'ndjson' ? rowOf(bytes) : bytes;
	return settleResult(context, run, record.spec, { encoding, contentType, source });
}

/** One row that holds them; such files are small. */
function rowOf(bytes: ReturnType<typeof payload>): Uint8Array {
	if (!(bytes instanceof Uint8Array)) throw new Error('rows are not measured in files this large');
	return Buffer.from(`${JSON.stringify({ text: Buffer.from(bytes).toString('latin1') })}\n`);
}

async function deliver(started: Engine): Promise<void> {
	const { store } = started.context;
	tell({ ready: true });
	await lines.next();
	const began = performance.now();
	await started.start();
	let over = 0;
	while (over < job.deliveries) {
		await delay(LOOK_EVERY);
		const { deliveries } = await store.counts();
		over = (deliveries.delivered ?? 0) + (deliveries.dead ?? 0);
	}
	const milliseconds = performance.now() - began;
	const { deliveries } = await store.counts();
	tell({ milliseconds, delivered: deliveries.delivered ?? 0 });
	await lines.next();
	await started.stop();
}
