import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Channel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createFileChannel } from '../../../engine/channels/file/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

let server: CapabilityServer;
let bed: Bed;
/** What the channel of the test answers, and what it was asked to send. */
let answer: (id: string) => Promise<SendOutcome>;
let sent: { id: string; at: number }[];
let running: number;
let most: number;

const down: SendOutcome = {
	kind: 'failed',
	code: 'TARGET_UNREACHABLE',
	message: 'nobody is there',
	retry: 'later',
};

const delivered = (): SendOutcome => ({
	kind: 'delivered',
	receipt: { channel: 'there', location: 'there', size: 0, sha256: '', remote: {}, at: '' },
});

function channelOf(): Channel {
	const file = createFileChannel({ roots: ['/'], clock: systemClock });
	return {
		...file,
		name: 'there',
		retries: Array.from({ length: 50 }, () => 5 * SECOND),
		check: async () => undefined,
		prepare: () => ({}),
		async send(_prepared, _settings, { deliveryId: id }) {
			sent.push({ id, at: bed.clock.now() });
			running++;
			most = Math.max(most, running);
			try {
				return await answer(id);
			} finally {
				running--;
			}
		},
	};
}

beforeEach(async () => {
	sent = [];
	running = 0;
	most = 0;
	answer = async () => delivered();
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_DELIVERY_CONCURRENCY: '8' }, { channels: [channelOf()] });
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
});
afterEach(async () => {
	await bed.close();
	await server.close();
});

async function make(more: object = {}): Promise<Body> {
	const body = { name: 'there', channel: 'there', settings: { folder: '.' }, ...more };
	return demand(await bed.admin.post('/v1/destinations', body), 201).body;
}

async function deliver(...targets: object[]): Promise<string[]> {
	const id = await bed.invoke('rows', { delivery: { mode: 'push', targets } });
	await bed.runIn(id);
	return ((await bed.run(id)).deliveries as Body[]).map((delivery) => delivery.id as string);
}

const delivery = async (id: string): Promise<Body> =>
	(await bed.admin.get(`/v1/deliveries/${id}`)).body;
const circuit = async (): Promise<Body> => {
	const { items } = (await bed.admin.get('/v1/destinations')).body;
	return (await bed.admin.get(`/v1/destinations/${items[0].id}`)).body.circuit;
};
const held = (id: string): Promise<Body> =>
	bed.until(async () => {
		const now = await delivery(id);
		return now.error?.code === 'CIRCUIT_OPEN' && now;
	});

/** The deliveries that are not over, as they are now. */
async function left(): Promise<Body[]> {
	const pages = ['pending', 'failed', 'sending'].map(async (state) => {
		const { body } = await bed.admin.get(`/v1/deliveries?state=${state}&limit=200`);
		return body.items as Body[];
	});
	return (await Promise.all(pages)).flat();
}

/** Moves on from one instant at which something is due to the next, until it holds. */
async function passUntil(look: () => boolean | Promise<boolean>, gated = 0): Promise<void> {
	for (let i = 0; i < 2000; i++) {
		if (await look()) return;
		const now = bed.clock.now();
		const open = await left();
		const busy = open.filter(({ state, dueAt }) => state === 'sending' || Date.parse(dueAt) <= now);
		if (busy.length > gated) await bed.admin.get('/healthz');
		else {
			const next = open.map(({ dueAt }) => Date.parse(dueAt)).filter((at) => at > now);
			bed.clock.advanceTo(next.length === 0 ? now + SECOND : Math.min(...next));
		}
	}
	throw new Error('it never came');
}

async function open(): Promise<string> {
	answer = async () => down;
	const [id = ''] = await deliver({ destination: 'there' });
	await passUntil(() => sent.length === 5);
	await bed.until(async () => (await circuit()).state === 'open');
	return id;
}

describe('a destination that fails', () => {
	it('is left alone after five failures in a row, and what waits says why', async () => {
		await make();
		await open();
		expect(await circuit()).toMatchObject({
			state: 'open',
			failures: 5,
			reason: { code: 'TARGET_UNREACHABLE' },
		});
		const [second = ''] = await deliver({ destination: 'there' });
		const waiting = await held(second);
		expect(waiting).toMatchObject({ state: 'pending', attempt: 0, attempts: [] });
		expect(waiting.error.message).toMatch(/^there is not tried before .*TARGET_UNREACHABLE/);
		expect(sent).toHaveLength(5);
		expect(await bed.events('destination.circuit_open')).toHaveLength(1);
	});

	it('keeps its circuit over a restart', async () => {
		await make();
		await open();
		await bed.restart();
		const [second = ''] = await deliver({ destination: 'there' });
		await held(second);
		expect(sent).toHaveLength(5);
	});

	it('is tried by one alone, and then not met by all at once', async () => {
		await make();
		const first = await open();
		const ids = [first];
		for (let i = 0; i < 20; i++) ids.push(...(await deliver({ destination: 'there' })));
		for (const id of ids.slice(1)) await held(id);
		const probing = Promise.withResolvers<SendOutcome>();
		answer = async () => probing.promise;
		await passUntil(() => sent.length === 6, 1);
		// while it is under way nobody else goes, whatever comes due
		for (let i = 0; i < 10; i++) await passOn(SECOND);
		expect(sent).toHaveLength(6);
		expect(await circuit()).toMatchObject({ state: 'half_open' });
		answer = async () => delivered();
		probing.resolve(delivered());
		await passUntil(async () => (await states(ids)).every((state) => state === 'delivered'));
		expect((await circuit()).state).toBe('closed');
		const back = sent.slice(6).map(({ at }) => at);
		expect(new Set(back).size).toBeGreaterThan(5);
		expect(sent).toHaveLength(5 + ids.length);
	});

	it('waits for twice as long when the one that tried failed too', async () => {
		await make();
		await open();
		await passUntil(() => sent.length === 6);
		await bed.until(async () => (await circuit()).state === 'open');
		const { since, until } = await circuit();
		expect(Date.parse(until) - Date.parse(since)).toBeGreaterThanOrEqual(MINUTE);
	});

	it('is used again as soon as somebody changed it', async () => {
		const destination = await make();
		await open();
		answer = async () => delivered();
		demand(await bed.admin.patch(`/v1/destinations/${destination.id}`, { name: 'there2' }), 200);
		const [id = ''] = await deliver({ destination: 'there2' });
		await bed.deliveryIn(id, 'delivered');
	});

	it('does not keep other destinations waiting, and a run that reached some of them says so', async () => {
		await make();
		await open();
		const targets = [
			{ destination: 'there', within: '1s' },
			{ channel: 'file', settings: { folder: '.' } },
		];
		const id = await bed.invoke('rows', { delivery: { mode: 'push', targets } });
		const run = await bed.until(async () => {
			const now = await bed.run(id);
			return now.deliveryState === 'partial' && now;
		});
		expect(run.deliveries.map(({ state }: Body) => state).sort()).toEqual(['dead', 'delivered']);
		expect(await readdir(join(bed.folder, 'out'))).toHaveLength(1);
	});

	it('that hangs gets half of the hands, however many come at once, and others go on', async () => {
		await make();
		const hanging = Promise.withResolvers<SendOutcome>();
		answer = async () => hanging.promise;
		const targets = Array.from({ length: 12 }, () => ({ destination: 'there' }));
		const ids = await deliver(...targets);
		await bed.until(() => Promise.resolve(sent.length >= 4));
		const [other = ''] = await deliver({ channel: 'file', settings: { folder: '.' } });
		await bed.deliveryIn(other, 'delivered');
		expect(most).toBe(4);
		answer = async () => delivered();
		hanging.resolve(delivered());
		await passUntil(async () => (await states(ids)).every((state) => state === 'delivered'));
		expect(sent).toHaveLength(12);
	});

	it('named by its settings alone is one with all targets of the same settings, and of no other', async () => {
		answer = async () => down;
		const inline = { channel: 'there', settings: { folder: 'one' } };
		await deliver(inline);
		await passUntil(() => sent.length === 5);
		await bed.until(async () => (await bed.events('destination.circuit_open')).length === 1);
		const [second = ''] = await deliver(inline);
		await held(second);
		answer = async () => delivered();
		const [other = ''] = await deliver({ ...inline, settings: { folder: 'two' } });
		await bed.deliveryIn(other, 'delivered');
	});
});

describe('a deadline', () => {
	it('ends a delivery whose circuit is open beyond it, and its fallback takes over', async () => {
		await make();
		await open();
		const fallback = [
			{ channel: 'webhook', settings: { url: 'http://127.0.0.1:9/' }, on: ['TARGET_REFUSED'] },
			{ channel: 'file', settings: { folder: '.' } },
		];
		const [id = ''] = await deliver({ destination: 'there', within: '10s', fallback });
		const dead = await bed.deliveryIn(id, 'dead');
		expect(dead.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
		expect(dead.error.message).toContain('nobody is there');
		const { items } = (await bed.admin.get(`/v1/deliveries?runId=${dead.runId}`)).body;
		const next = items.find(({ target }: Body) => target !== '0');
		// the first of the list is for other failures
		expect(next.target).toBe('0.2');
		await bed.deliveryIn(next.id, 'delivered');
	});

	it('is not overrun by another attempt', async () => {
		await make();
		answer = async () => down;
		const [id = ''] = await deliver({ destination: 'there', within: '12s' });
		await passUntil(async () => (await delivery(id)).state === 'dead');
		const dead = await delivery(id);
		expect(dead.error).toMatchObject({ code: 'TARGET_UNREACHABLE' });
		expect(dead.error.message).toContain('deadline');
		expect(sent).toHaveLength(3);
		const { at } = sent.at(-1)!;
		expect(at).toBeLessThan(Date.parse(dead.deadlineAt));
	});
});

describe('limits of a destination', () => {
	it('so many at once are kept, and all get there', async () => {
		await make({ limits: { parallel: 2 } });
		answer = async () => {
			await bed.admin.get('/healthz');
			return delivered();
		};
		const ids = (
			await Promise.all(Array.from({ length: 12 }, () => deliver({ destination: 'there' })))
		).flat();
		await passUntil(async () => (await states(ids)).every((state) => state === 'delivered'));
		expect(most).toBeLessThanOrEqual(2);
		expect(sent).toHaveLength(12);
	});

	it('so many a minute are kept, and nothing fails for it', async () => {
		await make({ limits: { perMinute: 30 } });
		const ids = (
			await Promise.all(Array.from({ length: 10 }, () => deliver({ destination: 'there' })))
		).flat();
		await passUntil(async () => (await states(ids)).every((state) => state === 'delivered'));
		const times = sent.map(({ at }) => at).sort((a, b) => a - b);
		times.slice(1).forEach((at, i) => expect(at - times[i]!).toBeGreaterThanOrEqual(2000));
		const all = await Promise.all(ids.map(delivery));
		expect(all.every(({ attempts }) => attempts.length === 1)).toBe(true);
	});
});

it('the highest priority goes first where many wait for their turn', async () => {
	await make({ limits: { parallel: 1 } });
	const order: string[] = [];
	const gate = Promise.withResolvers<void>();
	answer = async (id) => {
		order.push(id);
		if (order.length === 1) await gate.promise;
		return delivered();
	};
	const [first = ''] = await deliver({ destination: 'there' });
	await passUntil(() => order.length === 1);
	const [low = ''] = await deliver({ destination: 'there', priority: -5 });
	const [high = ''] = await deliver({ destination: 'there', priority: 5 });
	gate.resolve();
	await bed.deliveryIn(first, 'delivered');
	// both are due by then
	bed.clock.advance(MINUTE);
	await passUntil(() => order.length === 3);
	expect(order).toEqual([first, high, low]);
});

async function passOn(step: number): Promise<void> {
	bed.clock.advance(step);
	await new Promise((resolve) => setImmediate(resolve));
	await bed.admin.get('/healthz');
}

async function states(ids: string[]): Promise<string[]> {
	return Promise.all(ids.map(async (id) => (await delivery(id)).state as string));
}
