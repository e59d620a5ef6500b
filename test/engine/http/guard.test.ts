import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';

import type { TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';

let test: TestEngine;
beforeAll(async () => {
	test = await startTestEngine({ CAPSCHEDULER_MAX_BODY_BYTES: '100000' });
});
afterAll(() => test.close());

describe('every answer', () => {
	it.each(['/healthz', '/v1/me', '/nowhere', '/r/unknown'])(
		'of %s carries the headers of safety',
		async (path) => {
			const { headers } = await test.client().get(path);
			expect(Object.fromEntries(headers)).toMatchObject({
				'x-content-type-options': 'nosniff',
				'referrer-policy': 'no-referrer',
				'cache-control': 'no-store',
				'x-frame-options': 'DENY',
				'content-security-policy': expect.stringContaining("default-src 'none'"),
			});
			expect(headers.get('x-powered-by')).toBeNull();
			expect(headers.get('access-control-allow-origin')).toBeNull();
		},
	);

	it('has an id, which a problem repeats', async () => {
		const { headers, body } = await test.client().get('/nowhere');
		expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
		expect(body.requestId).toBe(headers.get('x-request-id'));
	});
});

describe('problems', () => {
	it('name code, place, expectation and value', async () => {
		const { status, headers, body } = await test.admin.post('/v1/keys', {
			name: 'x',
			scopes: ['all'],
		});
		expect(status).toBe(400);
		expect(headers.get('content-type')).toBe('application/problem+json');
		expect(body).toMatchObject({
			type: 'urn:capscheduler:problem:invalid-request',
			title: 'Invalid request',
			status: 400,
			code: 'INVALID_REQUEST',
			errors: [
				{ path: 'scopes[0]', received: '"all"', expected: expect.stringContaining('"admin"') },
			],
		});
		expect(body.detail).toContain('scopes[0]: expected one of');
	});

	it('name the nearest field for a misspelt one', async () => {
		const { body } = await test.admin.post('/reports/schedule', {
			action: 'a',
			timing: { corn: '* * * * *' },
		});
		expect(body.errors).toContainEqual(
			expect.objectContaining({ path: 'timing.corn', expected: 'a known field, perhaps "cron"' }),
		);
	});

	it.each([
		['{"name":"x","name":"y"}', 'DUPLICATE_KEY'],
		['{"__proto__":{"scopes":["admin"]}}', 'FORBIDDEN_KEY'],
		['{"name":NaN}', 'INVALID_JSON'],
		['['.repeat(40) + ']'.repeat(40), 'TOO_DEEP'],
	])('refuse %s with %s', async (body, code) => {
		const answer = await test.admin.post('/v1/keys', body);
		expect(answer.status).toBe(400);
		expect(answer.body.code).toBe(code);
	});

	it('refuse operators of databases where names are expected', async () => {
		const { status, body } = await test.admin.post('/v1/keys', {
			name: { $ne: null },
			scopes: ['admin'],
		});
		expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'name' });
	});
});

describe('paths and methods', () => {
	it('tell what a path knows', async () => {
		const { status, headers, body } = await test.admin.send('PATCH', '/v1/keys');
		expect({ status, code: body.code }).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
		expect(headers.get('allow')).toBe('GET, POST, HEAD');
	});

	it.each([
		'/v1/schedule',
		'/v1/runs/xyz',
		'/v1/flows',
		'/v1/calendar',
		'/%E0%A4%A',
		'/v1/Me',
		'/v1/me/',
	])('know nothing of %s', async (path) => {
		const { status } = await test.admin.get(path);
		expect(path === '/%E0%A4%A' ? [400, 404] : [404]).toContain(status);
	});

	it('refuse unknown and doubled query parameters', async () => {
		const unknown = await test.admin.get('/v1/runs?stat=failed');
		expect(unknown.body.errors[0]).toMatchObject({
			path: 'query.stat',
			expected: 'a known field, perhaps "state"',
		});
		expect((await test.admin.get('/v1/runs?limit=1&limit=2')).status).toBe(400);
		for (const limit of ['0', '201', '1e2', '-1', 'x', '']) {
			expect((await test.admin.get(`/v1/runs?limit=${limit}`)).status).toBe(400);
		}
	});

	it('answer HEAD as GET without a body', async () => {
		const { status, text, headers } = await test.admin.head('/v1/me');
		expect({ status, text }).toEqual({ status: 200, text: '' });
		expect(Number(headers.get('content-length'))).toBeGreaterThan(0);
	});
});

describe('requests of pages', () => {
	const input = { name: 'x', scopes: ['runs:read'] };
	it.each([
		{ 'sec-fetch-site': 'cross-site' },
		{ 'sec-fetch-site': 'same-site' },
		{ origin: 'https://evil.example' },
		{ origin: 'null' },
	])('of other origins may change nothing: %j', async (headers) => {
		const { status, body } = await test.admin.post('/v1/keys', input, {
			headers: headers,
		});
		expect({ status, code: body.code }).toEqual({ status: 403, code: 'CROSS_SITE' });
	});

	it('of our own origin may', async () => {
		for (const headers of [
			{ 'sec-fetch-site': 'same-origin' },
			{ 'sec-fetch-site': 'none' },
			{ origin: test.url },
		]) {
			const { status } = await test.admin.post('/v1/keys', input, {
				headers: headers,
			});
			expect(status).toBe(201);
		}
	});
});

describe('bodies', () => {
	const input = { name: 'zipped', scopes: ['runs:read'] };

	it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
		'of type %s are refused',
		async (type) => {
			const answer = await test.admin.post('/v1/keys', JSON.stringify(input), {
				headers: { 'content-type': type },
			});
			expect({ status: answer.status, code: answer.body.code }).toEqual({
				status: 415,
				code: 'UNSUPPORTED_MEDIA_TYPE',
			});
		},
	);

	it('may be zipped', async () => {
		const answer = await test.admin.post('/v1/keys', gzipSync(JSON.stringify(input)), {
			headers: { 'content-encoding': 'gzip' },
		});
		expect(answer.status).toBe(201);
	});

	it.each(['br', 'deflate', 'gzip, gzip'])('zipped by %s are refused', async (encoding) => {
		const answer = await test.admin.post('/v1/keys', 'x', {
			headers: { 'content-encoding': encoding },
		});
		expect(answer.status).toBe(415);
	});

	it('are limited by their inflated size', async () => {
		const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
		expect(bomb.length).toBeLessThan(100_000);
		const answer = await test.admin.post('/v1/keys', bomb, {
			headers: { 'content-encoding': 'gzip' },
		});
		expect({ status: answer.status, code: answer.body.code }).toEqual({
			status: 413,
			code: 'BODY_TOO_LARGE',
		});
	});

	it('are limited by their size as sent, and the answer arrives', async () => {
		const answer = await test.admin.post('/v1/keys', 'x'.repeat(3_000_000));
		expect(answer.status).toBe(413);
	});

	it('that are broken gzip are refused', async () => {
		const half = gzipSync(JSON.stringify(input)).subarray(0, 20);
		for (const bytes of [half, Buffer.from('not gzip')]) {
			const answer = await test.admin.post('/v1/keys', bytes, {
				headers: { 'content-encoding': 'gzip' },
			});
			expect(answer.status).toBe(400);
		}
	});

	it('are not demanded where nothing is to be said, and an empty object will do', async () => {
		expect((await test.admin.post('/v1/dead-letters/replay')).status).toBe(202);
		expect((await test.admin.post('/v1/dead-letters/replay', {})).status).toBe(202);
		expect((await test.admin.post('/v1/keys')).status).toBe(415);
	});
});
