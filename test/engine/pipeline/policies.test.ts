import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { HeldCall } from '../../support/held-target.ts';
import { holdCalls } from '../../support/held-target.ts';
import type { Inbox } from '../../support/inbox.ts';

const MINUTE = 60_000;

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
});
afterAll(async () => {
	await bed.close();
	await server.close();
});
let count = 0;
let name: string;
beforeEach(async () => {
	name = `work-${count++}`;
	const held = holdCalls(server, `/${name}`);
	({ calls } = held);
	await bed.register(name, held.url);
});

const outcomes = async (id: string): Promise<string[]> =>
	(await bed.ledger(id)).map(({ outcome }: Body) => outcome as string);
/** The ledger, as soon as it has that many rows. */
const rows = async (id: string, length: number): Promise<Body[]> =>
	bed.until(async () => {
		const ledger = await bed.ledger(id);
		return ledger.length >= length && ledger;
	});
const every = async (policies: object, more: object = {}): Promise<string> => {
	const body = {
		timing: { every: '1m', ...more },
		policies: { retry: { attempts: 1 }, ...policies },
	};
	return (await bed.schedule(name, body)).scheduleId as string;
};
/** A minute may end a lease: what is to be sent is sent before the clock goes on. */
const begun = async (): Promise<HeldCall> => calls.next();
const remove = async (id: string): Promise<void> => {
	demand(await bed.admin.delete(`/v1/schedules/${id}`), 204);
};

describe('an occurrence while a run of its schedule is not over', () => {
	it('is skipped with `skip`', async () => {
		const id = await every({ overlap: 'skip' });
		bed.clock.advance(MINUTE);
		const first = await calls.next();
		bed.clock.advance(MINUTE);
		const [, second] = await rows(id, 2);
		expect(second).toMatchObject({ outcome: 'skipped_overlap', runId: null });
		first.answer(200, []);
		await bed.runIn(first.envelope.requestId, 'succeeded');
		bed.clock.advance(MINUTE);
		(await calls.next()).answer(200, []);
		expect(await outcomes(id)).toEqual(['fired', 'skipped_overlap', 'fired']);
		await remove(id);
	});

	it('waits for its turn with `buffer_all`, in order', async () => {
		const id = await every({ overlap: 'buffer_all' });
		bed.clock.advance(MINUTE);
		const first = await begun();
		for (let n = 2; n <= 3; n++) {
			bed.clock.advance(MINUTE);
			await rows(id, n);
		}
		const nominal: number[] = [];
		for (let n = 1; n <= 3; n++) {
			const call = n === 1 ? first : await calls.next();
			expect(calls.all).toHaveLength(n);
			nominal.push(Date.parse(call.envelope.schedule.nominalAt));
			call.answer(200, []);
			await bed.runIn(call.envelope.requestId, 'succeeded');
		}
		expect(nominal).toEqual([...nominal].sort());
		await remove(id);
	});

	it('waits with `buffer_one` if it is the first that does', async () => {
		const id = await every({ overlap: 'buffer_one' });
		bed.clock.advance(MINUTE);
		const first = await begun();
		for (let n = 2; n <= 3; n++) {
			bed.clock.advance(MINUTE);
			await rows(id, n);
		}
		expect(await outcomes(id)).toEqual(['fired', 'fired', 'skipped_overlap']);
		await remove(id);
		first.answer(200, []);
	});

	it('ends the other with `cancel_other`', async () => {
		const id = await every({ overlap: 'cancel_other' });
		bed.clock.advance(MINUTE);
		const first = await calls.next();
		bed.clock.advance(MINUTE);
		const second = await calls.next();
		expect((await bed.run(first.envelope.requestId)).state).toBe('cancelled');
		second.answer(200, []);
		expect((await bed.runIn(second.envelope.requestId)).state).toBe('succeeded');
		await remove(id);
	});

	it('runs beside it with `allow_all`', async () => {
		const id = await every({ overlap: 'allow_all' });
		bed.clock.advance(MINUTE);
		const first = await calls.next();
		bed.clock.advance(MINUTE);
		const second = await calls.next();
		second.answer(200, []);
		first.answer(200, []);
		for (const call of [first, second]) await bed.runIn(call.envelope.requestId, 'succeeded');
		await remove(id);
	});
});

describe('a concurrency key', () => {
	it('lets runs of any schedule go one at a time, also while they wait or retry', async () => {
		const policies = { concurrencyKey: 'crm', retry: { attempts: 1 } };
		const ids = [];
		for (let n = 0; n < 4; n++) ids.push(await bed.invoke(name, { policies }));
		for (let n = 1; n <= 4; n++) {
			const call = await calls.next();
			expect(calls.all).toHaveLength(n);
			const running = (await bed.admin.get(`/v1/runs?state=running&capability=${name}`)).body.items;
			expect(running).toHaveLength(1);
			call.answer(n === 2 ? 500 : 200, []);
			await bed.runIn(call.envelope.requestId);
		}
	});
});

describe('pauseOnFailure', () => {
	it('pauses after the first failed run, and counts anew after resuming', async () => {
		const id = await every({ pauseOnFailure: true });
		bed.clock.advance(MINUTE);
		(await calls.next()).answer(500);
		const paused = await bed.until(async () => {
			const { body } = await bed.admin.get(`/v1/schedules/${id}`);
			return body.status === 'paused' && body;
		});
		expect(paused).toMatchObject({ pauseReason: 'on_failure', nextOccurrenceAt: null });
		bed.clock.advance(2.5 * MINUTE);
		demand(await bed.admin.post(`/v1/schedules/${id}/resume`), 200);
		bed.clock.advance(MINUTE);
		(await calls.next()).answer(200, []);
		expect(await outcomes(id)).toEqual(['fired', 'skipped_paused', 'skipped_paused', 'fired']);
		await remove(id);
	});

	it('pauses after that many failed runs in a row; one that succeeds begins the count again', async () => {
		const id = await every({ pauseOnFailure: 2 });
		const answers = [500, 200, 500, 500];
		for (const status of answers) {
			expect((await bed.admin.get(`/v1/schedules/${id}`)).body.status).toBe('active');
			bed.clock.advance(MINUTE);
			const call = await calls.next();
			call.answer(status, []);
			await bed.runIn(call.envelope.requestId);
		}
		expect((await bed.admin.get(`/v1/schedules/${id}`)).body).toMatchObject({
			status: 'paused',
			pauseReason: 'on_failure',
		});
		await remove(id);
	});
});

describe('pausing, resuming and deleting', () => {
	it('writes down what fell into the pause', async () => {
		const id = await every({});
		demand(await bed.admin.post(`/v1/schedules/${id}/pause`), 200);
		bed.clock.advance(5 * MINUTE);
		await bed.engine.context.store.check();
		expect(await bed.ledger(id)).toEqual([]);
		demand(await bed.admin.post(`/v1/schedules/${id}/resume`), 200);
		await rows(id, 4);
		expect(new Set((await outcomes(id)).slice(0, 4))).toEqual(new Set(['skipped_paused']));
		expect(calls.all.length).toBeLessThanOrEqual(1);
		await remove(id);
	});

	it('cancels the runs that have not begun and lets the one that has go on', async () => {
		const id = await every({ overlap: 'buffer_all' });
		bed.clock.advance(MINUTE);
		const call = await calls.next();
		bed.clock.advance(MINUTE);
		const [, queued] = await rows(id, 2);
		await remove(id);
		expect((await bed.run(queued.runId)).state).toBe('cancelled');
		call.answer(200, []);
		expect((await bed.runIn(call.envelope.requestId)).state).toBe('succeeded');
		expect((await bed.admin.get(`/v1/schedules/${id}`)).status).toBe(404);
		bed.clock.advance(10 * MINUTE);
		await bed.engine.context.store.check();
		expect(calls.all).toHaveLength(1);
	});

	it('ends with the limit, and a trigger by hand does not count for it', async () => {
		const id = await every({}, { limit: 2 });
		const { body } = demand(await bed.admin.post(`/v1/schedules/${id}/trigger`), 202);
		const byHand = await calls.next();
		expect(byHand.envelope.schedule).toMatchObject({ trigger: 'manual', nominalAt: null });
		byHand.answer(200, []);
		await bed.runIn(body.id, 'succeeded');
		for (let n = 0; n < 2; n++) {
			bed.clock.advance(MINUTE);
			const call = await calls.next();
			call.answer(200, []);
			await bed.runIn(call.envelope.requestId, 'succeeded');
		}
		const schedule = (await bed.admin.get(`/v1/schedules/${id}`)).body;
		expect(schedule).toMatchObject({ status: 'completed', runsMade: 2, nextOccurrenceAt: null });
	});
});

describe('the envelope of a run that an occurrence made', () => {
	it('tells the window since the instant before, its trigger and its place', async () => {
		const id = await every({});
		const seen: Body[] = [];
		for (let n = 0; n < 2; n++) {
			bed.clock.advance(MINUTE);
			const call = await calls.next();
			seen.push(call.envelope);
			call.answer(200, []);
			await bed.runIn(call.envelope.requestId, 'succeeded');
		}
		const [first, second] = seen;
		expect(first.window).toEqual({ start: null, end: first.schedule.nominalAt });
		expect(second.window).toEqual({
			start: first.schedule.nominalAt,
			end: second.schedule.nominalAt,
		});
		expect(second.schedule).toMatchObject({ id, revision: 1, trigger: 'schedule', late: false });
		expect(second).toMatchObject({
			capability: name,
			action: 'go',
			tenant: 'default',
			specVersion: '1.0',
		});
		await remove(id);
	});
});
