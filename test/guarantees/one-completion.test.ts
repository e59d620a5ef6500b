import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { sweep } from '../../engine/pipeline/sweep.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/* P7: one completion per run, whoever else writes: cancels, callbacks, answers, holders of an older epoch. */

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const held = holdCalls(server, '/work');
	({ calls } = held);
	await bed.register('work', held.url, { binding: { mode: 'async' } });
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const NOTHING_IN_HAND = {
	runs: { holds: () => false },
	deliveries: { holds: () => false },
	notifications: { holds: () => false },
};
const ENDS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.expired'];

describe('a run at which many pull at once', () => {
	it('ends once, with one result or none', async () => {
		const runs = 40;
		const ids = [];
		for (let n = 0; n < runs; n++) {
			ids.push(await bed.invoke('work', { policies: { retry: { attempts: 1 } } }));
		}
		const open = await calls.atLeast(runs);
		await Promise.all(
			open.map(async ({ envelope, answer }, n) => {
				const { requestId: id, callback } = envelope;
				const capability = bed.client(callback.token);
				const acts = [
					async () => capability.post(`/v1/sessions/${id}/complete`, [{ by: 'callback' }]),
					async () => capability.post(`/v1/sessions/${id}/fail`, { code: 'NO' }),
					async () => bed.admin.post(`/v1/runs/${id}/cancel`),
					async () => {
						answer(n % 2 === 0 ? 200 : 202, [{ by: 'answer' }]);
					},
				];
				// Each run in another order.
				const first = n % acts.length;
				await Promise.all(
					[...acts.slice(first), ...acts.slice(0, first)].map(async (act) => act()),
				);
			}),
		);
		const events = await bed.events();
		for (const id of ids) {
			const run = await bed.runIn(id);
			const ends = events.filter(
				({ type, subject }) => ENDS.includes(type) && subject['runId'] === id,
			);
			expect([id, ends.map(({ type }) => type)]).toEqual([id, [`run.${run.state}`]]);
			expect(run.resultId !== null).toBe(run.state === 'succeeded');
			expect(run.attempts).toHaveLength(1);
		}
	});
});

describe('a holder whose lease ended', () => {
	/** Of an engine that looks when all leases have ended, before any holder has renewed one. */
	const later = () => ({ ...bed.clock, now: () => bed.clock.now() + 31_000 });

	it('is fenced: its answer changes nothing, its request is broken off, the next attempt decides', async () => {
		const before = calls.all.length;
		const id = await bed.invoke('work');
		await calls.atLeast(before + 1);
		const old = calls.all[before]!;
		const closed = new Promise((resolve) => old.response.once('close', resolve));
		// The process stands still for longer than the lease, and another engine looks before it renews.
		await sweep({ ...bed.engine.context, clock: later() }, NOTHING_IN_HAND);
		bed.clock.advance(31_000);
		await calls.atLeast(before + 2);
		const next = calls.all[before + 1]!;
		expect(next.envelope).toMatchObject({ requestId: id, attempt: 2, epoch: 2 });
		await closed;
		const late = bed.client(old.envelope.callback.token);
		const refused = await late.post(`/v1/sessions/${id}/complete`, [{ by: 'old' }]);
		expect([refused.status, refused.body.code]).toEqual([409, 'STALE_EPOCH']);
		expect((await bed.run(id)).state).toBe('running');
		next.answer(200, [{ by: 'new' }]);
		const run = await bed.runIn(id);
		expect(run.attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
			'unknown',
			'succeeded',
		]);
		expect((await bed.admin.get(`/v1/runs/${id}/result`)).body).toEqual([{ by: 'new' }]);
	});

	it('keeps its run when it renews just before a sweep that has read the lease writes', async () => {
		const before = calls.all.length;
		const id = await bed.invoke('work');
		await calls.atLeast(before + 1);
		const { context } = bed.engine;
		const { store } = context;
		// Between the read and the write of another engine's sweep, the holder wakes up and renews.
		const slow = Object.assign(Object.create(store) as typeof store, {
			async listExpiredRuns(now: number, limit: number) {
				const found = await store.listExpiredRuns(now, limit);
				const held = found.map(({ id: runId, epoch }) => ({ id: runId, epoch }));
				await store.renewLeases('run', held, now + 30_000);
				return found;
			},
		});
		await sweep({ ...context, store: slow, clock: later() }, NOTHING_IN_HAND);
		expect(await bed.run(id)).toMatchObject({ state: 'running', attempt: 1 });
		calls.all[before]!.answer(200, [{ by: 'holder' }]);
		expect((await bed.runIn(id)).attempts).toMatchObject([{ outcome: 'succeeded' }]);
		expect(calls.all).toHaveLength(before + 1);
	});
});
