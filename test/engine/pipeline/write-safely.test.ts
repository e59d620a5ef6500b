import { expect, it } from '@jest/globals';

import { CapError } from '../../../engine/contract/errors.ts';
import type { AbortReason } from '../../../engine/pipeline/in-hand.ts';
import { InHand } from '../../../engine/pipeline/in-hand.ts';
import { writeSafely } from '../../../engine/pipeline/write-safely.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const away = new CapError('STORAGE_UNAVAILABLE', 'the database is away');

it.each<AbortReason>(['timeout', 'heartbeat', 'cancelled'])(
	'writes until the engine stops and no longer, also how an attempt went that was broken off before: %s',
	async (why) => {
		const clock = createFakeClock();
		const held = new InHand(1, { clock, leaseUntil: 30_000, workDone: () => undefined });
		held.abort(why);
		let tries = 0;
		const written = writeSafely({ clock }, held, async () => {
			tries++;
			return Promise.reject(away);
		});
		for (let n = 1; n <= 10; n++) {
			while (tries < n) await new Promise((resolve) => setImmediate(resolve));
			await new Promise((resolve) => setImmediate(resolve));
			if (n === 10) held.abort('drain');
			clock.advance(250);
		}
		await expect(written).rejects.toBe(away);
		expect([tries, held.reason()]).toEqual([11, why]);
	},
);
