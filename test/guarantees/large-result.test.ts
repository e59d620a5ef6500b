import { afterAll, expect, it } from '@jest/globals';

import { killEngines } from '../support/engine-process.ts';
import { runLargeResult } from '../support/large-result.ts';

const MB = 1e6;

afterAll(killEngines);

// the same with 1 GB: npm run bench -- large
it('takes a large result through CSV to a webhook and a link without holding it in memory', async () => {
	const { rows, expected, delivered, pulled, peakRss } = await runLargeResult(100 * MB);
	expect(rows).toBeGreaterThan(300_000);
	expect({ delivered, pulled }).toEqual({ delivered: expected, pulled: expected });
	expect(peakRss).toBeGreaterThan(0);
	expect(peakRss).toBeLessThan(300 * MB);
}, 120_000);
