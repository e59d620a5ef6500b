import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Client, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { holdCalls } from '../../support/held-target.ts';
import { registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
let admin: Client;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine({ CAPSCHEDULER_DRAIN: '60s' });
	({ admin } = test);
	await registerReports(admin, server);
});
afterAll(async () => {
	await test.close();
	await server.close();
});

const manifest = { actions: { go: {} }, binding: { type: 'http', url: 'https://example.org/' } };

describe('names in paths', () => {
	it.each(['v1', 'docs', 'healthz', 'Health', 'a b', 'constructor', 'x'.repeat(64)])(
		'no capability is registered as %j',
		async (name) => {
			const { status, body } = await admin.put(
				`/v1/capabilities/${encodeURIComponent(name)}`,
				manifest,
			);
			expect({ status, code: body.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
			expect(body.errors).toEqual([
				{
					path: 'capability',
					expected: expect.stringMatching(/^a name /),
					received: JSON.stringify(name),
				},
			]);
		},
	);

	it('no action is called constructor', async () => {
		const actions = JSON.parse('{"constructor":{}}') as object;
		expect((await admin.put('/v1/capabilities/odd', { ...manifest, actions })).status).toBe(400);
		const path = '/v1/capabilities/reports/actions/constructor/invoke';
		expect((await admin.post(path)).status).toBe(404);
	});

	it('an id of the wrong form names nothing, and the answer says what form it has', async () => {
		const { status, body } = await admin.get('/v1/runs/run_x');
		expect({ status, code: body.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
		expect(body.errors).toEqual([
			{ path: 'id', expected: 'an id like run_01j…', received: '"run_x"' },
		]);
	});
});

describe('positions', () => {
	it.each(['/v1/schedules', '/v1/runs', '/v1/deliveries', '/v1/capabilities'])(
		'%s names a bad cursor as part of the query',
		async (path) => {
			const { status, body } = await admin.get(`${path}?cursor=nonsense`);
			expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'query.cursor' });
		},
	);

	it.each(['evt_zzz', 'nonsense'])('a bad Last-Event-ID is named: %s', async (seen) => {
		const headers = { 'last-event-id': seen, accept: 'text/event-stream' };
		const { status, body } = await admin.get('/v1/events', { headers });
		expect(status).toBe(400);
		expect(body.errors[0].path).toBe('header Last-Event-ID');
		const page = await admin.get(`/v1/events?after=${seen}`);
		expect(page.body.errors[0].path).toBe('query.after');
	});
});

it('the bare address leads to the reference', async () => {
	const answer = await fetch(test.url, { redirect: 'manual' });
	expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({
		status: 302,
		to: '/docs',
	});
});

it('a local time that the clocks jump over is accepted with a warning', async () => {
	// the last Sunday of a March that is always to come
	const year = new Date(test.engine.context.clock.now()).getUTCFullYear() + 1;
	const end = new Date(Date.UTC(year, 2, 31));
	const day = 31 - end.getUTCDay();
	const timing = { at: `${year}-03-${day}T02:30:00`, timeZone: 'Europe/Berlin' };
	const { status, body } = await admin.post('/reports/schedule', { action: 'now', timing });
	expect(status).toBe(201);
	expect(body.warnings).toEqual([
		{ code: 'AT_SHIFTED', message: expect.stringContaining('shifted to 03:30') },
	]);
});

it('takes no new work while it drains, but still reads and callbacks', async () => {
	const { url, calls } = holdCalls(server, '/held');
	await admin.put('/v1/capabilities/held', { ...manifest, binding: { type: 'http', url } });
	const { body: schedule } = await admin.post('/held/schedule', { action: 'go', time: 'in 1h' });
	const { body: run } = await admin.post('/v1/capabilities/held/actions/go/invoke');
	const call = await calls.next();

	const stopped = test.engine.stop();
	const work: [string, unknown][] = [
		['/held/schedule', { action: 'go', time: 'in 1h' }],
		['/v1/capabilities/held/actions/go/invoke', {}],
		[`/v1/schedules/${schedule.scheduleId}/trigger`, undefined],
		[`/v1/runs/${run.id}/rerun`, undefined],
		['/v1/deliveries/dlv_01kbrj7v2x9m4c8d1e5f6g7h8j/replay', undefined],
		['/v1/dead-letters/replay', undefined],
	];
	for (const [path, body] of work) {
		const refused = await admin.post(path, body);
		expect({ path, status: refused.status, code: refused.body.code }).toEqual({
			path,
			status: 503,
			code: 'DRAINING',
		});
		expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
	}
	expect((await admin.get(`/v1/runs/${run.id}`)).body.state).toBe('running');
	expect((await admin.get('/readyz')).status).toBe(503);
	const heartbeat = `/v1/sessions/${run.id}/heartbeat`;
	const token = call.envelope.callback.token as string;
	expect((await test.client(token).post(heartbeat)).status).toBe(200);

	call.answer(200, { status: 'succeeded', result: { rows: [] } });
	await stopped;
});
