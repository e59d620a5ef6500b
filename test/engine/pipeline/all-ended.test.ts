import { expect, it } from '@jest/globals';

import { allEnded } from '../../../engine/pipeline/all-ended.ts';

it('waits for all, however early one fails, and then throws what failed', async () => {
	const slow = Promise.withResolvers<void>();
	let over = false;
	const ended = allEnded([Promise.reject(new Error('early')), slow.promise]).finally(() => {
		over = true;
	});
	ended.catch(() => undefined);
	await new Promise(setImmediate);
	expect(over).toBe(false);
	slow.resolve();
	await expect(ended).rejects.toThrow('early');
});
