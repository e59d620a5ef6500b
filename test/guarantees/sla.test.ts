import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

/* `policies.sla`: every promise is settled exactly once, as met or as missed, whatever comes in between. */

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const MINUTE = 60_000;

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
let hook: Receiver;
let user: Receiver;
let count = 0;
let name: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
});
beforeEach(async () => {
	name = `work-${count++}`;
	const held = holdCalls(server, `/${name}`);
	({ calls } = held);
	await bed.register(name, held.url);
	[hook, user] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(async () => {
	await Promise.all([hook.close(), user.close()]);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const POLICIES = { sla: { deliveredWithin: '15m' }, retry: { attempts: 1 }, timeout: '1h' };
const toHook = (more: object = {}): object => ({
	targets: [{ channel: 'webhook', settings: { url: hook.url, secret: SECRET }, ...more }],
});
const invoke = async (more: object = {}): Promise<string> =>
	bed.invoke(name, { policies: POLICIES, ...more });
const settled = async (run: string): Promise<Body> =>
	bed.until(async () => {
		const { sla } = await bed.run(run);
		return sla.state !== 'pending' && sla;
	});
const slaEvents = async (id: string): Promise<string[]> =>
	(await bed.events())
		.filter(({ type, subject }) => type.startsWith('sla.') && Object.values(subject).includes(id))
		.map(({ type }) => type);

describe('the SLA of a run', () => {
	it('is met by the end of a run without deliveries, and its timer goes', async () => {
		const run = await invoke();
		expect((await bed.run(run)).sla).toMatchObject({ state: 'pending', settledAt: null });
		bed.clock.advance(14 * MINUTE);
		(await calls.next()).answer(200, []);
		const sla = await settled(run);
		expect(sla).toMatchObject({ state: 'met' });
		expect(Date.parse(sla.dueAt) - Date.parse(sla.settledAt)).toBe(MINUTE);
		bed.clock.advance(2 * MINUTE);
		await bed.engine.context.store.check();
		expect(await slaEvents(run)).toEqual(['sla.met']);
	});

	it('is missed at its instant while the run goes on, and its success changes nothing', async () => {
		const run = await invoke();
		const call = await calls.next();
		bed.clock.advance(15 * MINUTE);
		const sla = await settled(run);
		expect(sla.state).toBe('missed');
		expect(sla.settledAt).toBe(sla.dueAt);
		call.answer(200, []);
		expect(await bed.runIn(run, 'succeeded')).toMatchObject({ sla });
		expect(await slaEvents(run)).toEqual(['sla.missed']);
	});

	it('is missed as soon as the run has failed for good, or was cancelled', async () => {
		const [failed, cancelled] = [await invoke(), await invoke()];
		const two = [await calls.next(), await calls.next()];
		two.find(({ envelope }) => envelope.requestId === failed)?.answer(500);
		demand(await bed.admin.post(`/v1/runs/${cancelled}/cancel`), 200);
		for (const run of [failed, cancelled]) {
			expect((await settled(run)).state).toBe('missed');
			expect(await slaEvents(run)).toEqual(['sla.missed']);
		}
	});

	it('waits for the deliveries, and is met by the last of them', async () => {
		const run = await invoke({ delivery: toHook() });
		hook.answer = (_request, response) => response.writeHead(503).end();
		const first = hook.next();
		(await calls.next()).answer(200, []);
		await first;
		const [delivery] = await bed.until(async () => {
			const { deliveries } = await bed.run(run);
			return deliveries[0]?.state === 'failed' && deliveries;
		});
		expect((await bed.run(run)).sla.state).toBe('pending');
		hook.answer = (_request, response) => response.writeHead(200).end();
		bed.clock.advance(6000);
		await bed.deliveryIn(delivery.id, 'delivered');
		expect((await settled(run)).state).toBe('met');
		expect(await slaEvents(run)).toEqual(['sla.met']);
	});

	it('is met where a fallback delivers, or a condition says that nothing is to be sent', async () => {
		hook.answer = (_request, response) => response.writeHead(410).end();
		const fallback = [{ channel: 'webhook', settings: { url: user.url, secret: SECRET } }];
		const one = await invoke({ delivery: toHook({ fallback }) });
		(await calls.next()).answer(200, [{ id: 1 }]);
		const two = await invoke({ delivery: toHook({ when: 'has_rows' }) });
		(await calls.next()).answer(200, []);
		for (const run of [one, two]) expect((await settled(run)).state).toBe('met');
	});

	it('is missed once no delivery can succeed any more', async () => {
		hook.answer = (_request, response) => response.writeHead(410).end();
		const run = await invoke({ delivery: toHook() });
		(await calls.next()).answer(200, []);
		expect((await settled(run)).state).toBe('missed');
	});

	it('is settled after its instant passed while no engine ran, by what the rows say', async () => {
		const late = await invoke({ policies: { ...POLICIES, onUnknown: 'manual' } });
		await calls.next();
		await bed.restart(20 * MINUTE);
		expect((await settled(late)).state).toBe('missed');
		expect(await slaEvents(late)).toEqual(['sla.missed']);
	});

	it('is settled although its timer was lost', async () => {
		const run = await invoke();
		await calls.next();
		const db = (bed.engine.context.store as unknown as { database: { exec(sql: string): void } })
			.database;
		db.exec(`DELETE FROM agenda_jobs WHERE name = 'run.sla'`);
		expect(await bed.engine.context.store.healTimers(100)).toBeGreaterThan(0);
		bed.clock.advance(15 * MINUTE);
		expect((await settled(run)).state).toBe('missed');
	});
});

describe('a missed SLA', () => {
	it('is told at once to who asked for it by name, beside the end of the run', async () => {
		const notify = [
			{ url: user.url, secret: SECRET, on: ['succeeded', 'sla_missed'] },
			{ url: hook.url, secret: SECRET },
		];
		const run = await invoke({ notify });
		const call = await calls.next();
		const first = user.next();
		bed.clock.advance(15 * MINUTE);
		const missed = JSON.parse((await first).body.toString());
		expect(missed).toMatchObject({
			type: 'sla.missed',
			data: { runId: run, state: 'running', sla: { state: 'missed' }, resultUrl: null },
		});
		const second = user.next();
		call.answer(200, []);
		const ended = JSON.parse((await second).body.toString());
		expect(ended).toMatchObject({ type: 'run.succeeded', data: { sla: { state: 'missed' } } });
		await bed.until(async () =>
			(await bed.run(run)).notifications.every(({ state }: Body) => state === 'delivered'),
		);
		expect(user.received).toHaveLength(2);
		expect(hook.received).toHaveLength(1);
	});

	it('is told to nobody any more whose endpoint said that it is gone', async () => {
		hook.answer = (_request, response) => response.writeHead(410).end();
		const notify = [{ url: hook.url, secret: SECRET, on: ['sla_missed', 'failed'] }];
		const { scheduleId } = await bed.schedule(name, {
			timing: { every: '1h' },
			policies: POLICIES,
			notify,
		});
		bed.clock.advance(60 * MINUTE);
		const call = await calls.next();
		const run = call.envelope.requestId as string;
		bed.clock.advance(15 * MINUTE);
		const dead = async (count: number): Promise<Body> =>
			bed.until(async () => {
				const { notifications } = await bed.run(run);
				return (
					notifications.filter(({ state }: Body) => state === 'dead').length === count &&
					notifications
				);
			});
		await dead(1);
		call.answer(500);
		const [ended] = (await dead(2)).filter(({ notify }: Body) => notify === '0');
		expect(ended).toMatchObject({ state: 'dead', error: { code: 'TARGET_DISABLED' } });
		expect(hook.received).toHaveLength(1);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});

	it('cannot be asked for where nothing is promised', async () => {
		const notify = [{ url: user.url, secret: SECRET, on: ['sla_missed'] }];
		const answer = await bed.admin.post(`/v1/capabilities/${name}/actions/go/invoke`, { notify });
		expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_POLICIES' } });
		expect(answer.body.errors[0].path).toBe('notify[0].on');
	});
});

describe('the SLA of a schedule', () => {
	it('counts from when the occurrence was due, also for one that is caught up on', async () => {
		const { scheduleId } = await bed.schedule(name, {
			timing: { every: '1h' },
			policies: { ...POLICIES, catchUp: { mode: 'all' } },
		});
		const anchor = bed.clock.now();
		await bed.restart(60 * MINUTE + 10 * MINUTE);
		const call = await calls.next();
		const run = call.envelope.requestId as string;
		expect(Date.parse((await bed.run(run)).sla.dueAt)).toBe(anchor + 75 * MINUTE);
		call.answer(200, []);
		expect((await settled(run)).state).toBe('met');
		expect(await slaEvents(scheduleId)).toEqual(['sla.met']);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});

	it('is missed by an occurrence that makes no run, and not by one that a person took out', async () => {
		const { scheduleId } = await bed.schedule(name, {
			timing: { every: '1m' },
			policies: POLICIES,
		});
		bed.clock.advance(MINUTE);
		const call = await calls.next();
		bed.clock.advance(MINUTE);
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 2);
		demand(await bed.admin.post(`/v1/schedules/${scheduleId}/pause`), 200);
		bed.clock.advance(1.5 * MINUTE);
		demand(await bed.admin.post(`/v1/schedules/${scheduleId}/resume`), 200);
		call.answer(200, []);
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 3);
		await settled(call.envelope.requestId);
		const outcomes = (await bed.ledger(scheduleId)).map(({ outcome }) => outcome as string);
		expect(outcomes).toEqual(['fired', 'skipped_overlap', 'skipped_paused']);
		const [missed, met] = (await bed.events()).filter(
			({ type, subject }) => type.startsWith('sla.') && subject['scheduleId'] === scheduleId,
		);
		expect(missed).toMatchObject({ type: 'sla.missed', data: { outcome: 'skipped_overlap' } });
		expect(met).toMatchObject({ type: 'sla.met' });
		const metrics = (await bed.admin.get('/metrics')).text;
		expect(metrics).toMatch(/capscheduler_sla_total\{state="missed"\} \d/);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});
});
