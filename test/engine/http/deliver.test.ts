import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Answer, Body, Client } from '../../support/api.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const ROWS = [{ id: 1, name: 'Zoë' }];
const CSV = 'id,name\r\n1,Zoë\r\n';

let bed: Bed;
let hook: Receiver;
let other: Receiver;
beforeAll(async () => {
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
});
beforeEach(async () => {
	[hook, other] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(async () => {
	await Promise.all([hook.close(), other.close()]);
});
afterAll(() => bed.close());

const status = (receiver: Receiver, code: number): void => {
	receiver.answer = (_request, response) => response.writeHead(code).end();
};
const webhook = (receiver: Receiver, more: object = {}): object => ({
	channel: 'webhook',
	settings: { url: receiver.url, secret: SECRET },
	format: 'csv',
	...more,
});
interface Asked {
	client?: Client;
	body?: unknown;
	headers?: Record<string, string>;
}
/** Headers are ASCII, so everything else is escaped. */
const inHeader = (value: unknown): string =>
	JSON.stringify(value).replaceAll(
		/[\u0080-\uffff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
const deliver = (
	options: object,
	{ client = bed.admin, body = ROWS, headers }: Asked = {},
): Promise<Answer> =>
	client.post('/v1/deliver', body, {
		headers: { 'capscheduler-options': inHeader(options), ...headers },
	});
const WAIT = { prefer: 'wait=30' };
const targets = (...list: object[]): object => ({ delivery: { targets: list } });

describe('POST /v1/deliver', () => {
	it('delivers rows to an inline target and a destination, and answers with receipts', async () => {
		demand(
			await bed.admin.post('/v1/destinations', {
				name: 'out',
				channel: 'file',
				settings: { folder: 'one-off' },
			}),
			201,
		);
		const options = {
			name: 'Größen',
			...targets(webhook(hook), { destination: 'out', format: 'csv' }),
		};
		const { status: code, body } = await deliver(options, { headers: WAIT });
		expect([code, body.state]).toEqual([200, 'delivered']);
		expect(body.deliveries.map(({ state }: Body) => state)).toEqual(['delivered', 'delivered']);
		expect(body.deliveries[1].receipt).toMatchObject({ channel: 'file', size: 17 });
		expect(await readFile(join(bed.folder, 'out', 'one-off', 'Größen.csv'), 'utf8')).toBe(CSV);
		expect(hook.received[0]?.body.toString()).toBe(CSV);
		expect(hook.received[0] && signatureHolds(hook.received[0], SECRET)).toBe(true);
		expect(body).toMatchObject({ link: null, result: { rows: 1, encoding: 'json' } });
	});

	it('delivers a file as it came, under its own name', async () => {
		const bytes = Buffer.from([0, 1, 2, 255]);
		const { body } = await deliver(
			{ name: 'scan.tiff', ...targets(webhook(hook, { format: 'raw' })) },
			{ body: bytes, headers: { ...WAIT, 'content-type': 'image/tiff' } },
		);
		expect(body.state).toBe('delivered');
		const [received] = hook.received;
		expect(received?.body).toEqual(bytes);
		expect(received?.headers).toMatchObject({
			'content-type': 'image/tiff',
			'content-disposition': expect.stringContaining('scan.tiff'),
		});
	});

	it('answers at once with ids to ask for, and the ledger has it as a run that is over', async () => {
		const answer = await deliver(targets(webhook(hook)));
		expect([answer.status, answer.body.state]).toEqual([202, 'pending']);
		expect(answer.headers.get('location')).toBe(`${bed.url}/v1/runs/${answer.body.runId}`);
		await bed.deliveryIn(answer.body.deliveries[0].id, 'delivered');
		expect(await bed.run(answer.body.runId)).toMatchObject({
			state: 'succeeded',
			trigger: 'upload',
			capability: 'upload',
			action: 'deliver',
			attempts: [],
			deliveries: [{ state: 'delivered' }],
		});
		expect((await bed.admin.get(`/v1/runs/${answer.body.runId}/result?format=csv`)).text).toBe(CSV);
		const rerun = await bed.admin.post(`/v1/runs/${answer.body.runId}/rerun`);
		expect([rerun.status, rerun.body.code]).toEqual([409, 'CONFLICT']);
		expect(await bed.engine.context.store.doctor(bed.clock.now())).toEqual([]);
	});

	it('makes a result link instead of pushing, or besides', async () => {
		const pull = await deliver({ delivery: { format: 'csv', link: { maxUses: 1 } } });
		expect(pull.status).toBe(200);
		const path = (pull.body.link.url as string).slice(bed.url.length);
		expect((await bed.client().get(path)).text).toBe(CSV);
		expect((await bed.client().get(path)).status).toBe(410);
		const both = await deliver(
			{ delivery: { mode: 'both', targets: [webhook(hook)] } },
			{ headers: WAIT },
		);
		expect(both.body).toMatchObject({ state: 'delivered', link: { link: { format: 'auto' } } });
		expect(hook.received).toHaveLength(1);
	});

	it('is tried again, survives a restart of the engine, and brings the same bytes', async () => {
		status(hook, 503);
		const { body } = await deliver(targets(webhook(hook)));
		const [{ id }] = body.deliveries;
		await bed.deliveryIn(id, 'failed');
		status(hook, 200);
		await bed.restart(60_000);
		await bed.deliveryIn(id, 'delivered');
		expect(hook.received.map(({ sha256 }) => sha256)).toEqual([
			hook.received[0]?.sha256,
			hook.received[0]?.sha256,
		]);
	});

	it('goes the way of its fallback, and says so when it is waited for', async () => {
		status(hook, 302);
		const fallback = [{ channel: 'webhook', settings: { url: other.url } }];
		const { body } = await deliver(targets(webhook(hook, { fallback })), { headers: WAIT });
		expect(body.state).toBe('delivered');
		expect(body.deliveries.map(({ state }: Body) => state)).toEqual(['dead', 'delivered']);
		expect(other.received[0]?.body.toString()).toBe(CSV);
		// made by the engine for the fallback, and shown this once
		expect(Object.keys(body.secrets)).toEqual(['delivery.targets[0].fallback[0].settings.secret']);
	});

	it('dies, is a dead letter, and is replayed with identical bytes', async () => {
		status(hook, 302);
		const { body, status: code } = await deliver(targets(webhook(hook)), { headers: WAIT });
		expect([code, body.state]).toEqual([200, 'dead']);
		const [{ id }] = body.deliveries;
		status(hook, 200);
		demand(await bed.admin.post(`/v1/deliveries/${id}/replay`), 202);
		await bed.deliveryIn(id, 'delivered');
		expect(hook.received[1]?.sha256).toBe(hook.received[0]?.sha256);
	});

	it.each([
		['has_rows', [], 'skipped'],
		['no_rows', [], 'delivered'],
		['has_rows', ROWS, 'delivered'],
	])('sends %s of %j: %s', async (when, body, state) => {
		const answer = await deliver(targets(webhook(hook, { when })), { body, headers: WAIT });
		expect(answer.body.deliveries[0].state).toBe(state);
	});

	it('tells somebody by a signed callback', async () => {
		const { body } = await deliver({ ...targets(webhook(hook)), callback: other.url });
		const told = await other.next();
		const { data } = JSON.parse(told.body.toString());
		expect(data).toMatchObject({ runId: body.runId, deliveries: [{ state: 'delivered' }] });
		expect(body.secrets.callback).toMatch(/^whsec_/);
	});

	it('happens once for one Idempotency-Key, and not at all for another body or target', async () => {
		const options = targets(webhook(hook));
		const headers = { 'idempotency-key': 'k-1' };
		const first = await deliver(options, { headers });
		const again = await deliver(options, { headers });
		expect([again.status, again.body]).toEqual([202, first.body]);
		expect(again.headers.get('idempotent-replayed')).toBe('true');
		const body = [{ id: 2 }];
		for (const changed of [
			await deliver(options, { headers, body }),
			await deliver(targets(webhook(other)), { headers }),
		]) {
			expect([changed.status, changed.body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
		}
		await bed.deliveryIn(first.body.deliveries[0].id, 'delivered');
		expect((await deliver(options, { headers: { ...headers, ...WAIT } })).body).toMatchObject({
			runId: first.body.runId,
			state: 'delivered',
		});
		expect(hook.received).toHaveLength(1);
		expect(other.received).toHaveLength(0);
	});

	it.each([
		[
			'a name that no destination has',
			targets({ destination: 'nowhere' }),
			422,
			'DESTINATION_UNKNOWN',
		],
		['a channel that is none', targets({ channel: 'pigeon' }), 422, 'CHANNEL_UNKNOWN'],
		['an unknown field', { target: [] }, 400, 'INVALID_REQUEST'],
		[
			'a condition on the last one',
			targets({ channel: 'webhook', settings: { url: 'http://127.0.0.1:9/' }, when: 'changed' }),
			400,
			'INVALID_REQUEST',
		],
		[
			'a private address',
			targets({ channel: 'webhook', settings: { url: 'http://10.0.0.1/' } }),
			422,
			'EGRESS_BLOCKED',
		],
	])('refuses %s, and keeps nothing', async (_, options, code, name) => {
		const before = (await bed.admin.get('/v1/runs')).body.items.length;
		const answer = await deliver(options);
		expect([answer.status, answer.body.code]).toEqual([code, name]);
		expect((await bed.admin.get('/v1/runs')).body.items).toHaveLength(before);
	});

	it('refuses what cannot be what it is to become, or is no JSON, or nothing', async () => {
		const png = await deliver(targets(webhook(hook)), {
			body: 'abc',
			headers: { 'content-type': 'image/png' },
		});
		expect(png.body).toMatchObject({
			code: 'FORMAT_UNSUITABLE',
			detail: expect.stringMatching(/^delivery.targets\[0\]/),
		});
		const broken = await bed.admin.post('/v1/deliver', ROWS, {
			headers: { 'capscheduler-options': '{"delivery":' },
		});
		expect(broken.body).toMatchObject({
			code: 'INVALID_JSON',
			detail: expect.stringMatching(/^header capscheduler-options/),
		});
		const list = await bed.admin.post('/v1/deliver', ROWS, {
			headers: { 'capscheduler-options': '[]' },
		});
		expect(list.body).toMatchObject({
			code: 'INVALID_REQUEST',
			errors: [{ path: 'header capscheduler-options', expected: 'an object' }],
		});
		const nothing = await bed.admin.post('/v1/deliver');
		expect(nothing.body).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ path: 'body' }] });
		expect((await deliver({}, { body: '[{' })).body.code).toBe('INVALID_REQUEST');
	});

	it('is closed to keys that may use other capabilities only, and belongs to its tenant', async () => {
		const limited = bed.client(await bed.keyOf(['runs:execute'], { capabilities: ['reports'] }));
		expect((await deliver({}, { client: limited })).body.code).toBe('FORBIDDEN');
		const allowed = bed.client(await bed.keyOf(['runs:execute'], { capabilities: ['upload'] }));
		const { body } = demand(await deliver({}, { client: allowed }), 200);
		const stranger = bed.client(await bed.keyOf(['admin'], { tenant: 'stranger' }));
		expect((await stranger.get(`/v1/runs/${body.runId}`)).status).toBe(404);
	});

	it('no capability can take its name', async () => {
		const taken = await bed.admin.put('/v1/capabilities/upload', {
			actions: { go: {} },
			binding: { type: 'http', url: hook.url },
		});
		expect(taken.body.code).toBe('INVALID_REQUEST');
	});
});
