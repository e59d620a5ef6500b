import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Circuit } from '../../../engine/core/delivery/circuit.ts';
import { CLOSED } from '../../../engine/core/delivery/circuit.ts';
import { afterSendFailure } from '../../../engine/core/delivery/transitions.ts';
import type { DeliveryId } from '../../../engine/contract/ids.ts';
import { alertOfTime } from '../../../engine/pipeline/alerts-of-time.ts';
import { alertOfCircuit } from '../../../engine/pipeline/alerts.ts';
import type { Context } from '../../../engine/pipeline/context.ts';
import { settleDelivery } from '../../../engine/pipeline/settle-delivery.ts';
import { tellAlerts } from '../../../engine/pipeline/tell-alerts.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

let server: CapabilityServer;
let bed: Bed;
/** Who is told, and where deliveries go. */
let ops: Receiver;
let hook: Receiver;
beforeEach(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
	[ops, hook] = await Promise.all([startReceiver(), startReceiver()]);
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
	refuse();
});
afterEach(async () => {
	await bed.close();
	await Promise.all([ops.close(), hook.close(), server.close()]);
});

/** For good, at once. */
function refuse(): void {
	hook.answer = (_, response) => {
		response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
	};
}

async function opsDestination(more: object = {}): Promise<string> {
	const settings = { url: ops.url, secret: SECRET };
	const body = { name: 'ops', channel: 'webhook', settings, ...more };
	return demand(await bed.admin.post('/v1/destinations', body), 201).body.id as string;
}

async function deliver(delivery: object = {}, target: object = {}): Promise<Body[]> {
	const way = { channel: 'webhook', settings: { url: hook.url }, ...target };
	const id = await bed.invoke('rows', { delivery: { mode: 'push', targets: [way], ...delivery } });
	await bed.runIn(id);
	const run = await bed.until(async () => {
		const now = await bed.run(id);
		return now.deliveryState !== 'pending' && now;
	});
	return run.deliveries as Body[];
}

const raisedTimes = (count: number): Promise<true> =>
	bed.until(async () => (await bed.events('alert.raised')).length >= count);

/** What was told next, after so long. */
async function toldAfter(wait: number): Promise<Body> {
	const next = ops.next();
	bed.clock.advance(wait);
	const got = await next;
	await bed.until(async () => {
		const done = (await bed.events()).filter(({ type }) =>
			/^alert\.(delivered|failed|dead)/.test(type),
		);
		return done.length >= ops.received.length;
	});
	expect(signatureHolds(got, SECRET)).toBe(true);
	return JSON.parse(got.body.toString());
}

const ALL = ['delivery_dead', 'fallback_used', 'circuit_open', 'link_unused', 'sla_at_risk'];

describe('an outage', () => {
	it('is one message to the alert destination of the tenant, and then a count', async () => {
		await opsDestination({ alerts: ALL });
		for (let i = 0; i < 12; i++) await deliver();
		await raisedTimes(12);
		const first = await toldAfter(5 * SECOND);
		expect(first).toMatchObject({ type: 'alert', data: { counts: { delivery_dead: 12 } } });
		expect(first.data.subject).toContain(new URL(hook.url).origin);
		expect(first.data.samples).toHaveLength(5);
		expect(first.data.samples[0].words).toContain('TARGET_REDIRECT');
		for (let i = 0; i < 3; i++) await deliver();
		await raisedTimes(15);
		bed.clock.advance(5 * MINUTE);
		const second = await toldAfter(10 * MINUTE);
		expect(second.data.counts).toEqual({ delivery_dead: 3 });
		expect(second.data.id).not.toBe(first.data.id);
		expect(ops.received).toHaveLength(2);
		const metrics = await (await fetch(`${bed.url}/metrics`)).text();
		expect(metrics).toMatch(/capscheduler_alerts_total\{kind="delivery_dead"\} 15/);
	});

	it('tells of its fallbacks too, and survives a restart before it was told', async () => {
		await opsDestination({ alerts: ALL });
		await deliver({}, { fallback: [{ channel: 'file', settings: { folder: '.' } }] });
		await raisedTimes(2);
		const next = ops.next();
		await bed.restart(5 * SECOND);
		const told = JSON.parse((await next).body.toString());
		expect(told.data.counts).toEqual({ delivery_dead: 1, fallback_used: 1 });
	});

	it('of a destination tells that it is left alone, and that it works again', async () => {
		await opsDestination({ alerts: ALL });
		const place = { name: 'crm', channel: 'webhook', settings: { url: hook.url } };
		demand(await bed.admin.post('/v1/destinations', place), 201);
		hook.answer = (_, response) => {
			response.writeHead(503, { 'retry-after': '60' }).end();
		};
		const id = await bed.invoke('rows', {
			delivery: { mode: 'push', targets: [{ destination: 'crm' }] },
		});
		await bed.runIn(id);
		await raisedTimes(1);
		const told = await toldAfter(5 * SECOND);
		expect(told.data).toMatchObject({ subject: 'crm', counts: { circuit_open: 1 } });
		hook.answer = (_, response) => {
			response.end('{}');
		};
		const [delivery] = (await bed.run(id)).deliveries;
		bed.clock.advance(2 * MINUTE);
		await bed.deliveryIn(delivery.id, 'delivered');
		await raisedTimes(2);
		const over = await toldAfter(5 * SECOND);
		expect(over.data.counts).toEqual({ recovered: 1 });
	});
});

/** The engine's own, but for some methods of its store. */
function contextWith(methods: Partial<Context['store']>): Context {
	const { context } = bed.engine;
	return { ...context, store: { ...context.store, ...methods } };
}

describe('a death that is kept before it is written', () => {
	const tell = async (): Promise<void> => {
		await tellAlerts(bed.engine.context, new AbortController().signal);
	};

	/** One that is being sent, and its end, which is kept and not written. */
	async function endNotWritten(): Promise<{ id: string; answer(status: number): void }> {
		const asked = Promise.withResolvers<(status: number) => void>();
		hook.answer = (_, response) => {
			asked.resolve((status) => response.writeHead(status).end());
		};
		const way = { channel: 'webhook', settings: { url: hook.url } };
		const run = await bed.invoke('rows', { delivery: { mode: 'push', targets: [way] } });
		const answer = await asked.promise;
		const { id } = (await bed.run(run)).deliveries[0] as { id: DeliveryId };
		const { delivery } = (await bed.engine.context.store.getDelivery('default', id))!;
		const at = bed.clock.now() - 1;
		const error = { code: 'TARGET_GONE', message: 'it was not' } as const;
		const settlement = afterSendFailure(
			delivery,
			{ error, outcome: 'failed', retry: 'never' },
			{ startedAt: at, at, artifact: null, retries: [], newId: bed.engine.context.newId },
		);
		const fenced = contextWith({ settleDeliveries: async () => Promise.resolve([false]) });
		expect(await settleDelivery(fenced, delivery, settlement)).toBe(false);
		await raisedTimes(1);
		return { id, answer };
	}

	it('is told to nobody while that is open, nor when it came to another end', async () => {
		await opsDestination({ alerts: ALL });
		const { id, answer } = await endNotWritten();
		bed.clock.advance(5 * SECOND);
		await tell();
		expect(await bed.events('alert.delivered')).toEqual([]);
		answer(200);
		await bed.deliveryIn(id, 'delivered');
		bed.clock.advance(5 * SECOND);
		await tell();
		bed.clock.advance(15 * MINUTE);
		await tell();
		expect([await bed.events('alert.delivered'), ops.received]).toEqual([[], []]);
	});

	it('is told once it is written, by whoever comes to that end', async () => {
		await opsDestination({ alerts: ALL });
		const { id, answer } = await endNotWritten();
		answer(410);
		await bed.deliveryIn(id, 'dead');
		const told = await toldAfter(5 * SECOND);
		expect(told.data.counts).toEqual({ delivery_dead: 1 });
		expect(told.data.samples).toMatchObject([{ kind: 'delivery_dead', id }]);
	});
});

const opened: [{ tenant: string; key: string; name: string }, Circuit] = [
	{ tenant: 'default', key: 'dst_1', name: 'crm' },
	{ ...CLOSED, state: 'open', failures: 5, trips: 1 },
];

describe('who is told', () => {
	it('is whom the schedule names, of what it names, and then nobody else', async () => {
		await opsDestination({ alerts: ALL });
		const desk = { name: 'desk', channel: 'file', settings: { folder: 'desk' } };
		const { id } = demand(await bed.admin.post('/v1/destinations', desk), 201).body;
		await deliver({ alert: { destination: 'desk', on: ['delivery_dead'] } });
		await deliver({ alert: { destination: 'desk', on: ['circuit_open'] } });
		await raisedTimes(1);
		bed.clock.advance(5 * SECOND);
		const [told] = await bed.until(async () => {
			const all = await bed.events('alert.delivered');
			return all.length > 0 && all;
		});
		expect(told?.subject).toEqual({ destinationId: id });
		expect(await bed.events('alert.raised')).toHaveLength(1);
		expect(ops.received).toEqual([]);
	});

	it('is asked again when it does not answer: the same bytes under the same id', async () => {
		await opsDestination({ alerts: ALL });
		ops.answer = (_, response) => {
			response.writeHead(500).end();
		};
		await deliver();
		await raisedTimes(1);
		const first = await toldAfter(5 * SECOND);
		ops.answer = (_, response) => {
			response.end('{}');
		};
		const second = await toldAfter(6 * SECOND);
		expect(second).toEqual(first);
		expect(ops.received[1]?.headers['webhook-id']).toBe(ops.received[0]?.headers['webhook-id']);
		expect((await bed.events('alert.failed')).length).toBe(1);
		expect((await bed.events('alert.delivered')).length).toBe(1);
	});

	it('that does not work keeps no delivery from its end', async () => {
		const id = await opsDestination({ alerts: ALL });
		demand(await bed.admin.patch(`/v1/destinations/${id}`, { enabled: false }), 200);
		const [dead] = await deliver();
		expect(dead.state).toBe('dead');
		expect(await bed.events('alert.raised')).toEqual([]);
	});

	it('is found among more destinations than one page holds', async () => {
		await opsDestination({ alerts: ALL });
		await opsDestination({ name: 'desk', alerts: ALL });
		const { listDestinations } = bed.engine.context.store;
		await alertOfCircuit(
			contextWith({
				listDestinations: (tenant, page) => listDestinations(tenant, { ...page, limit: 1 }),
			}),
			...opened,
			null,
		);
		expect(await bed.events('alert.raised')).toHaveLength(2);
	});

	it('is not told when the store fails, and nothing else comes of it', async () => {
		await opsDestination({ alerts: ALL });
		const broken = contextWith({ getRun: async () => Promise.reject(new Error('it is away')) });
		const delivery = { id: 'dlv_1', runId: 'run_1', scheduleId: null } as const;
		await alertOfCircuit(broken, ...opened, delivery);
		expect(await bed.events('alert.raised')).toEqual([]);
		const metrics = await (await fetch(`${bed.url}/metrics`)).text();
		expect(metrics).toContain('capscheduler_faults_total{where="alerts"} 1');
	});

	it('is refused when nobody knows it', async () => {
		const answer = await bed.admin.post('/rows/schedule', {
			action: 'go',
			time: 'in 1h',
			delivery: { alert: { destination: 'nobody' } },
		});
		expect([answer.status, answer.body.errors[0].path]).toEqual([
			422,
			'delivery.alert.destination',
		]);
	});
});

describe('time that runs out', () => {
	const sweep = async (): Promise<void> => {
		const { createPipeline } = await import('../../../engine/pipeline/pipeline.ts');
		await createPipeline(bed.engine.context).sweep();
	};

	it('of a run with a service level is told before it is too late, once', async () => {
		await opsDestination({ alerts: ALL });
		const hung = Promise.withResolvers<void>();
		const url = server.on('/slow', (response) => {
			void hung.promise.then(() => response.end('[]'));
		});
		await bed.register('slow', url);
		const { scheduleId } = await bed.schedule('slow', {
			time: 'in 1m',
			policies: { sla: { deliveredWithin: '10m' }, timeout: '30m' },
		});
		bed.clock.advance(MINUTE);
		await bed.until(async () => (await bed.ledger(scheduleId as string)).length === 1);
		bed.clock.advance(7 * MINUTE);
		await sweep();
		expect(await bed.events('alert.raised')).toEqual([]);
		bed.clock.advance(1.5 * MINUTE);
		await sweep();
		let reads = 0;
		const { getSpecs } = bed.engine.context.store;
		const counting = contextWith({
			getSpecs: async (ids) => {
				reads += 1;
				return getSpecs(ids);
			},
		});
		await alertOfTime(counting);
		await alertOfTime(counting);
		expect(reads).toBe(1);
		const [alert, ...more] = await bed.events('alert.raised');
		expect(alert?.data).toMatchObject({ kind: 'sla_at_risk' });
		expect(more).toEqual([]);
		const metrics = await (await fetch(`${bed.url}/metrics`)).text();
		expect(metrics).toContain('capscheduler_alerts_total{kind="sla_at_risk"} 1\n');
		hung.resolve();
	});

	it('of a link that nobody used is told an hour before', async () => {
		await opsDestination({ alerts: ALL });
		const run = await bed.invoke('rows');
		await bed.runIn(run);
		const unused = demand(
			await bed.admin.post(`/v1/runs/${run}/links`, { expiresIn: '3h' }),
			201,
		).body;
		const used = demand(
			await bed.admin.post(`/v1/runs/${run}/links`, { expiresIn: '3h' }),
			201,
		).body;
		await fetch(used.url as string);
		await sweep();
		bed.clock.advance(110 * MINUTE);
		await sweep();
		expect(await bed.events('alert.raised')).toEqual([]);
		bed.clock.advance(15 * MINUTE);
		await sweep();
		bed.clock.advance(MINUTE);
		await sweep();
		const told = await bed.events('alert.raised');
		expect(told.map(({ data }) => data)).toMatchObject([
			{ kind: 'link_unused', id: unused.link.id },
		]);
	});
});
