import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { HeldCall } from '../../support/held-target.ts';
import { holdCalls } from '../../support/held-target.ts';
import type { Inbox } from '../../support/inbox.ts';

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const held = holdCalls(server, '/work');
	({ calls } = held);
	await bed.register('work', held.url);
	await bed.register('slow', held.url, { binding: { mode: 'async' } });
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const retry = (more: object): Record<string, unknown> => ({
	policies: { retry: { jitter: false, ...more } },
});

describe('an attempt that fails', () => {
	it('is made again after the backoff, under the same key, until one succeeds', async () => {
		const id = await bed.invoke('work', retry({ delay: '10s' }));
		const seen: HeldCall[] = [];
		for (const [status, wait] of [
			[500, 10_000],
			[503, 20_000],
			[200, 0],
		] as const) {
			const call = await calls.next();
			seen.push(call);
			call.answer(status, [{ a: 1 }]);
			const run = await bed.runIn(id, status === 200 ? 'succeeded' : 'retrying');
			if (status !== 200) {
				expect(Date.parse(run.readyAt) - bed.clock.now()).toBe(wait);
				bed.clock.advance(wait);
			}
		}
		expect(new Set(seen.map(({ request }) => request.headers['idempotency-key']))).toEqual(
			new Set([id]),
		);
		expect(
			seen.map(({ envelope }) => [envelope.requestId, envelope.attempt, envelope.epoch]),
		).toEqual([
			[id, 1, 1],
			[id, 2, 2],
			[id, 3, 3],
		]);
		const { attempts, error } = await bed.run(id);
		expect(attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
			'failed',
			'failed',
			'succeeded',
		]);
		expect(error).toBeNull();
	});

	it('is not made before its time', async () => {
		const id = await bed.invoke('work', retry({ delay: '10s' }));
		(await calls.next()).answer(500);
		await bed.runIn(id, 'retrying');
		const before = calls.all.length;
		bed.clock.advance(9_999);
		await bed.engine.context.store.check();
		expect((await bed.run(id)).state).toBe('retrying');
		expect(calls.all).toHaveLength(before);
		bed.clock.advance(1);
		(await calls.next()).answer(200, []);
		await bed.runIn(id, 'succeeded');
	});

	it('waits as long as Retry-After asks', async () => {
		const id = await bed.invoke('work', retry({ delay: '1s' }));
		(await calls.next()).answer(429, undefined, { 'retry-after': '120' });
		const run = await bed.runIn(id, 'retrying');
		expect(Date.parse(run.readyAt) - bed.clock.now()).toBe(120_000);
		expect(run.error.code).toBe('TARGET_BUSY');
		bed.clock.advance(120_000);
		(await calls.next()).answer(200, []);
		await bed.runIn(id, 'succeeded');
	});

	it('ends the run when no attempt is left, when it is final, or when `on` leaves its reason out', async () => {
		const last = await bed.invoke('work', retry({ attempts: 1 }));
		(await calls.next()).answer(500);
		expect((await bed.runIn(last)).error.code).toBe('TARGET_FAULT');
		const final = await bed.invoke('work');
		(await calls.next()).answer(404);
		expect((await bed.runIn(final)).error.code).toBe('TARGET_REFUSED');
		const other = await bed.invoke('work', retry({ on: ['network'] }));
		(await calls.next()).answer(500);
		expect((await bed.runIn(other)).state).toBe('failed');
	});

	it('heeds the envelope of a capability that knows better', async () => {
		const id = await bed.invoke('work');
		const error = { code: 'NO_DATA', message: 'nothing yet', retry: 'later', retryAfter: '30s' };
		(await calls.next()).answer(200, { status: 'failed', error });
		const run = await bed.runIn(id, 'retrying');
		expect(run.error).toEqual({
			code: 'CAPABILITY_FAILED',
			message: 'nothing yet',
			detail: 'NO_DATA',
		});
		expect(Date.parse(run.readyAt) - bed.clock.now()).toBeGreaterThanOrEqual(30_000);
		demand(await bed.admin.post(`/v1/runs/${id}/cancel`), 200);
	});
});

describe('a time limit', () => {
	it('ends an attempt whose answer does not come', async () => {
		const id = await bed.invoke('work', { policies: { timeout: '5s', retry: { attempts: 1 } } });
		await calls.next();
		bed.clock.advance(5_000);
		const run = await bed.runIn(id);
		expect(run).toMatchObject({ state: 'failed', error: { code: 'TIMEOUT' } });
		expect(run.attempts[0].outcome).toBe('timeout');
	});

	it('lets a run expire whose capability accepted and never calls back', async () => {
		const id = await bed.invoke('slow', { policies: { timeout: '1m', retry: { attempts: 1 } } });
		(await calls.next()).answer(202);
		const waiting = await bed.runIn(id, 'waiting');
		expect(Date.parse(waiting.deadlineAt) - bed.clock.now()).toBe(60_000);
		bed.clock.advance(60_000);
		expect(await bed.runIn(id)).toMatchObject({
			state: 'expired',
			error: { code: 'DEADLINE_EXCEEDED' },
		});
	});

	it('makes another attempt of such a run while there are any', async () => {
		const id = await bed.invoke('slow', {
			policies: { timeout: '1m', retry: { attempts: 2, delay: '1s', jitter: false } },
		});
		(await calls.next()).answer(202);
		await bed.runIn(id, 'waiting');
		bed.clock.advance(60_000);
		await bed.runIn(id, 'retrying');
		bed.clock.advance(1_000);
		const again = await calls.next();
		expect(again.envelope).toMatchObject({ attempt: 2, epoch: 2 });
		again.answer(202);
		await bed.until(
			async () => (await bed.run(id)).attempt === 2 && (await bed.run(id)).state === 'waiting',
		);
		bed.clock.advance(60_000);
		expect((await bed.runIn(id)).state).toBe('expired');
	});
});

describe('cancelling', () => {
	it('ends a run that runs, at once and for good', async () => {
		const id = await bed.invoke('work');
		const call = await calls.next();
		const closed = new Promise((resolve) => call.response.once('close', resolve));
		demand(await bed.admin.post(`/v1/runs/${id}/cancel`), 200);
		await closed;
		expect(await bed.run(id)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } });
		const { status, body } = await bed.admin.post(`/v1/runs/${id}/cancel`);
		expect([status, body.state]).toEqual([200, 'cancelled']);
	});

	it('ends one that waits for its next attempt, or for a call back', async () => {
		const retrying = await bed.invoke('work', retry({ delay: '10s' }));
		(await calls.next()).answer(500);
		await bed.runIn(retrying, 'retrying');
		demand(await bed.admin.post(`/v1/runs/${retrying}/cancel`), 200);
		const waiting = await bed.invoke('slow');
		(await calls.next()).answer(202);
		await bed.runIn(waiting, 'waiting');
		demand(await bed.admin.post(`/v1/runs/${waiting}/cancel`), 200);
		const before = calls.all.length;
		bed.clock.advance(3_600_000);
		await bed.engine.context.store.check();
		expect((await bed.run(retrying)).state).toBe('cancelled');
		expect((await bed.run(waiting)).state).toBe('cancelled');
		expect(calls.all).toHaveLength(before);
	});

	it('ends one that is queued, and refuses one that is over', async () => {
		const policies = { concurrencyKey: 'one' };
		const first = await bed.invoke('work', { policies });
		const second = await bed.invoke('work', { policies });
		const call = await calls.next();
		demand(await bed.admin.post(`/v1/runs/${second}/cancel`), 200);
		call.answer(200, []);
		await bed.runIn(first, 'succeeded');
		const refused = await bed.admin.post(`/v1/runs/${first}/cancel`);
		expect([refused.status, refused.body.code]).toEqual([409, 'RUN_OVER']);
		expect((await bed.run(second)).attempt).toBe(0);
	});
});

describe('a rerun', () => {
	it('does the same work as a new run', async () => {
		const id = await bed.invoke('work', { parameters: { region: 'EU' } });
		(await calls.next()).answer(404);
		await bed.runIn(id, 'failed');
		const { body } = demand(await bed.admin.post(`/v1/runs/${id}/rerun`), 202);
		expect(body.id).not.toBe(id);
		const call = await calls.next();
		expect(call.envelope).toMatchObject({ requestId: body.id, parameters: { region: 'EU' } });
		call.answer(200, []);
		expect(await bed.runIn(body.id)).toMatchObject({ state: 'succeeded', trigger: 'rerun' });
		expect((await bed.run(id)).state).toBe('failed');
	});
});

describe('an attempt whose engine went away before the answer', () => {
	it('is made again, given up or left to an operator, as onUnknown says', async () => {
		const ids: Record<string, string> = {};
		for (const onUnknown of ['retry', 'fail', 'manual']) {
			ids[onUnknown] = await bed.invoke('work', { policies: { onUnknown } });
			await calls.next();
		}
		await bed.restart();
		const again = await calls.next();
		expect(again.envelope).toMatchObject({ requestId: ids['retry'], attempt: 2, epoch: 2 });
		again.answer(200, []);
		const retried = await bed.runIn(ids['retry'] ?? '');
		expect(retried.attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
			'unknown',
			'succeeded',
		]);
		expect(await bed.runIn(ids['fail'] ?? '')).toMatchObject({
			state: 'failed',
			error: { code: 'OUTCOME_UNKNOWN' },
		});

		const manual = ids['manual'] ?? '';
		expect(await bed.run(manual)).toMatchObject({ state: 'waiting', held: true, deadlineAt: null });
		const { body } = demand(await bed.admin.post(`/v1/runs/${manual}/rerun`), 202);
		expect(body.id).toBe(manual);
		const call = await calls.next();
		expect(call.request.headers['idempotency-key']).toBe(manual);
		call.answer(200, []);
		expect(await bed.runIn(manual)).toMatchObject({ state: 'succeeded', held: false });
	});
});
