import { expect, it } from '@jest/globals';

import type { Logger } from '../../../engine/observe/observe.port.ts';
import { createWorker } from '../../../engine/pipeline/worker.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const quiet = { error: () => undefined } as unknown as Logger;

/** One that claims by the function, and what comes of its looks. */
function workerOf(claim: (limit: () => number) => Promise<{ id: string; epoch: number }[]>) {
	const worker = createWorker({
		name: 'things',
		clock: createFakeClock(),
		log: quiet,
		capacity: 4,
		lease: 30_000,
		claim,
		work: async () => Promise.resolve(),
		renew: async () => Promise.resolve(new Set<string>()),
		release: async () => Promise.resolve(),
	});
	worker.start();
	return worker;
}

async function aTurn(): Promise<void> {
	await new Promise((resolve) => setImmediate(resolve));
}

/** Long enough for a worker that looks again and again to do so. */
async function manyTurns(): Promise<void> {
	for (let turn = 0; turn < 50; turn++) await aTurn();
}

it('looks once where there is nothing, also when the store does not ask how many it may bring', async () => {
	let looks = 0;
	const worker = workerOf(async () => {
		looks++;
		await aTurn();
		return [];
	});
	await manyTurns();
	expect(looks).toBe(1);
	worker.poke();
	await manyTurns();
	expect(looks).toBe(2);
	await worker.drain(0);
});

it('looks again at once when it was brought as many as it asked for', async () => {
	let left = 10;
	let looks = 0;
	const worker = workerOf(async (limit) => {
		looks++;
		const size = Math.min(limit(), left);
		left -= size;
		return Promise.resolve(
			Array.from({ length: size }, (_, i) => ({ id: `${left + i}`, epoch: 1 })),
		);
	});
	await manyTurns();
	expect(left).toBe(0);
	expect(looks).toBeGreaterThan(2);
	await worker.drain(0);
});
