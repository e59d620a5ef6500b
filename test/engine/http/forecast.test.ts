import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	for (const name of ['one', 'two']) await bed.register(name, server.json(`/${name}`, []));
	for (let n = 0; n < 12; n++) {
		await bed.schedule(n % 2 === 0 ? 'one' : 'two', {
			timing: { cron: '0 * * * *' },
			labels: { team: n < 3 ? 'bi' : 'crm' },
		});
	}
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

describe('the forecast', () => {
	it('counts all active schedules of the tenant, and says who makes the peaks', async () => {
		const { body } = demand(await bed.admin.get('/v1/forecast?horizon=6h&bucket=hour'), 200);
		expect(body).toMatchObject({ bucket: 'hour', schedules: 12, occurrences: 60 });
		// The instant of the start itself was before they were made.
		expect(body.counts).toEqual([0, 12, 12, 12, 12, 12]);
		expect(body.peaks[0]).toMatchObject({
			count: 12,
			causes: [{ timing: { cron: '0 * * * *', timeZone: 'UTC' }, schedules: 12, occurrences: 12 }],
		});
	});

	it('can be narrowed to a label or a capability', async () => {
		const of = async (query: string): Promise<number> =>
			demand(await bed.admin.get(`/v1/forecast?${query}`), 200).body.schedules;
		expect(await of('label=team:bi')).toBe(3);
		expect(await of('capability=one')).toBe(6);
		expect(await of('capability=none')).toBe(0);
	});

	it('shows a key only what it may use, and other tenants nothing', async () => {
		const one = bed.client(await bed.keyOf(['schedules:read'], { capabilities: ['one'] }));
		expect((await one.get('/v1/forecast')).body.schedules).toBe(6);
		const other = bed.client(await bed.keyOf(['schedules:read'], { tenant: 'other' }));
		expect((await other.get('/v1/forecast')).body.schedules).toBe(0);
	});

	it('tells its progress as server-sent events, then the same answer', async () => {
		const answer = await bed.admin.get('/v1/forecast?horizon=2h', {
			headers: { accept: 'text/event-stream' },
		});
		const events = answer.text
			.trim()
			.split('\n\n')
			.map((block) => block.split('\n').map((line) => line.slice(line.indexOf(':') + 2)));
		expect(events[0]?.[0]).toBe('progress');
		const [name, data = ''] = events.at(-1) ?? [];
		expect(name).toBe('result');
		expect(JSON.parse(data)).toEqual((await bed.admin.get('/v1/forecast?horizon=2h')).body);
	});

	it.each(['horizon=8d', 'horizon=0s', 'bucket=day', 'horizon=x', 'from=now'])(
		'refuses %s with its place',
		async (query) => {
			const { status, body } = await bed.admin.get(`/v1/forecast?${query}`);
			expect(status).toBe(400);
			expect(body.errors[0].path).toBe(`query.${query.split('=')[0] ?? ''}`);
		},
	);
});
