import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { Inbox } from '../support/inbox.ts';

/* P4: never early. How late at most is the benchmark's to show, on a machine of its own. */

let server: CapabilityServer;
let bed: Bed;
const arrived = new Inbox<{ nominalAt: number; at: number }>();
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed(
		{ CAPSCHEDULER_SMALLEST_INTERVAL: '100ms' },
		{ clock: systemClock as FakeClock },
	);
	const url = server.on('/work', (response, { body }) => {
		arrived.push({ nominalAt: Date.parse(JSON.parse(body).schedule.nominalAt), at: Date.now() });
		response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
	});
	await bed.register('work', url);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

describe('an occurrence', () => {
	it('never fires before its instant', async () => {
		for (let n = 0; n < 10; n++) {
			const policies = { overlap: 'allow_all' };
			await bed.schedule('work', { timing: { every: `${200 + 37 * n}ms` }, policies });
		}
		const fired = await arrived.atLeast(60);
		expect(fired.filter(({ nominalAt, at }) => at < nominalAt)).toEqual([]);
	});
});
