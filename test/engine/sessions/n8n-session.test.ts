import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';

import { waitsWithin } from '../../../engine/sessions/n8n/n8n-session.ts';
import type { Body } from '../../support/api.ts';
import type { Handler } from '../../support/capability-server.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

/* n8n as it answers, and the engine as it understands it. */

let server: CapabilityServer;
let bed: Bed;
let answer: Handler;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	server.on('/webhook/report', (response, request) => {
		answer(response, request);
	});
});
beforeEach(() => {
	answer = json(200, [{ id: 1 }]);
	server.received.length = 0;
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const json =
	(status: number, body: unknown): Handler =>
	(response) =>
		response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
/** Of n8n 2.41. */
const NOT_REGISTERED = json(404, {
	code: 404,
	message: 'The requested webhook "POST report" is not registered.',
	hint: 'The workflow must be active for a production URL to run successfully.',
});

const register = (settings: object = {}): Promise<void> =>
	bed.register('flow', server.url('/webhook/report'), { binding: { type: 'n8n', ...settings } });
const attemptsOf = async (id: string): Promise<Body[]> => (await bed.run(id)).attempts as Body[];
/** Lets the clock run to the next attempt of a run whose attempt `attempt` has failed. @returns how long */
async function tryAgain(id: string, attempt: number): Promise<number> {
	const { readyAt } = await bed.until(async () => {
		const run = await bed.run(id);
		return run.state === 'retrying' && run.attempt === attempt && run;
	});
	const wait = Date.parse(readyAt as string) - bed.clock.now();
	bed.clock.advance(wait);
	return wait;
}

describe('a workflow behind a webhook', () => {
	it('gets the envelope, signed, and its last node gives the result', async () => {
		await register();
		const run = await bed.runIn(await bed.invoke('flow', { parameters: { region: 'EU' } }));
		expect(run).toMatchObject({ state: 'succeeded', result: { rows: 1 } });
		const [request] = server.received;
		expect(JSON.parse(request?.body ?? '')).toMatchObject({
			parameters: { region: 'EU' },
			mode: 'sync',
		});
		expect(request?.headers['webhook-signature']).toMatch(/^v1,/);
	});

	it.each([
		[{ user: 'n8n', password: 'geheim' }, 'authorization', 'Basic bjhuOmdlaGVpbQ=='],
		[{ headerName: 'X-N8N', headerValue: 'geheim' }, 'x-n8n', 'geheim'],
		[
			{ headerName: 'Authorization', headerValue: 'Bearer geheim' },
			'authorization',
			'Bearer geheim',
		],
	])('shows what %j asks for, and to nobody else', async (settings, header, value) => {
		await register(settings);
		await bed.runIn(await bed.invoke('flow'));
		expect(server.received[0]?.headers[header]).toBe(value);
		const shown = await bed.admin.get('/v1/capabilities/flow');
		expect(shown.text).not.toContain('geheim');
	});

	it('that answers at once and calls back is waited for', async () => {
		await register({ mode: 'async' });
		answer = json(200, { message: 'Workflow was started' });
		const id = await bed.invoke('flow');
		await bed.runIn(id, 'waiting');
		const { callback } = JSON.parse(server.received[0]?.body ?? '');
		const path = new URL(callback.url as string).pathname;
		const client = bed.client(callback.token as string);
		demand(await client.post(path, [{ id: 1 }, { id: 2 }]), 200);
		expect(await bed.runIn(id)).toMatchObject({ state: 'succeeded', result: { rows: 2 } });
	});

	it('that is just being published is tried again, whatever the policy says', async () => {
		await register();
		answer = (response, request) => {
			const known = server.received.length > 2;
			(known ? json(200, {}) : NOT_REGISTERED)(response, request);
		};
		const id = await bed.invoke('flow', { policies: { retry: { attempts: 1 } } });
		expect(await tryAgain(id, 1)).toBe(2_000);
		expect(await tryAgain(id, 2)).toBe(5_000);
		expect((await bed.runIn(id)).state).toBe('succeeded');
		expect((await attemptsOf(id)).map(({ outcome }) => outcome as string)).toEqual([
			'failed',
			'failed',
			'succeeded',
		]);
	});

	it('that answers 409 or 5xx is tried again by the policy', async () => {
		await register();
		for (const status of [409, 500, 503]) {
			answer = json(status, { message: 'not now' });
			const id = await bed.invoke('flow');
			await bed.runIn(id, 'retrying');
			answer = json(200, {});
			await tryAgain(id, 1);
			expect((await bed.runIn(id)).state).toBe('succeeded');
		}
	});

	it.each([
		['of the workflow itself', 404, { message: 'no such customer' }],
		[
			'for another method',
			404,
			{
				message:
					'This webhook is not registered for POST requests. Did you mean to make a GET request?',
			},
		],
		['that is no', 403, { message: 'Authorization data is wrong!' }],
	])('an answer %s is final, and pauses nothing', async (_, status, body) => {
		await register();
		answer = json(status, body);
		const run = await bed.runIn(await bed.invoke('flow'));
		expect(run).toMatchObject({ state: 'failed', error: { code: 'TARGET_REFUSED' } });
		expect(run.attempts).toHaveLength(1);
	});
});

describe('a workflow that was unpublished while nobody told the engine', () => {
	it('leaves a schedule that is paused, with a reason and an event, and can go on', async () => {
		await register();
		answer = NOT_REGISTERED;
		const { scheduleId } = await bed.schedule('flow', { timing: { every: '1h' } });
		const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
		const waits: number[] = [];
		for (let n = 1; n <= 7; n++) waits.push((await tryAgain(body.id as string, n)) / 1000);
		// three minutes, unless the operator says otherwise
		expect(waits).toEqual([2, 5, 10, 20, 40, 60, 43]);
		const run = await bed.runIn(body.id as string);
		expect(run).toMatchObject({ state: 'failed', error: { code: 'TARGET_REFUSED' } });
		expect(run.error.message).toContain('the workflow is not published');
		const schedule = await bed.admin.get(`/v1/schedules/${scheduleId}`);
		expect(schedule.body).toMatchObject({ status: 'paused', pauseReason: 'webhook_missing' });
		const [event] = await bed.events('schedule.paused');
		expect(event).toMatchObject({
			subject: { scheduleId },
			data: { reason: 'webhook_missing', message: expect.stringContaining('not published') },
		});
		answer = json(200, {});
		demand(await bed.admin.post(`/v1/schedules/${scheduleId}/resume`), 200);
		const again = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
		expect((await bed.runIn(again.body.id as string)).state).toBe('succeeded');
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});
});

test.each([
	[0, []],
	[1_000, [1_000]],
	[20_000, [2_000, 5_000, 10_000, 3_000]],
	[197_000, [2_000, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000]],
])('within %i ms n8n is asked again after %j', (total, waits) => {
	expect(waitsWithin(total)).toEqual(waits);
});

describe('the run before', () => {
	const triggered = async (scheduleId: string): Promise<Body> => {
		const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
		return bed.runIn(body.id as string);
	};

	it('is told to those that ask for it, if it succeeded, and to nobody else', async () => {
		await register({ previous: true });
		const { scheduleId } = await bed.schedule('flow', { timing: { every: '1h' } });
		const first = await triggered(scheduleId as string);
		answer = json(400, {});
		expect((await triggered(scheduleId as string)).state).toBe('failed');
		answer = json(200, []);
		await triggered(scheduleId as string);
		const told = server.received.map(({ body }) => JSON.parse(body).previous);
		expect(told[0]).toBeNull();
		expect(told[2]).toEqual({
			runId: first.id,
			nominalAt: null,
			resultAt: expect.any(String),
			rows: 1,
			size: 10,
			contentType: 'application/json',
			sha256: first.result.sha256,
		});
		await register();
		server.received.length = 0;
		await triggered(scheduleId as string);
		expect(JSON.parse(server.received[0]?.body ?? '')).not.toHaveProperty('previous');
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});
});

describe('the binding', () => {
	it.each([
		[{ headerValue: 'x' }, 'binding.headerName'],
		[{ password: 'x' }, 'binding.user'],
		[{ user: 'a', password: 'x', headerName: 'x-a', headerValue: 'x' }, 'binding.user'],
		[{ method: 'GET' }, 'binding.method'],
	])('refuses %j', async (settings, path) => {
		const { body } = await bed.admin.put('/v1/capabilities/flow', {
			actions: { go: {} },
			binding: { type: 'n8n', url: server.url('/webhook/report'), ...settings },
		});
		expect(body).toMatchObject({ code: 'BINDING_INVALID', errors: [{ path }] });
	});

	it('is listed, and takes a key that may write capabilities and nothing else', async () => {
		const { body } = await bed.admin.get('/v1/bindings');
		expect(body.items.map(({ type }: Body) => type)).toContain('n8n');
		const client = bed.client(await bed.keyOf(['capabilities:write']));
		const manifest = {
			actions: { go: {} },
			binding: { type: 'n8n', url: server.url('/webhook/report') },
		};
		demand(await client.put('/v1/capabilities/by-key', manifest), 201);
		expect((await client.get('/v1/schedules')).status).toBe(403);
		demand(await client.delete('/v1/capabilities/by-key'), 204);
	});
});
