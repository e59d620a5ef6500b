import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';
import { holdCalls } from '../../support/held-target.ts';

const HANDS = 2;
let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_CONCURRENCY: `${HANDS}`, CAPSCHEDULER_DRAIN: '10s' });
});
afterAll(async () => {
	// First, so that an engine that waits for an answer has none to wait for.
	await server.close();
	await bed.close();
});

/** That method waits until it is let go. */
function hold<T extends object>(on: T, name: keyof T): { asked: Promise<void>; letGo: () => void } {
	const whole = on[name] as (...args: unknown[]) => unknown;
	const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
	on[name] = (async (...args: unknown[]) => {
		asked.resolve();
		await gate.promise;
		return whole.apply(on, args);
	}) as T[keyof T];
	return { asked: asked.promise, letGo: gate.resolve };
}

it('begins nothing more as soon as it is to stop, however long the store takes to be told so', async () => {
	const { url, calls } = holdCalls(server, '/work');
	await bed.register('work', url);
	const { store } = bed.engine.context;
	const look = hold(store, 'nextTimerAt');
	const ids = [];
	for (let n = 0; n < 2 * HANDS; n++) ids.push(await bed.invoke('work'));
	await calls.atLeast(HANDS);
	await look.asked;
	const word = hold(store, 'putShared');
	const stopped = bed.engine.stop();
	await word.asked;
	for (const call of calls.all) call.answer(200, []);
	for (const { envelope } of calls.all.slice(0, HANDS)) {
		await bed.until(async () => {
			const run = await store.getRun('default', envelope.requestId);
			return run?.state === 'succeeded';
		});
	}
	look.letGo();
	word.letGo();
	await Promise.race([stopped, calls.atLeast(HANDS + 1)]);
	expect(calls.all).toHaveLength(HANDS);
	await bed.restart();
	for (let n = HANDS; n < ids.length; n++) (await calls.atLeast(n + 1))[n]?.answer(200, []);
	for (const id of ids) expect(await bed.runIn(id)).toMatchObject({ attempt: 1 });
});
