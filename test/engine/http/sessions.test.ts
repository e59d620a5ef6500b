import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';

import type { Answer, Body, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine({ CAPSCHEDULER_MAX_BODY_BYTES: '10000' });
	await registerReports(test.admin, server);
});
afterAll(async () => {
	await test.close();
	await server.close();
});

/** A run whose capability has said 202. */
async function openRun(): Promise<{ id: string; token: string }> {
	const { body } = await test.admin.post('/v1/capabilities/reports/actions/later/invoke', {});
	for (;;) {
		const call = server.received
			.map(({ body: text }) => JSON.parse(text))
			.find(({ requestId }) => requestId === body.id);
		if (call !== undefined) return { id: body.id, token: call.callback.token };
		await new Promise(setImmediate);
	}
}

const call = (
	run: { id: string; token: string },
	verb: string,
	body?: unknown,
	headers: Record<string, string> = {},
): Promise<Answer> =>
	test.client(run.token).post(`/v1/sessions/${run.id}/${verb}`, body, { headers });
const stateOf = async (id: string): Promise<Body> => (await test.admin.get(`/v1/runs/${id}`)).body;

describe('a capability that works on', () => {
	it('hands in rows, bytes or an envelope, of any length and zipped', async () => {
		const rows = '{"a":1}\n'.repeat(50_000);
		const handed: [unknown, Record<string, string>, string][] = [
			[{ status: 'succeeded', result: { rows: [{ a: 1 }] } }, {}, 'ndjson'],
			[rows, { 'content-type': 'application/x-ndjson' }, 'ndjson'],
			[
				gzipSync(rows),
				{ 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
				'ndjson',
			],
			['\u0000\u0001', { 'content-type': 'image/png' }, 'bytes'],
		];
		for (const [body, headers, encoding] of handed) {
			const run = await openRun();
			expect((await call(run, 'complete', body, headers)).status).toBe(200);
			expect(await stateOf(run.id)).toMatchObject({ state: 'succeeded', result: { encoding } });
		}
	});

	it('may say so a hundred times at once', async () => {
		const run = await openRun();
		const answers = await Promise.all(
			Array.from({ length: 100 }, () => call(run, 'complete', { done: true })),
		);
		expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
		expect(answers[0]?.status).toBe(200);
		const { body } = await test.admin.get('/v1/events?limit=200', {
			headers: { accept: 'application/json' },
		});
		const ends = body.items.filter(
			(event: Body) => event.subject.runId === run.id && event.type === 'run.succeeded',
		);
		expect(ends).toHaveLength(1);
	});

	it('takes the token in a header of its own too', async () => {
		const run = await openRun();
		const answer = await test.client().post(`/v1/sessions/${run.id}/heartbeat`, undefined, {
			headers: { 'x-session-token': run.token },
		});
		expect(answer).toMatchObject({ status: 200, body: { cancelled: false } });
	});

	it('tells how far it is and hears when to stop', async () => {
		const run = await openRun();
		expect((await call(run, 'progress', { done: 1, of: 2 })).status).toBe(200);
		expect(await stateOf(run.id)).toMatchObject({ progress: { done: 1, of: 2 } });
		await test.admin.post(`/v1/runs/${run.id}/cancel`);
		expect((await call(run, 'heartbeat')).body).toMatchObject({ cancelled: true });
		expect(await call(run, 'complete', {})).toMatchObject({
			status: 409,
			body: { code: 'RUN_OVER' },
		});
	});

	it('says that it failed', async () => {
		const run = await openRun();
		expect((await call(run, 'fail', { code: 'NO_INK', message: 'no ink' })).status).toBe(200);
		expect(await stateOf(run.id)).toMatchObject({ state: 'failed', error: { detail: 'NO_INK' } });
	});
});

describe('whoever has no right to', () => {
	it('is refused: 401 for a forged token, 404 for one of another run, 409 for a late one', async () => {
		const [one, other] = [await openRun(), await openRun()];
		const forged = one.token.slice(0, -1) + (one.token.endsWith('A') ? 'B' : 'A');
		for (const verb of ['complete', 'fail', 'heartbeat', 'progress']) {
			const body = verb === 'heartbeat' ? undefined : {};
			expect(await call({ id: one.id, token: forged }, verb, body)).toMatchObject({
				status: 401,
				body: { code: 'TOKEN_INVALID' },
			});
			expect(await call({ id: one.id, token: other.token }, verb, body)).toMatchObject({
				status: 404,
			});
			const none = await test.client().post(`/v1/sessions/${one.id}/${verb}`, body);
			expect(none.status).toBe(401);
		}
		await call(one, 'complete', {});
		expect(await call(one, 'progress', {})).toMatchObject({
			status: 409,
			body: { code: 'RUN_OVER' },
		});
		expect(await stateOf(other.id)).toMatchObject({
			state: expect.stringMatching(/running|waiting/),
		});
	});

	it('cannot use an API key or a run that is over', async () => {
		const run = await finishedRun(test.admin);
		expect((await test.admin.post(`/v1/sessions/${run.id}/complete`, {})).status).toBe(401);
	});
});
