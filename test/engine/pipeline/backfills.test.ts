import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Answer, Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { HeldCall } from '../../support/held-target.ts';
import { holdCalls } from '../../support/held-target.ts';
import type { Inbox } from '../../support/inbox.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const iso = (at: number): string => new Date(at).toISOString();

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
let t0: number;
let n = 0;
let name: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
});
afterAll(async () => {
	await bed.close();
	await server.close();
});
beforeEach(async () => {
	name = `old-${n++}`;
	const held = holdCalls(server, `/${name}`);
	({ calls } = held);
	await bed.register(name, held.url);
	t0 = bed.clock.now();
});

const made = async (more: object = {}): Promise<string> =>
	(await bed.schedule(name, { timing: { every: '1h' }, ...more })).scheduleId as string;
/** Of the hours before the schedule was made: `-3` is three hours ago. */
const hour = (h: number): string => iso(t0 + h * HOUR);
const backfill = async (id: string, body: object, ask?: object): Promise<Answer> =>
	bed.admin.post(`/v1/schedules/${id}/backfill`, body, ask);
const get = async (id: string): Promise<Body> =>
	demand(await bed.admin.get(`/v1/backfills/${id}`), 200).body;
const over = async (id: string): Promise<Body> =>
	bed.until(async () => {
		const found = await get(id);
		return found.endedAt !== null && found;
	});
const eventsOf = async (id: string): Promise<string[]> =>
	(await bed.events())
		.filter(({ type, subject }) => type.startsWith('backfill.') && subject['backfillId'] === id)
		.map(({ type }) => type);

describe('a backfill', () => {
	it('runs every instant of the range over its window, the oldest first, one after another', async () => {
		const id = await made();
		const { body } = demand(await backfill(id, { from: hour(-3), to: hour(-1) }), 202);
		expect(body).toMatchObject({
			state: 'running',
			total: 3,
			progress: { queued: 3, running: 0, succeeded: 0 },
		});
		for (const at of [-3, -2, -1]) {
			const call = await calls.next();
			expect(call.envelope).toMatchObject({
				schedule: { id, nominalAt: hour(at), trigger: 'backfill' },
				window: { start: hour(at - 1), end: hour(at) },
			});
			expect(calls.all).toHaveLength(at + 4);
			call.answer(200, [{ at }]);
			await bed.runIn(call.envelope.requestId, 'succeeded');
		}
		expect(await over(body.id)).toMatchObject({
			state: 'completed',
			progress: { queued: 0, running: 0, succeeded: 3, failed: 0, cancelled: 0 },
		});
		expect(await eventsOf(body.id)).toEqual(['backfill.created', 'backfill.completed']);
		const listed = await bed.admin.get(`/v1/schedules/${id}/backfills`);
		expect(listed.body.items).toMatchObject([{ id: body.id }]);
		const runs = await bed.admin.get(`/v1/runs?backfillId=${body.id}`);
		expect(runs.body.items).toHaveLength(3);
		expect(await bed.ledger(id)).toEqual([]);
	});

	it('keeps to its lanes, the newest first, beside the occurrences of the schedule', async () => {
		const id = await made({ policies: { overlap: 'skip', timeout: '6h' } });
		const wish = { from: hour(-4), to: hour(-1), concurrency: 2, order: 'newest_first' };
		const { body } = demand(await backfill(id, wish), 202);
		const first = [await calls.next(), await calls.next()];
		expect(first.map(({ envelope }) => envelope.schedule.nominalAt).sort()).toEqual([
			hour(-2),
			hour(-1),
		]);
		bed.clock.advance(HOUR);
		const own = await calls.next();
		expect(own.envelope.schedule).toMatchObject({ nominalAt: hour(1), trigger: 'schedule' });
		expect((await get(body.id)).progress).toMatchObject({ queued: 2, running: 2 });
		for (const call of [...first, own]) call.answer(200, []);
		for (const _ of [1, 2]) (await calls.next()).answer(200, []);
		await over(body.id);
		expect((await bed.ledger(id)).map(({ outcome }) => outcome as string)).toEqual(['fired']);
	});

	it('leaves out what has fired or was backfilled well, unless all is asked for', async () => {
		const id = await made();
		bed.clock.advance(HOUR);
		(await calls.next()).answer(200, []);
		const wish = { from: hour(0), to: hour(1), dryRun: true };
		const plan = demand(await backfill(id, wish), 200);
		expect(plan.body).toMatchObject({ total: 1, occurrences: [{ at: hour(0) }] });
		const all = demand(await backfill(id, { ...wish, which: 'all' }), 200);
		expect(all.body.total).toBe(2);
		const { body } = demand(await backfill(id, { ...wish, dryRun: false }), 202);
		(await calls.next()).answer(200, []);
		await over(body.id);
		const again = demand(await backfill(id, { ...wish, dryRun: false }), 202);
		expect(again.body).toMatchObject({ state: 'completed', total: 0 });
		expect(await eventsOf(again.body.id)).toEqual(['backfill.created', 'backfill.completed']);
	});

	it('knows what a moved occurrence has done', async () => {
		const id = await made();
		const to = iso(t0 + HOUR + 10 * MINUTE);
		demand(await bed.admin.post(`/v1/schedules/${id}/move`, { to }), 200);
		bed.clock.advance(HOUR);
		await bed.until(async () => (await bed.ledger(id)).length === 1);
		bed.clock.advance(10 * MINUTE);
		(await calls.next()).answer(200, []);
		const wish = { from: hour(1), to: hour(1), dryRun: true };
		expect((await backfill(id, wish)).body.total).toBe(0);
	});

	it('lays parameters over those of the schedule', async () => {
		const id = await made({ parameters: { region: 'EU', full: false } });
		const wish = { from: hour(-1), to: hour(-1), parameters: { full: true } };
		demand(await backfill(id, wish), 202);
		const call = await calls.next();
		expect(call.envelope.parameters).toEqual({ region: 'EU', full: true });
		call.answer(200, []);
	});

	it('does not pause the schedule when it fails', async () => {
		const id = await made({ policies: { pauseOnFailure: true, retry: { attempts: 1 } } });
		const { body } = demand(await backfill(id, { from: hour(-1), to: hour(-1) }), 202);
		(await calls.next()).answer(400, { error: 'no' });
		expect(await over(body.id)).toMatchObject({ state: 'completed', progress: { failed: 1 } });
		expect((await bed.admin.get(`/v1/schedules/${id}`)).body.status).toBe('active');
	});

	it('is refused when it is too large, in the future, the wrong way round, or of nothing', async () => {
		const id = await made({ timing: { every: '1m' } });
		const large = demand(await backfill(id, { from: iso(t0 - 200 * HOUR), to: iso(t0) }), 422);
		expect(large.body.code).toBe('TOO_MANY_OCCURRENCES');
		expect(large.body.detail).toContain('got one of 12001');
		const huge = demand(await backfill(id, { from: iso(0), to: iso(t0) }), 422);
		expect(huge.body.detail).toContain('more than');
		const future = demand(await backfill(id, { from: hour(-1), to: hour(1) }), 400);
		expect(future.body.errors).toMatchObject([{ path: 'to' }]);
		demand(await backfill(id, { from: hour(-1), to: hour(-2) }), 400);
		demand(await bed.admin.delete(`/v1/schedules/${id}`), 204);
		demand(await backfill(id, { from: hour(-1), to: hour(0) }), 404);
	});

	it('happens once under one Idempotency-Key', async () => {
		const id = await made();
		const ask = { headers: { 'idempotency-key': `bkf-${id}` } };
		const wish = { from: hour(-1), to: hour(-1) };
		const first = demand(await backfill(id, wish, ask), 202);
		const second = demand(await backfill(id, wish, ask), 202);
		expect(second.body).toEqual(first.body);
		const listed = await bed.admin.get(`/v1/schedules/${id}/backfills`);
		expect(listed.body.items).toHaveLength(1);
		(await calls.next()).answer(200, []);
	});
});

describe('cancelling a backfill', () => {
	it('cancels what has not begun, and is over when what runs is', async () => {
		const id = await made();
		const { body } = demand(await backfill(id, { from: hour(-300), to: hour(-1) }), 202);
		const running = await calls.next();
		const cancelled = demand(await bed.admin.post(`/v1/backfills/${body.id}/cancel`), 200);
		expect(cancelled.body).toMatchObject({
			state: 'cancelling',
			progress: { running: 1, queued: 0, cancelled: 299 },
		});
		running.answer(200, []);
		expect(await over(body.id)).toMatchObject({
			state: 'cancelled',
			progress: { succeeded: 1, cancelled: 299 },
		});
		demand(await bed.admin.post(`/v1/backfills/${body.id}/cancel`), 200);
		expect(await eventsOf(body.id)).toEqual(['backfill.created', 'backfill.cancelled']);
	});

	it('ends what runs as well with `abort`', async () => {
		const id = await made();
		const { body } = demand(await backfill(id, { from: hour(-3), to: hour(-1) }), 202);
		const running = await calls.next();
		const url = `/v1/backfills/${body.id}/cancel`;
		const { body: ended } = demand(await bed.admin.post(url, { abort: true }), 200);
		expect(ended).toMatchObject({ state: 'cancelled', progress: { cancelled: 3 } });
		expect((await bed.run(running.envelope.requestId)).state).toBe('cancelled');
	});

	it('follows from the end of its schedule', async () => {
		const id = await made();
		const { body } = demand(await backfill(id, { from: hour(-3), to: hour(-1) }), 202);
		const running = await calls.next();
		demand(await bed.admin.delete(`/v1/schedules/${id}`), 204);
		running.answer(200, []);
		expect(await over(body.id)).toMatchObject({
			state: 'cancelled',
			progress: { succeeded: 1, cancelled: 2 },
		});
	});

	it('is finished by the sweeper when a crash came in between', async () => {
		const id = await made();
		const { body } = demand(await backfill(id, { from: hour(-3), to: hour(-1) }), 202);
		const running = await calls.next();
		const { store, clock } = bed.engine.context;
		await store.cancelBackfill({ tenant: 'default', id: body.id, at: clock.now() });
		const { finishCancelling } = await import('../../../engine/pipeline/backfill.ts');
		await finishCancelling(bed.engine.context);
		running.answer(200, []);
		expect(await over(body.id)).toMatchObject({ state: 'cancelled' });
		expect(await store.doctor(clock.now())).not.toContainEqual(
			expect.objectContaining({ code: 'BACKFILL_STUCK' }),
		);
	});
});

describe('acts on all schedules with a label', () => {
	it('pause and resume each of them, once', async () => {
		const labels = { team: name };
		const ids = [await made({ labels }), await made({ labels }), await made({ labels })].sort();
		const other = await made();
		demand(await bed.admin.post(`/v1/schedules/${ids[0]}/pause`), 200);
		const label = `team:${name}`;
		const paused = demand(await bed.admin.post('/v1/schedules/pause', { label }), 200);
		expect({ ...paused.body, ids: [...paused.body.ids].sort() }).toEqual({
			matched: 3,
			changed: 2,
			ids: ids.slice(1),
			failed: [],
		});
		const again = demand(await bed.admin.post('/v1/schedules/pause', { label }), 200);
		expect(again.body).toMatchObject({ matched: 3, changed: 0 });
		expect((await bed.admin.get(`/v1/schedules/${other}`)).body.status).toBe('active');
		bed.clock.advance(2 * HOUR);
		const wish = { label, backlog: 'latest' };
		const resumed = demand(await bed.admin.post('/v1/schedules/resume', wish), 200);
		expect(resumed.body).toMatchObject({ matched: 3, changed: 3 });
		const ledger = await bed.until(async () => {
			const rows = await bed.ledger(ids[1] ?? '');
			return rows.length > 0 && rows;
		});
		expect(ledger[0].outcome).toMatch(/coalesced|fired/);
		const none = { label, capability: 'another' };
		expect((await bed.admin.post('/v1/schedules/pause', none)).body.matched).toBe(0);
	});
});
