import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body, Client, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
let admin: Client;
let stranger: Client;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine();
	({ admin } = test);
	await registerReports(admin, server);
	stranger = test.client(await test.keyOf(['admin'], { tenant: 'elsewhere' }));
});
afterAll(async () => {
	await test.close();
	await server.close();
});

const order = { action: 'now', timing: { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' } };
const ifMatch = (tag: string) => ({ headers: { 'if-match': tag } });

describe('schedules', () => {
	it('are accepted with their next occurrences and links, and shown again', async () => {
		const { status, body, headers } = await admin.post('/reports/schedule', {
			...order,
			name: 'Daily',
			labels: { team: 'bi' },
		});
		expect(status).toBe(201);
		expect(body).toMatchObject({ status: 'active', warnings: expect.any(Array) });
		expect(body.nextOccurrences).toHaveLength(5);
		expect(headers.get('location')).toBe(body.links.self);
		expect(headers.get('etag')).toBe('"1"');
		const shown = await admin.get(new URL(body.links.self as string).pathname);
		expect(shown.body).toMatchObject({
			id: body.scheduleId,
			name: 'Daily',
			timing: { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' },
			nextOccurrences: body.nextOccurrences,
		});
	});

	it('pause, resume and go, each under its revision', async () => {
		const { body } = await admin.post('/reports/schedule', order);
		const path = `/v1/schedules/${body.scheduleId}`;
		expect((await admin.post(`${path}/pause`, undefined, ifMatch('"7"'))).status).toBe(412);
		const paused = await admin.post(`${path}/pause`, undefined, ifMatch('"1"'));
		expect(paused).toMatchObject({
			status: 200,
			body: { status: 'paused', nextOccurrenceAt: null },
		});
		const tag = paused.headers.get('etag') ?? '';
		expect((await admin.post(`${path}/resume`, undefined, ifMatch(tag))).body.status).toBe(
			'active',
		);
		expect((await admin.delete(path, ifMatch(tag))).status).toBe(412);
		expect((await admin.delete(path, ifMatch('W/"3"'))).status).toBe(412);
		expect((await admin.delete(path, ifMatch('3'))).status).toBe(400);
		expect((await admin.delete(path, ifMatch('*'))).status).toBe(204);
		for (const gone of [
			await admin.get(path),
			await admin.delete(path),
			await admin.post(`${path}/trigger`),
		]) {
			expect(gone.status).toBe(404);
		}
	});

	it('are listed by state, capability, name and label, page by page', async () => {
		const label = { tier: 'paged:x' };
		for (let i = 0; i < 5; i++)
			await admin.post('/reports/schedule', { ...order, name: `paged ${i}`, labels: label });
		const query = '/v1/schedules?limit=2&label=tier:paged:x&status=active&capability=reports';
		const names: string[] = [];
		let cursor: string | null = '';
		do {
			const { body }: { body: Body } = await admin.get(
				cursor === '' ? query : `${query}&cursor=${cursor}`,
			);
			names.push(...body.items.map(({ name }: Body) => name as string));
			cursor = body.nextCursor as string | null;
			// what is written meanwhile disturbs no page
			await admin.post('/reports/schedule', { ...order, name: 'between', labels: {} });
		} while (cursor !== null);
		expect(names.sort()).toEqual(Array.from({ length: 5 }, (_, i) => `paged ${i}`));
		expect((await admin.get('/v1/schedules?name=paged%203')).body.items).toHaveLength(1);
		expect((await admin.get('/v1/schedules?cursor=nonsense')).status).toBe(400);
	});

	it('show what became of their occurrences', async () => {
		const { body } = await admin.post('/reports/schedule', { action: 'now', time: 'in 1s' });
		const path = `/v1/schedules/${body.scheduleId}/occurrences`;
		const rows = async (): Promise<Body[]> =>
			(await admin.get(`${path}?outcome=decided&from=2020-01-01T00:00:00Z`)).body.items as Body[];
		while ((await rows()).length === 0) await new Promise(setImmediate);
		expect(await rows()).toMatchObject([
			{ outcome: 'fired', runId: expect.stringMatching(/^run_/) },
		]);
		expect((await admin.get(`${path}?to=2020-01-01T00:00:00Z`)).body.items).toEqual([]);
		expect((await admin.get(`${path}?from=yesterday`)).status).toBe(400);
	});

	it('run when triggered', async () => {
		const { body } = await admin.post('/reports/schedule', order);
		const {
			status,
			body: run,
			headers,
		} = await admin.post(`/v1/schedules/${body.scheduleId}/trigger`);
		expect({ status, trigger: run.trigger }).toEqual({ status: 202, trigger: 'manual' });
		expect(headers.get('location')).toBe(`${test.url}/v1/runs/${run.id}`);
		expect((await admin.get(`/v1/runs?scheduleId=${body.scheduleId}`)).body.items).toHaveLength(1);
	});
});

describe('capabilities', () => {
	const manifest = () => ({
		actions: { go: {} },
		binding: { type: 'http', url: server.url('/reports') },
	});

	it('are registered, replaced under their revision, and removed', async () => {
		const path = '/v1/capabilities/tools';
		expect((await admin.put(path, manifest(), ifMatch('*'))).status).toBe(412);
		const made = await admin.put(path, manifest());
		expect({ status: made.status, tag: made.headers.get('etag') }).toEqual({
			status: 201,
			tag: '"1"',
		});
		expect(made.body.secrets.secret).toMatch(/^whsec_/);
		const again = await admin.put(path, { ...manifest(), title: 'Tools' }, ifMatch('"1"'));
		expect(again).toMatchObject({ status: 200, body: { revision: 2, title: 'Tools' } });
		expect((await admin.put(path, manifest(), ifMatch('"1"'))).status).toBe(412);
		const shown = await admin.get(path);
		expect(shown.text).not.toContain(made.body.secrets.secret);
		expect(
			(await admin.get('/v1/capabilities')).body.items.map(({ name }: Body) => name as string),
		).toContain('tools');
		expect((await admin.delete(path, ifMatch('"2"'))).status).toBe(204);
		expect((await admin.get(path)).status).toBe(404);
	});

	it('stay while schedules use them', async () => {
		await admin.put('/v1/capabilities/used', manifest());
		await admin.post('/used/schedule', { action: 'go', frequency: '@daily' });
		expect(await admin.delete('/v1/capabilities/used')).toMatchObject({
			status: 409,
			body: { code: 'IN_USE' },
		});
	});

	it.each(['v1', 'docs', 'r', 'healthz'])('may not be called %s', async (name) => {
		expect((await admin.put(`/v1/capabilities/${name}`, manifest())).status).toBe(400);
	});
});

describe('destinations', () => {
	it('are made, found by name, replaced and deleted; secrets are shown once', async () => {
		const input = { name: 'sink', channel: 'webhook', settings: { url: server.url('/in') } };
		const { status, body, headers } = await admin.post('/v1/destinations', input);
		expect(status).toBe(201);
		const [secret] = Object.values(body.secrets as Record<string, string>);
		const path = new URL(headers.get('location') ?? '').pathname;
		expect((await admin.get(path)).text).not.toContain(secret);
		expect(await admin.post('/v1/destinations', input)).toMatchObject({
			status: 409,
			body: { code: 'NAME_TAKEN' },
		});
		const off = await admin.put(path, { ...input, enabled: false }, ifMatch('"1"'));
		expect(off).toMatchObject({ status: 200, body: { enabled: false, revision: 2 } });
		expect((await admin.delete(path, ifMatch('"1"'))).status).toBe(412);
		expect((await admin.delete(path)).status).toBe(204);
	});
});

describe('runs', () => {
	it('wait for their end when asked, and only then', async () => {
		const path = '/v1/capabilities/reports/actions/later/invoke';
		expect(await admin.post(path, {})).toMatchObject({ status: 202, body: { state: 'queued' } });
		const waited = await admin.post(path, {}, { headers: { prefer: 'respond-async, wait=1' } });
		expect(waited.status).toBe(202);
		expect(waited.body.state).toBe('waiting');
		const cancelled = await admin.post(`/v1/runs/${waited.body.id}/cancel`);
		expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } });
	});

	it('are listed by state and rerun', async () => {
		const run = await finishedRun(admin);
		const again = await admin.post(`/v1/runs/${run.id}/rerun`);
		expect(again).toMatchObject({ status: 202, body: { trigger: 'rerun' } });
		const { body } = await admin.get('/v1/runs?state=succeeded&capability=reports&limit=200');
		expect(body.items.map(({ id }: Body) => id as string)).toContain(run.id);
		expect(await admin.post(`/v1/runs/${run.id}/cancel`)).toMatchObject({
			status: 409,
			body: { code: 'RUN_OVER' },
		});
	});
});

describe('the catalogue', () => {
	it.each(['formats', 'channels', 'bindings'])(
		'lists %s with the schemas of their options',
		async (what) => {
			const { body } = await admin.get(`/v1/${what}`);
			expect(body.items.length).toBeGreaterThan(0);
			for (const { options, settings } of body.items) {
				const { type, anyOf, oneOf } = options ?? settings;
				expect(type ?? anyOf ?? oneOf).toBeDefined();
			}
		},
	);
});

describe('what belongs to another tenant', () => {
	it('is not there, whatever is tried', async () => {
		const run = await finishedRun(admin);
		const schedule = (await admin.post('/reports/schedule', order)).body.scheduleId as string;
		const destination = (
			await admin.post('/v1/destinations', {
				name: 'mine',
				channel: 'webhook',
				settings: { url: server.url('/in') },
			})
		).body;
		const link = (await admin.post(`/v1/runs/${run.id}/links`, {})).body.link.id as string;
		const key = (await admin.get('/v1/keys')).body.items[0].id as string;
		const manifest = { name: 'mine', channel: 'webhook', settings: { url: server.url('/in') } };
		const tries: [string, string, unknown?][] = [
			['POST', '/reports/schedule', order],
			['GET', '/v1/capabilities/reports'],
			['DELETE', '/v1/capabilities/reports'],
			['POST', '/v1/capabilities/reports/actions/now/invoke', {}],
			...['GET', 'DELETE'].map((method): [string, string] => [method, `/v1/schedules/${schedule}`]),
			...['pause', 'resume', 'trigger'].map((act): [string, string] => [
				'POST',
				`/v1/schedules/${schedule}/${act}`,
			]),
			['GET', `/v1/schedules/${schedule}/occurrences`],
			['GET', `/v1/runs/${run.id}`],
			['GET', `/v1/runs/${run.id}/result`],
			...['cancel', 'rerun', 'links'].map((act): [string, string] => [
				'POST',
				`/v1/runs/${run.id}/${act}`,
			]),
			['DELETE', `/v1/links/${link}`],
			['GET', `/v1/destinations/${destination.id}`],
			['PUT', `/v1/destinations/${destination.id}`, manifest],
			['DELETE', `/v1/destinations/${destination.id}`],
			['DELETE', `/v1/keys/${key}`],
		];
		for (const [method, path, body] of tries) {
			const { status } = await stranger.send(method, path, body === undefined ? {} : { body });
			expect({ method, path, status }).toEqual({ method, path, status: 404 });
		}
		for (const list of [
			'schedules',
			'runs',
			'capabilities',
			'destinations',
			'deliveries',
			'dead-letters',
		]) {
			expect((await stranger.get(`/v1/${list}`)).body.items).toEqual([]);
		}
	});

	it('stays hidden from keys that may use other capabilities only', async () => {
		const limited = test.client(await test.keyOf(['admin'], { capabilities: ['tools'] }));
		const run = await finishedRun(admin);
		expect((await limited.get(`/v1/runs/${run.id}`)).status).toBe(404);
		expect((await limited.get('/v1/runs')).body.items).toEqual([]);
		expect((await limited.post('/reports/schedule', order)).status).toBe(404);
		expect((await limited.get('/v1/me')).body).toMatchObject({
			tenant: 'default',
			capabilities: ['tools'],
		});
	});
});

describe('operations', () => {
	it('are open to probes', async () => {
		const nobody = test.client();
		expect(await nobody.get('/healthz?probe=1')).toMatchObject({
			status: 200,
			body: { status: 'ok' },
		});
		expect(await nobody.get('/readyz')).toMatchObject({
			status: 200,
			body: { ready: true, reasons: [] },
		});
		const { text } = await nobody.get('/metrics');
		expect(text).toMatch(/capscheduler_http_requests_total\{.*route="\/healthz".*status="200"/);
	});

	it('show the reference as a page under a strict policy', async () => {
		const page = await test.client().get('/docs');
		expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
		expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe|\*/);
		expect((await test.client().get('/docs/style.css')).headers.get('content-type')).toBe(
			'text/css; charset=utf-8',
		);
		expect((await test.client().get('/openapi.json')).body.servers).toEqual([{ url: test.url }]);
	});
});
