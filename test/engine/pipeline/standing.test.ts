import { afterEach, describe, expect, it } from '@jest/globals';

import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

const keyOf = (fill: number): string => Buffer.alloc(32, fill).toString('base64');

let bed: Bed;
afterEach(async () => bed.close());

describe('an engine whose keys are not those of the store', () => {
	it('does not start when it lacks the one that sealed its secrets', async () => {
		bed = await startBed({ CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
		await expect(bed.restart(0, { CAPSCHEDULER_KEYS: `k2:${keyOf(2)}` })).rejects.toThrow(
			/secrets of the store are sealed with the key "k1" \(fingerprint [0-9a-f]{16}\), and the engine has "k2"/,
		);
		await bed.restart(0, { CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
	});

	it('does not start when it has another one of the same name', async () => {
		bed = await startBed({ CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
		await expect(bed.restart(0, { CAPSCHEDULER_KEYS: `k1:${keyOf(2)}` })).rejects.toThrow(
			'another key of that name',
		);
		await bed.restart(0, { CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
	});

	it('starts with a new one in front, from then on needs both, and the last one stays the last', async () => {
		bed = await startBed({ CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
		await bed.restart(0, { CAPSCHEDULER_KEYS: `k2:${keyOf(2)},k1:${keyOf(1)}` });
		await expect(bed.restart(0, { CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` })).rejects.toThrow(
			'sealed with the key "k2"',
		);
		await expect(
			bed.restart(0, { CAPSCHEDULER_KEYS: `k1:${keyOf(1)},k2:${keyOf(2)}` }),
		).rejects.toThrow('keep that key at the end of the list');
		await bed.restart(0, { CAPSCHEDULER_KEYS: `k2:${keyOf(2)},k1:${keyOf(1)}` });
	});
});
