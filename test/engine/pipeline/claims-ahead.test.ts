import { afterEach, expect, it } from '@jest/globals';

import { CapError } from '../../../engine/contract/errors.ts';
import type { Logger } from '../../../engine/observe/observe.port.ts';
import { Ahead } from '../../../engine/pipeline/ahead.ts';
import { InHand } from '../../../engine/pipeline/in-hand.ts';
import { createWorker } from '../../../engine/pipeline/worker.ts';
import type { Worker } from '../../../engine/pipeline/worker.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

interface Item {
	id: string;
	epoch: number;
}

/** How urgent one is; without, nothing is claimed ahead. */
interface AheadOption {
	ahead?: (item: Item) => number;
}

const HANDS = 4;
const alike = () => 0;
const quiet = { error: () => undefined } as unknown as Logger;
let worker: Worker | null = null;
let commit: () => void = () => undefined;

/** All that is due now has happened. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A worker of four hands on an endless queue, whose claims and works end when the test says so. */
function setUp({ ahead }: AheadOption) {
	const clock = createFakeClock();
	const begun: string[] = [];
	const released: string[] = [];
	const works = new Map<string, () => void>();
	const store = { away: false };
	let made = 0;
	worker = createWorker<Item>({
		name: 'things',
		clock,
		log: quiet,
		capacity: HANDS,
		...(ahead === undefined ? {} : { ahead }),
		lease: 30_000,
		claim: async (limit) => {
			await new Promise<void>((resolve) => (commit = resolve));
			return Array.from({ length: limit() }, () => ({ id: `${++made}`, epoch: 1 }));
		},
		async work({ id }, { signal }) {
			begun.push(id);
			await new Promise<void>((resolve) => {
				works.set(id, resolve);
				signal.addEventListener('abort', () => {
					resolve();
				});
			});
		},
		renew: async (held) => Promise.resolve(new Set(held.map(({ id }) => id))),
		release: async ({ id }) => {
			if (store.away) throw new CapError('STORAGE_UNAVAILABLE', 'the database is away');
			return Promise.resolve(released.push(id));
		},
	});
	worker.start();
	return {
		clock,
		store,
		worker,
		begun,
		released,
		/** The claim that is under way is on the disk. */
		async claimed() {
			commit();
			await settle();
		},
		async finish(...ids: string[]) {
			for (const id of ids) works.get(id)?.();
			await settle();
		},
	};
}

/** Two hands become free while the second claim is made, so the third brings two that wait. */
async function twoWait(options: AheadOption): Promise<ReturnType<typeof setUp>> {
	const things = setUp(options);
	await things.claimed();
	await things.finish('1');
	await things.finish('2', '3');
	await things.claimed();
	await things.claimed();
	return things;
}

afterEach(async () => {
	const drained = worker?.drain(0);
	commit();
	await drained;
});

it('begins what was claimed ahead when a hand is free, in order, before another claim is made', async () => {
	const things = await twoWait({ ahead: alike });
	expect(things.begun).toEqual(['1', '2', '3', '4', '5', '6', '7']);
	expect(things.worker.holds('8', 1) && things.worker.holds('9', 1)).toBe(true);
	await things.finish('6');
	expect(things.begun.at(-1)).toBe('8');
	await things.finish('4', '5');
	expect(things.begun.at(-1)).toBe('9');
	expect(things.released).toEqual([]);
});

it('begins the most urgent first, also before what was claimed earlier', async () => {
	const things = await twoWait({ ahead: ({ id }) => (id === '9' ? 1 : 0) });
	await things.finish('6');
	expect(things.begun.at(-1)).toBe('9');
	await things.finish('4');
	expect(things.begun.at(-1)).toBe('8');
});

it('looks at the one that has waited longest, however many that are more urgent go before it', () => {
	const clock = createFakeClock();
	const taken: string[] = [];
	const ahead = new Ahead<string>(clock, {
		urgencyOf: (item) => (item === 'urgent' ? 10 : 0),
		onStuck: () => {
			taken.push(...ahead.takeAll().map(({ item }) => item));
		},
	});
	const held = new InHand(1, { clock, leaseUntil: 1, workDone: () => undefined });
	ahead.push('plain', held);
	clock.advance(600);
	ahead.push('urgent', held);
	clock.advance(400);
	expect(taken).toEqual(['urgent', 'plain']);
});

it('gives back what has waited for a second while the hands hang', async () => {
	const things = await twoWait({ ahead: alike });
	things.clock.advance(999);
	await settle();
	expect(things.released).toEqual([]);
	things.clock.advance(1);
	await settle();
	expect(things.released).toEqual(['8', '9']);
	expect(things.worker.holds('8', 1)).toBe(false);
	expect(things.worker.inFlight).toBe(HANDS);
});

it('gives back what has waited too long as often as it takes while the store is away', async () => {
	const things = await twoWait({ ahead: alike });
	things.store.away = true;
	for (let tries = 0; tries < 200; tries++) {
		things.clock.advance(1_000);
		await settle();
	}
	expect(things.worker.holds('8', 1) && things.worker.holds('9', 1)).toBe(true);
	things.store.away = false;
	things.clock.advance(1_000);
	await settle();
	expect(things.released).toEqual(['8', '9']);
	expect(things.worker.inFlight).toBe(HANDS);
});

it('stops in time although the store is away and what waits cannot be given back', async () => {
	const things = await twoWait({ ahead: alike });
	things.store.away = true;
	const drained = things.worker.drain(10_000);
	await things.claimed();
	things.clock.advance(10_000);
	await settle();
	things.clock.advance(250);
	await drained;
	expect(things.released).toEqual([]);
	expect(things.worker.inFlight).toBe(0);
});

it('keeps what waits while hands become free', async () => {
	const things = await twoWait({ ahead: alike });
	things.clock.advance(999);
	await things.finish('4', '5');
	things.clock.advance(1);
	await settle();
	expect(things.released).toEqual([]);
	expect(things.begun.slice(-2)).toEqual(['8', '9']);
});

it('has one timer, however often what waits has begun and more has come', () => {
	const clock = createFakeClock();
	let timers = 0;
	let stuck = 0;
	const counted = {
		...clock,
		after(delay: number, call: () => void) {
			timers++;
			return clock.after(delay, () => {
				timers--;
				call();
			});
		},
	};
	const ahead = new Ahead<string>(counted, {
		urgencyOf: alike,
		onStuck: () => {
			stuck += ahead.takeAll().length;
		},
	});
	const held = new InHand(1, { clock, leaseUntil: 1, workDone: () => undefined });
	for (let i = 0; i < 100; i++) {
		ahead.push('a', held);
		ahead.next();
		clock.advance(100);
		expect(timers).toBeLessThanOrEqual(1);
	}
	ahead.push('b', held);
	clock.advance(2000);
	expect({ timers, stuck }).toEqual({ timers: 0, stuck: 1 });
});

it('gives back what waits as soon as the engine stops', async () => {
	const things = await twoWait({ ahead: alike });
	const drained = things.worker.drain(60_000);
	await settle();
	expect(things.released).toEqual(['8', '9']);
	await things.finish('4', '5', '6', '7');
	await things.claimed();
	await drained;
	expect(things.begun).not.toContain('8');
	expect(things.worker.inFlight).toBe(0);
});

it('claims no more than there are hands where nobody asked for it', async () => {
	const things = await twoWait({});
	expect(things.worker.inFlight).toBe(HANDS);
});

it('claims nothing ahead while no hand becomes free', async () => {
	const things = setUp({ ahead: alike });
	await things.claimed();
	await things.finish('1');
	await things.claimed();
	expect(things.worker.inFlight).toBe(HANDS);
});
