import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/*
 * Never more runs than the limit hold a key, never fewer than could, whatever ends them; and of those that
 * wait, the highest priority goes first. (Every interleaving on the store itself: store-model.property.)
 */

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

const retry = { attempts: 3, delay: '10s', jitter: false };
const keyed = (key: string, limit: number, more: object = {}): Record<string, unknown> => ({
	policies: { concurrencyKey: { key, limit }, retry, ...more },
});
const idOf = ({ envelope }: HeldCall): string => envelope.requestId as string;
/** How many runs hold the key now. */
async function holding(ids: readonly string[]): Promise<number> {
	const states = await Promise.all(ids.map(async (id) => (await bed.run(id)).state as string));
	return states.filter((state) => state === 'running' || state === 'waiting').length;
}

describe('a concurrency key with a limit', () => {
	it('is held by exactly so many while runs succeed, fail, retry, are cancelled, and the engine restarts', async () => {
		const limit = 3;
		const ids: string[] = [];
		for (let n = 0; n < 12; n++) ids.push(await bed.invoke('work', keyed('api', limit)));
		const open = [await calls.next(), await calls.next(), await calls.next()];
		const full = async (): Promise<void> => {
			expect(await holding(ids)).toBe(limit);
		};
		const more = async (): Promise<void> => {
			open.push(await calls.next());
			await full();
		};
		await full();
		open.shift()?.answer(200, []);
		await more();
		// One that fails for good, and one that is tried again later, which does not hold the key meanwhile.
		open.shift()?.answer(400);
		await more();
		const retrying = open.shift();
		retrying?.answer(503);
		await more();
		demand(await bed.admin.post(`/v1/runs/${idOf(open.shift()!)}/cancel`), 200);
		await more();

		// Nobody knows what the three that were open came to: they are tried again, under the same limit.
		await bed.restart();
		open.splice(0, open.length, await calls.next(), await calls.next(), await calls.next());
		await full();
		bed.clock.advance(10_000);
		while (open.length > 0) {
			open.shift()?.answer(200, []);
			const left = (await Promise.all(ids.map(async (id) => bed.run(id)))).filter(
				({ state }) => state === 'queued',
			);
			if (left.length > 0) await more();
		}
		const ends = new Map<string, number>();
		for (const id of ids) {
			const { state } = await bed.runIn(id);
			ends.set(state, (ends.get(state) ?? 0) + 1);
		}
		expect(Object.fromEntries(ends)).toEqual({ succeeded: 10, failed: 1, cancelled: 1 });
		const problems = await bed.engine.context.store.doctor(bed.clock.now());
		expect(problems.filter(({ severity }) => severity === 'problem')).toEqual([]);
	});

	it('is held while a capability is expected to call back, across a restart too', async () => {
		const ids = [
			await bed.invoke('slow', keyed('later', 1)),
			await bed.invoke('slow', keyed('later', 1)),
		];
		const first = await calls.next();
		first.answer(202);
		await bed.runIn(idOf(first), 'waiting');
		const before = calls.all.length;
		await bed.restart();
		await bed.engine.context.store.check();
		expect(calls.all).toHaveLength(before);
		const session = bed.client(first.envelope.callback.token);
		demand(await session.post(`/v1/sessions/${idOf(first)}/complete`, []), 200);
		const second = await calls.next();
		expect(idOf(second)).toBe(ids.find((id) => id !== idOf(first)));
		second.answer(200, []);
		await bed.runIn(idOf(second));
	});
});

describe('a priority', () => {
	it('decides who gets the key next, before age', async () => {
		const priorities = [0, -5, 3, 0, 100];
		const first = await bed.invoke('work', keyed('first', 1));
		const holder = await calls.next();
		expect(idOf(holder)).toBe(first);
		const ids: string[] = [];
		for (const priority of priorities) {
			ids.push(await bed.invoke('work', keyed('first', 1, { priority })));
		}
		expect((await bed.run(ids[4] ?? '')).priority).toBe(100);
		let call = holder;
		const order: number[] = [];
		for (const _ of priorities) {
			call.answer(200, []);
			call = await calls.next();
			order.push(ids.indexOf(idOf(call)));
		}
		call.answer(200, []);
		await bed.runIn(idOf(call));
		expect(order).toEqual([4, 2, 0, 3, 1]);
	});

	it('decides who begins when all hands of the engine were full', async () => {
		await bed.restart(0, { CAPSCHEDULER_CONCURRENCY: '1' });
		const policies = (priority: number): Body => ({ policies: { priority, retry } });
		await bed.invoke('work', policies(0));
		let call = await calls.next();
		const priorities = [1, -1, 2, 0];
		const ids: string[] = [];
		for (const priority of priorities) ids.push(await bed.invoke('work', policies(priority)));
		const order: number[] = [];
		for (const _ of priorities) {
			call.answer(200, []);
			call = await calls.next();
			order.push(priorities[ids.indexOf(idOf(call))] ?? NaN);
		}
		call.answer(200, []);
		await bed.runIn(idOf(call));
		expect(order).toEqual([2, 1, 0, -1]);
	});
});
