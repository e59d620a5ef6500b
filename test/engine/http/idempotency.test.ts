import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ROUTES } from '../../../engine/http/routes/index.ts';
import type { TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine();
	await registerReports(test.admin, server);
});
afterAll(async () => {
	await test.close();
	await server.close();
});

const order = {
	action: 'now',
	frequency: 'every 1h',
	notify: [{ url: 'http://127.0.0.1:9/done' }],
};
const once = (key: string) => ({ headers: { 'idempotency-key': key } });

describe('Idempotency-Key', () => {
	it('is heeded by every POST whose document says so', () => {
		const deaf = ROUTES.filter(
			(route) =>
				route.auth === 'key' &&
				route.method === 'post' &&
				Object.values(route.answers).some(({ schema }) => schema !== undefined) &&
				route.answerKept !== true &&
				!/\bonce\b/.test(String(route.handle)),
		);
		expect(deaf.map(({ id }) => id)).toEqual([]);
	});

	it('of a request that writes nothing is kept as well', async () => {
		const body = { timing: { every: '1h' }, count: 1 };
		const ask = async (sent: object) =>
			test.admin.post('/v1/timing/preview', sent, once('preview'));
		const first = await ask(body);
		const again = await ask(body);
		expect([first.status, again.text]).toEqual([200, first.text]);
		expect(again.headers.get('idempotent-replayed')).toBe('true');
		expect((await ask({ ...body, count: 2 })).body.code).toBe('IDEMPOTENCY_MISMATCH');
	});

	it('makes one schedule of 50 parallel identical creates', async () => {
		const key = 'fifty';
		const named = { ...order, name: 'fifty' };
		const answers = await Promise.all(
			Array.from({ length: 50 }, () => test.admin.post('/reports/schedule', named, once(key))),
		);
		const ids = new Set(
			answers.filter(({ status }) => status === 201).map(({ body }) => body.scheduleId as string),
		);
		expect(ids.size).toBe(1);
		for (const { status, body, headers } of answers) {
			if (status === 201) continue;
			expect({ status, code: body.code, wait: headers.get('retry-after') }).toEqual({
				status: 409,
				code: 'IDEMPOTENCY_IN_FLIGHT',
				wait: '1',
			});
		}
		const { body } = await test.admin.get('/v1/schedules?name=fifty');
		expect(body.items).toHaveLength(1);
	});

	it('gives the same answer again, secrets included, and says so', async () => {
		const first = await test.admin.post('/reports/schedule', order, once('again'));
		const again = await test.admin.post('/reports/schedule', order, once('again'));
		expect(first.status).toBe(201);
		expect(Object.values(first.body.secrets as Record<string, string>)).toEqual([
			expect.stringMatching(/^whsec_/),
		]);
		expect(again.text).toBe(first.text);
		expect(again.headers.get('location')).toBe(first.headers.get('location'));
		expect(first.headers.get('idempotent-replayed')).toBeNull();
		expect(again.headers.get('idempotent-replayed')).toBe('true');
	});

	it('refuses another body, another path and another query under the same key', async () => {
		await test.admin.post('/reports/schedule', order, once('other'));
		const body = await test.admin.post('/reports/schedule', { ...order, name: 'x' }, once('other'));
		const path = await test.admin.post(
			'/v1/keys',
			{ name: 'x', scopes: ['runs:read'] },
			once('other'),
		);
		for (const { status, body: problem } of [body, path]) {
			expect({ status, code: problem.code }).toEqual({ status: 422, code: 'IDEMPOTENCY_MISMATCH' });
		}
	});

	it('may be any visible ASCII', async () => {
		const key = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i));
		const first = await test.admin.post('/reports/schedule', order, once(key));
		const again = await test.admin.post('/reports/schedule', order, once(key));
		expect(first.status).toBe(201);
		expect(again.text).toBe(first.text);
	});

	it('belongs to its tenant', async () => {
		const foreign = test.client(await test.keyOf(['admin'], { tenant: 'other' }));
		const input = { name: 'x', scopes: ['runs:read'] };
		const mine = await test.admin.post('/v1/keys', input, once('tenants'));
		const theirs = await foreign.post('/v1/keys', input, once('tenants'));
		expect(theirs.status).toBe(201);
		expect(theirs.body.key.id).not.toBe(mine.body.key.id);
	});

	it.each(['', 'with space', 'ü', 'x'.repeat(201)])('refuses the form %j', async (key) => {
		const { status } = await test.admin.post(
			'/v1/dead-letters/replay',
			{},
			once(encodeURI(key) === key ? key : 'a b'),
		);
		expect(status).toBe(400);
	});

	it('repeats an invocation that waited with its end, not with its beginning', async () => {
		const ask = { headers: { 'idempotency-key': 'wait', prefer: 'wait=30' } };
		const path = '/v1/capabilities/reports/actions/now/invoke';
		const first = await test.admin.post(path, {}, ask);
		const again = await test.admin.post(path, {}, ask);
		expect(first.headers.get('preference-applied')).toBe('wait=30');
		expect(first).toMatchObject({ status: 200, body: { state: 'succeeded' } });
		expect(again).toMatchObject({ status: 200, body: { id: first.body.id, state: 'succeeded' } });
	});

	it('covers reruns, triggers, links and destinations', async () => {
		const run = await finishedRun(test.admin);
		const schedule = await test.admin.post('/reports/schedule', order);
		const posts: [string, unknown][] = [
			[`/v1/runs/${run.id}/rerun`, undefined],
			[`/v1/runs/${run.id}/links`, {}],
			[`/v1/schedules/${schedule.body.scheduleId}/trigger`, undefined],
			[
				'/v1/destinations',
				{ name: 'sink', channel: 'webhook', settings: { url: 'http://127.0.0.1:9/' } },
			],
		];
		for (const [path, body] of posts) {
			const first = await test.admin.post(path, body, once(`once ${path}`.replaceAll(' ', '-')));
			const again = await test.admin.post(path, body, once(`once ${path}`.replaceAll(' ', '-')));
			expect(first.status).toBeLessThan(300);
			expect(again.text).toBe(first.text);
			expect(again.headers.get('idempotent-replayed')).toBe('true');
		}
	});
});
