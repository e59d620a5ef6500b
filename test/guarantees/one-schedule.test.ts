import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';

/* P17: many parallel identical creates under one Idempotency-Key make one schedule. */

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('rows', server.json('/rows', []));
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const headers = { 'idempotency-key': 'the-one' };
const body = { action: 'go', timing: { every: '1h' }, callback: 'http://127.0.0.1:9/done' };

it('50 parallel identical creates make one schedule, and 50 answers that a retry may count on', async () => {
	const create = async () => bed.admin.post('/rows/schedule', body, { headers });
	const answers = await Promise.all(Array.from({ length: 50 }, create));
	// One that comes while the first is under way is told to come back; then it gets the answer too.
	// Repeats hold the key as well while they are answered, so they go one after another.
	const settled: typeof answers = [];
	for (const answer of answers) settled.push(answer.status === 409 ? await create() : answer);
	for (const answer of answers.filter(({ status }) => status === 409)) {
		expect(answer.body.code).toBe('IDEMPOTENCY_IN_FLIGHT');
	}
	expect(new Set(settled.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
	expect(settled[0]?.status).toBe(201);
	expect((await bed.admin.get('/v1/schedules')).body.items).toHaveLength(1);
	expect(await bed.events('schedule.created')).toHaveLength(1);
});

it('the same key with another body is refused, also after a restart', async () => {
	await bed.restart();
	const other = await bed.admin.post(
		'/rows/schedule',
		{ ...body, timing: { every: '2h' } },
		{ headers },
	);
	expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
	const again = await bed.admin.post('/rows/schedule', body, { headers });
	expect(again.status).toBe(201);
	expect((await bed.admin.get('/v1/schedules')).body.items).toHaveLength(1);
});

it('the same key is free again after a day', async () => {
	bed.clock.advance(86_400_000);
	const later = await bed.admin.post('/rows/schedule', body, { headers });
	expect(later.status).toBe(201);
	expect((await bed.admin.get('/v1/schedules')).body.items).toHaveLength(2);
});
