import { gzipSync, zstdCompressSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';

import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { createSigner } from '../../../engine/security/standard-webhooks.ts';
import { createHttpSession } from '../../../engine/sessions/http/http-session.ts';
import type { SessionOutcome } from '../../../engine/sessions/session.port.ts';
import { exerciseSession } from '../../conformance/sessions.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Handler } from '../../support/capability-server.ts';
import { resultBytes, resultRows, sessionCall } from '../../support/session-call.ts';
import type { CallOptions } from '../../support/session-call.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false });
const signer = createSigner();
const adapter = createHttpSession({ egress, signer, clock: systemClock });

exerciseSession('http', async () => {
	const server = await new CapabilityServer().start();
	const ndjson: Handler = (response) => {
		response.writeHead(200, { 'content-type': 'application/x-ndjson' });
		response.end('{"n":1,"text":"ä"}\n{"n":2,"text":null}\n');
	};
	const at = (path: string, handler: Handler): CallOptions => ({
		settings: { url: server.on(path, handler) },
	});
	return {
		adapter,
		rows: at('/rows', ndjson),
		empty: at('/empty', (response) => {
			response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end();
		}),
		json: { settings: { url: server.json('/json', { answer: 42 }) } },
		bytes: at('/bytes', (response) => {
			response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0, 255, 10]));
		}),
		failure: { settings: { url: server.json('/failure', { message: 'no' }, 422) } },
		endless: at('/endless', () => undefined),
		large: at('/large', (response) => {
			response.writeHead(200, { 'content-type': 'application/x-ndjson' });
			const line = `${JSON.stringify({ text: 'x'.repeat(1000) })}\n`.repeat(1000);
			const write = (): void => {
				if (response.destroyed) return;
				response.write(line, write);
			};
			write();
		}),
		occupied: () => server.open,
		close: () => server.close(),
	};
});

let server: CapabilityServer;
let path = 0;

beforeAll(async () => {
	server = await new CapabilityServer().start();
});
afterAll(async () => {
	await server.close();
	await egress.close();
});

const at = (handler: Handler): string => server.on(`/${++path}`, handler);
const answers = (value: unknown, status = 200, headers: Record<string, string> = {}): string =>
	server.json(`/${++path}`, value, status, headers);
const sends = (type: string, body: string | Buffer, headers: Record<string, string> = {}): string =>
	at((response) => {
		response.writeHead(200, { 'content-type': type, ...headers }).end(body);
	});
const invoke = (
	url: string,
	more: Partial<CallOptions> & { with?: object } = {},
): Promise<SessionOutcome> =>
	adapter.invoke(sessionCall(adapter, { ...more, settings: { url, ...more.with } }));
const failureOf = async (outcome: SessionOutcome): Promise<unknown> => {
	if (outcome.kind === 'failed') return outcome.failure;
	return resultBytes(outcome).then(
		() => 'it succeeded',
		(error: unknown) => error,
	);
};

describe('the request', () => {
	it('is the envelope, signed so that an independent library accepts it', async () => {
		const secret = signer.generateSecret();
		await invoke(answers({}), { with: { secret }, parameters: { region: 'EU' } });
		const { headers, body, method } = server.received.at(-1)!;
		expect(method).toBe('POST');
		expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
			specVersion: '1.0',
			requestId: 'run_01j00000000000000000000000',
			parameters: { region: 'EU' },
		});
		expect(headers).toMatchObject({
			'content-type': 'application/json',
			'idempotency-key': 'run_01j00000000000000000000000',
			'webhook-id': 'run_01j00000000000000000000000',
			traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
		});
	});

	it('has only the parameters when there is no envelope, in the query for GET', async () => {
		await invoke(answers({}), { with: { envelope: false }, parameters: { a: 1 } });
		expect(JSON.parse(server.received.at(-1)!.body)).toEqual({ a: 1 });
		const url = `${answers({})}?fixed=1`;
		const parameters = { a: 'x y&', list: [1], none: null };
		await invoke(url, { with: { envelope: false, method: 'GET' }, parameters });
		expect(server.received.at(-1)).toMatchObject({ method: 'GET', body: '' });
		expect(server.received.at(-1)!.url).toMatch(/\?fixed=1&a=x\+y%26&list=%5B1%5D$/);
	});

	it('goes to the path of the action, with the static headers', async () => {
		server.json('/api/daily/x', 1);
		const settings = { url: server.url('/api/'), headers: { 'x-team': 'bi' }, apiKey: 'k' };
		const call = sessionCall(adapter, { settings, actionSettings: { path: 'daily/x' } });
		expect((await resultBytes(await adapter.invoke(call))).toString()).toBe('1');
		expect(server.received.at(-1)!.headers).toMatchObject({ 'x-team': 'bi', 'x-api-key': 'k' });
	});

	it.each([
		{ url: 'ftp://a.example/' },
		{ url: 'https://user:pw@a.example/' },
		{ url: 'https://a.example/{{x}}' },
		{ url: 'https://a.example/', headers: { 'x-a': 'b\r\nx: y' } },
		{ url: 'https://a.example/', headers: { Host: 'b' } },
		{ url: 'https://a.example/', headers: { 'webhook-signature': 'b' } },
		{ url: 'https://a.example/', headers: { Authorization: 'b' } },
		{ url: 'https://a.example/', method: 'GET' },
		{ url: 'https://a.example/', surprise: 1 },
	])('refuses the settings %j', (settings) => {
		expect(adapter.settings.safeParse(settings).success).toBe(false);
	});

	it.each(['../x', 'a//b', 'a/../b', '.hidden', 'a?b', 'http://x/', '%2e%2e/x', 'a\\b'])(
		'refuses the path %j',
		(unsafe) => {
			expect(adapter.actionSettings?.safeParse({ path: unsafe }).success).toBe(false);
		},
	);

	it('is not allowed to go to a metadata service', async () => {
		const settings = adapter.settings.parse({ url: 'http://169.254.169.254/latest' });
		await expect(adapter.check(settings, {})).rejects.toMatchObject({ code: 'EGRESS_BLOCKED' });
		expect(await invoke('http://169.254.169.254/latest')).toMatchObject({
			failure: { code: 'EGRESS_BLOCKED', retry: 'never' },
		});
	});

	it('gets a secret when there is none', async () => {
		const settings = adapter.settings.parse({ url: 'https://a.example/' });
		expect(signer.isSecret(adapter.generate?.(settings)['secret'] ?? '')).toBe(true);
		const own = adapter.settings.parse({ url: 'https://a.example/', secret: 'whsec_short' });
		expect(adapter.generate?.(own)).toEqual({});
		await expect(adapter.check(own, {})).rejects.toMatchObject({ code: 'BINDING_INVALID' });
	});
});

describe('an answer with an envelope', () => {
	it('gives its rows with their columns', async () => {
		const result = { rows: [{ a: 1 }, { a: 2 }], columns: ['a', { name: 'b', type: 'text' }] };
		const outcome = await invoke(answers({ status: 'succeeded', result }));
		expect(outcome).toMatchObject({
			body: { encoding: 'ndjson', columns: [{ name: 'a' }, { name: 'b', type: 'text' }] },
		});
		expect(await resultRows(outcome)).toEqual(result.rows);
	});

	it.each([
		['small', 0],
		['large', 2_000_000],
	])('keeps the order of keys, also where these are years (%s)', async (_, size) => {
		const row = `{"region":"${'x'.repeat(size)}","2026":1,"2025":{"b":1.50}}`;
		for (const space of ['', '\n']) {
			const text = `{"status":"succeeded",${space}"result":{"rows":[${row},${space}{"2024":1,"a":2}]}}`;
			const outcome = await invoke(sends('application/json', text));
			expect((await resultBytes(outcome)).toString()).toBe(`${row}\n{"2024":1,"a":2}\n`);
			expect(outcome.kind === 'result' && outcome.body.rows?.()).toBe(2);
		}
	});

	it('in another order of its own still gives its rows', async () => {
		const text = '{"result":{"rows":[{"a":1,"2026":2}]},"status":"succeeded"}';
		const outcome = await invoke(sends('application/json', text));
		expect(await resultRows(outcome)).toEqual([{ a: 1, 2026: 2 }]);
	});

	it('keeps every digit of a number', async () => {
		const url = sends(
			'application/json',
			'{"result":{"n":12345678901234567890.10},"status":"succeeded"}',
		);
		expect((await resultBytes(await invoke(url))).toString()).toBe('{"n":12345678901234567890.10}');
	});

	it('is heeded when it fails', async () => {
		const error = { code: 'NO_DATA', message: 'come\u0000 back', retry: 'later', retryAfter: '5m' };
		expect(await invoke(answers({ status: 'failed', error }))).toEqual({
			kind: 'failed',
			failure: {
				code: 'CAPABILITY_FAILED',
				message: 'come back',
				detail: 'NO_DATA',
				retry: 'later',
				retryAfter: 300_000,
			},
		});
	});

	it('is accepted, by 202 or by its status', async () => {
		expect(await invoke(answers({}, 202))).toEqual({ kind: 'accepted' });
		expect(await invoke(answers({ status: 'accepted' }))).toEqual({ kind: 'accepted' });
	});

	it('is none when it has other members', async () => {
		const value = { status: 'succeeded', result: 1, took: 5 };
		expect(JSON.parse((await resultBytes(await invoke(answers(value)))).toString())).toEqual(value);
	});

	it('is taken off a body of any size, row by row', async () => {
		const rows = Array.from({ length: 30_000 }, (_, n) => ({ n, text: 'ä"\\{[' + 'x'.repeat(60) }));
		const value = { status: 'succeeded', result: { rows, columns: ['n', 'text'] } };
		const outcome = await invoke(sends('application/json', JSON.stringify(value, null, '\t')));
		expect(outcome).toMatchObject({ body: { encoding: 'ndjson' } });
		expect(await resultRows(outcome)).toEqual(rows);
		if (outcome.kind !== 'result') return;
		expect(outcome.body.rows?.()).toBe(30_000);
		expect(outcome.body.columns).toEqual([{ name: 'n' }, { name: 'text' }]);
	});

	it.each([
		['{"status":"succeeded","result":', '}'],
		['', ''],
		['{"status":"odd","data":', '}'],
		['{"result":', ',"total":1}'],
	])('passes a large value on untouched: %s', async (before, after) => {
		const value = JSON.stringify(Array.from({ length: 200_000 }, (_, n) => `€${n}`));
		const outcome = await invoke(sends('application/json', before + value + after));
		const expected = before.includes('succeeded') ? value : before + value + after;
		expect((await resultBytes(outcome)).toString() === expected).toBe(true);
	});
});

describe('a plain answer', () => {
	it.each([204, 200])('without a body is null (%i)', async (status) => {
		const outcome = await invoke(at((response) => void response.writeHead(status).end()));
		expect((await resultBytes(outcome)).toString()).toBe('null');
		expect(outcome.kind === 'result' && outcome.body.rows?.()).toBe(0);
	});

	it.each([
		[[1, 2], 2],
		[{ rows: [{}], total: 3 }, 1],
		[null, 0],
		[{ status: 'succeeded' }, 0],
		[{ status: 'succeeded', result: [1, 2, 3] }, 3],
		[{ answer: 42 }, undefined],
		[7, undefined],
	])('as JSON tells how many rows it holds: %j', async (value, rows) => {
		const outcome = await invoke(answers(value));
		expect(outcome.kind === 'result' && outcome.body.rows?.()).toBe(rows);
	});

	it('as CSV with a header only has no rows, but its columns', async () => {
		const outcome = await invoke(sends('text/csv', 'a,b\r\n'));
		await resultBytes(outcome);
		if (outcome.kind !== 'result') throw new Error('it failed');
		expect(outcome.body.rows?.()).toBe(0);
		expect(outcome.body.columns).toEqual([{ name: 'a' }, { name: 'b' }]);
	});

	it('as CSV stays CSV, in UTF-8', async () => {
		const url = sends(
			'text/csv; charset=iso-8859-1',
			Buffer.from('name\r\nM\xfcller\r\n', 'latin1'),
		);
		const outcome = await invoke(url);
		expect(outcome).toMatchObject({ body: { encoding: 'csv' } });
		expect((await resultBytes(outcome)).toString()).toBe('name\r\nMüller\r\n');
	});

	it('keeps its type and the file name, without folders', async () => {
		const disposition = `attachment; filename="x.pdf"; filename*=UTF-8''..%2Fbericht%20%C3%A4.pdf`;
		const url = sends('application/pdf', '%PDF', { 'content-disposition': disposition });
		expect(await invoke(url)).toMatchObject({
			body: { encoding: 'bytes', contentType: 'application/pdf', filename: 'bericht ä.pdf' },
		});
	});

	it.each([
		['gzip', gzipSync],
		['zstd', zstdCompressSync],
	])('is inflated: %s', async (coding, compress) => {
		const url = sends('application/json', compress('{"status":"succeeded","result":7}'), {
			'content-encoding': coding,
		});
		expect((await resultBytes(await invoke(url))).toString()).toBe('7');
	});
});

describe('an answer that is no success', () => {
	it.each([
		[400, 'TARGET_REFUSED', 'never', undefined],
		[404, 'TARGET_REFUSED', 'never', undefined],
		[408, 'TARGET_BUSY', 'later', 'timeout'],
		[410, 'TARGET_GONE', 'never', undefined],
		[425, 'TARGET_BUSY', 'later', '429'],
		[429, 'TARGET_BUSY', 'later', '429'],
		[500, 'TARGET_FAULT', 'later', '5xx'],
		[503, 'TARGET_FAULT', 'later', '5xx'],
	])('%i is %s, retry %s (%s)', async (status, code, retry, reason) => {
		const outcome = await invoke(answers({ detail: 'because' }, status));
		const message = `HTTP ${status}: because`;
		const failure = { code, retry, message, ...(reason === undefined ? {} : { reason }) };
		expect(outcome).toEqual({ kind: 'failed', failure });
	});

	it('says when to come back, in seconds or as a date', async () => {
		const seconds = await invoke(answers({}, 429, { 'retry-after': '7' }));
		expect(seconds).toMatchObject({ failure: { retryAfter: 7000 } });
		const date = new Date(systemClock.now() + 60_000).toUTCString();
		const outcome = await invoke(answers({}, 503, { 'retry-after': date }));
		if (outcome.kind !== 'failed') throw new Error('it succeeded');
		expect(outcome.failure.retryAfter).toBeGreaterThan(55_000);
		expect(outcome.failure.retryAfter).toBeLessThanOrEqual(60_000);
	});

	it('is never followed elsewhere', async () => {
		const elsewhere = answers({});
		const count = server.received.length;
		const outcome = await invoke(answers({}, 307, { location: elsewhere }));
		expect(outcome).toMatchObject({ failure: { code: 'TARGET_REDIRECT', retry: 'never' } });
		expect(server.received.length).toBe(count + 1);
	});

	it('is shown shortened, without control characters', async () => {
		const body = `\u001b[31m${'x'.repeat(50_000)}\u0000`;
		const outcome = await invoke(
			at((response) => void response.writeHead(500, { 'content-type': 'text/plain' }).end(body)),
		);
		if (outcome.kind !== 'failed') throw new Error('it succeeded');
		expect(outcome.failure.message.length).toBeLessThanOrEqual(2000);
		// eslint-disable-next-line no-control-regex
		expect(outcome.failure.message).not.toMatch(/[\u0000-\u001f]/);
	});
});

describe('a target that misbehaves', () => {
	const raw = (text: string): string =>
		at((response) => {
			response.socket?.end(text);
		});

	it('that is not there can be tried again', async () => {
		const gone = await new CapabilityServer().start();
		const url = gone.url();
		await gone.close();
		expect(await invoke(url)).toMatchObject({
			failure: { code: 'TARGET_UNREACHABLE', retry: 'later', reason: 'network' },
		});
	});

	it.each([
		[
			'resets',
			(): string => at((response) => void response.socket?.resetAndDestroy()),
			'TARGET_UNREACHABLE',
		],
		['speaks no HTTP', (): string => raw('220 smtp ready\r\n\r\n'), 'TARGET_PROTOCOL'],
		[
			'promises more than it sends',
			(): string =>
				raw('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{}'),
			'TARGET_UNREACHABLE',
		],
		[
			'breaks off in the middle of a large body',
			(): string =>
				at((response) => {
					response.writeHead(200, { 'content-type': 'application/x-ndjson' });
					response.write('{"a":1}\n'.repeat(50_000), () => response.socket?.destroy());
				}),
			'TARGET_UNREACHABLE',
		],
	])('that %s can be tried again', async (_name, url, code) => {
		expect(await failureOf(await invoke(url()))).toMatchObject({ code, retry: 'later' });
	});

	it.each([
		['JSON that breaks off', 'application/json', '{"a":', {}],
		['JSON that is no UTF-8', 'application/json', Buffer.from('"\xff"', 'latin1'), {}],
		['a large JSON that breaks off', 'application/json', `[${'1,'.repeat(1_000_000)}`, {}],
		['NDJSON that is HTML', 'application/x-ndjson', '<html>\n', {}],
		['CSV with a ragged line', 'text/csv', 'a,b\n1\n', {}],
		['a large text that is no UTF-8', 'text/csv', Buffer.alloc(200_000, 0xe4), {}],
	])('that sends %s has no valid result', async (_name, type, body, headers) => {
		expect(await failureOf(await invoke(sends(type, body, headers)))).toMatchObject({
			code: 'RESULT_INVALID',
			retry: 'never',
		});
	});

	it('that lies about its coding has no valid answer', async () => {
		const url = sends('application/json', 'plain', { 'content-encoding': 'gzip' });
		expect(await failureOf(await invoke(url))).toMatchObject({ code: 'TARGET_PROTOCOL' });
	});

	it.each(['application/json', 'application/octet-stream'])(
		'that sends a bomb as %s is stopped at the limit',
		async (type) => {
			const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
			const url = sends(type, bomb, { 'content-encoding': 'gzip' });
			const outcome = await invoke(url, { maxResultBytes: 5_000_000 });
			expect(await failureOf(outcome)).toMatchObject({ code: 'RESULT_TOO_LARGE' });
		},
	);

	it.each([
		['blanks', ' '],
		['a status', `{"status":"${'x'.repeat(1000)}`],
		['a row', `{"status":"succeeded","result":{"rows":[{"a":"${'x'.repeat(1000)}`],
	])('that sends a bomb of %s within the limit is told its size', async (_name, start) => {
		const bomb = gzipSync(Buffer.concat([Buffer.from(start), Buffer.alloc(50_000_000, 0x20)]));
		const url = sends('application/json', bomb, { 'content-encoding': 'gzip' });
		expect(await failureOf(await invoke(url))).toMatchObject({
			code: 'RESULT_TOO_LARGE',
			message: expect.stringMatching(/larger than \d+ bytes$/),
		});
	});

	it.each(['application/json', 'application/x-ndjson'])(
		'that drips %s is ended by the time limit',
		async (type) => {
			const url = at((response) => {
				response.writeHead(200, { 'content-type': type });
				const drip = setInterval(() => response.write(' '), 20);
				response.on('close', () => {
					clearInterval(drip);
				});
			});
			const began = performance.now();
			expect(await failureOf(await invoke(url, { timeout: 300 }))).toMatchObject({
				code: 'TIMEOUT',
				retry: 'later',
			});
			expect(performance.now() - began).toBeLessThan(1300);
		},
	);
});
