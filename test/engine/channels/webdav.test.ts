import { afterEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import type { Parcel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createWebdavChannel } from '../../../engine/channels/webdav/index.ts';
import { createLogin, readChallenges } from '../../../engine/channels/webdav/login.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';

const channel = createWebdavChannel({
	egress: createEgress({ allow: [], allowLoopback: true, httpsOnly: true }),
	clock: systemClock,
});

/** A server that keeps files in memory; what it answers beside the status is the test's. */
interface FakeServer {
	url: string;
	files: Map<string, Buffer>;
	requests: IncomingMessage[];
}

type Answer = (
	request: IncomingMessage,
	answer: ServerResponse,
	bytes: Buffer | undefined,
) => boolean;
let running: Server | undefined;

afterEach(() => {
	running?.closeAllConnections();
	running?.close();
});

async function start(first: Answer = () => false): Promise<FakeServer> {
	const files = new Map<string, Buffer>();
	const requests: IncomingMessage[] = [];
	running = createServer((request, answer) => {
		requests.push(request);
		void buffer(request).then((body) => {
			const { method, url = '', headers } = request;
			if (method === 'PUT') files.set(url, body);
			if (first(request, answer, files.get(url))) return;
			if (method === 'MOVE') {
				const bytes = files.get(url);
				files.delete(url);
				if (bytes) files.set(new URL(String(headers['destination'])).pathname, bytes);
			}
			if (method === 'DELETE') files.delete(url);
			if (method === 'HEAD') answer.setHeader('content-length', files.get(url)?.length ?? 0);
			answer.statusCode = method === 'PROPFIND' ? 207 : method === 'HEAD' ? 200 : 201;
			if (method === 'HEAD' && !files.has(url)) answer.statusCode = 404;
			answer.end();
		});
	}).listen(0, '127.0.0.1');
	await once(running, 'listening');
	const { port } = running.address() as AddressInfo;
	return { url: `http://127.0.0.1:${port}/dav/`, files, requests };
}

async function send(parcel: Parcel, given: object): Promise<SendOutcome> {
	const settings = channel.settings.parse(given);
	const context = { signal: new AbortController().signal, attempt: 1, timeout: 10_000 };
	return channel.send(channel.prepare(settings, parcel), settings, parcel, context);
}

const digestOf = (name: string, bytes: Buffer | undefined): string =>
	createHash(name)
		.update(bytes ?? '')
		.digest('hex');

describe('digest authentication', () => {
	// RFC 7616, 3.9.1
	const parameters =
		'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUo5tdS"';
	const who = {
		user: 'Mufasa',
		password: 'Circle of Life',
		token: undefined,
		auth: 'auto',
	} as const;

	it.each([
		['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
		['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
	])('answers the challenge of the standard by %s as it says', (algorithm, response) => {
		const login = createLogin(who, () => 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ');
		expect(login.headerFor({ method: 'GET', uri: '/dir/index.html' })).toBeUndefined();
		expect(login.challenged(`Digest ${parameters}, algorithm=${algorithm}`)).toBe(true);
		const header = login.headerFor({ method: 'GET', uri: '/dir/index.html' });
		expect(header).toContain(`response="${response}"`);
		expect(header).toContain('nc=00000001');
		expect(login.headerFor({ method: 'GET', uri: '/dir/index.html' })).toContain('nc=00000002');
	});

	it('is not tried again with what was refused, but with a nonce that got old', () => {
		const login = createLogin(who);
		const challenge = `Digest ${parameters}`;
		expect(login.challenged(challenge)).toBe(true);
		expect(login.challenged(challenge)).toBe(false);
		expect(login.challenged(`${challenge}, stale=TRUE`)).toBe(true);
		login.accepted();
		expect(login.challenged(challenge)).toBe(true);
	});

	it('is taken before basic, and never gives way to it where it is demanded', () => {
		const both = ['Basic realm="x", charset="UTF-8"', `Digest ${parameters}`];
		const login = createLogin(who);
		expect(login.challenged(both)).toBe(true);
		expect(login.headerFor({ method: 'GET', uri: '/' })).toMatch(/^Digest /);
		expect(() => createLogin({ ...who, auth: 'digest' }).challenged('Basic realm="x"')).toThrow(
			expect.objectContaining({ code: 'TARGET_PROTOCOL' }),
		);
	});

	it('reads several challenges in one header', () => {
		expect(
			readChallenges('Negotiate, Basic realm="a \\"b\\", c=d", Digest qop=auth, nonce="n"'),
		).toEqual([
			{ scheme: 'negotiate', parameters: {} },
			{ scheme: 'basic', parameters: { realm: 'a "b", c=d' } },
			{ scheme: 'digest', parameters: { qop: 'auth', nonce: 'n' } },
		]);
	});
});

describe('webdav', () => {
	it.each([
		['x-hash-sha256', 'sha256', 'PUT', ''],
		['oc-checksum', 'sha1', 'HEAD', 'SHA1:'],
	])('compares the %s that the server made', async (header, name, method, prefix) => {
		let spoilt = false;
		const server = await start((request, answer, bytes) => {
			if (request.method === method && bytes) {
				const sum = digestOf(name, spoilt ? Buffer.from('other') : bytes);
				answer.setHeader(header, prefix === '' ? sum : `${prefix}${sum} MD5:x ADLER32:y`);
			}
			return false;
		});
		expect(await send(parcelOf('x'), { url: server.url })).toMatchObject({
			kind: 'delivered',
			receipt: { remote: { checksum: name } },
		});
		expect([...server.files.keys()]).toEqual(['/dav/report.csv']);
		server.files.clear();
		spoilt = true;
		expect(await send(parcelOf('x'), { url: server.url })).toMatchObject({
			kind: 'failed',
			code: 'TARGET_FAULT',
			retry: 'later',
		});
		expect([...server.files.keys()]).toEqual([]);
	});

	it('follows no redirect, and takes its credentials nowhere else', async () => {
		const server = await start((_request, answer) => {
			answer.writeHead(302, { location: 'http://169.254.169.254/' }).end();
			return true;
		});
		const settings = { url: server.url, user: 'ada', password: 'p', auth: 'basic' };
		expect(await send(parcelOf('x'), settings)).toMatchObject({
			kind: 'failed',
			code: 'TARGET_REDIRECT',
			retry: 'never',
		});
		expect(server.requests).toHaveLength(1);
	});

	it('waits for as long as the server asks for', async () => {
		const server = await start((_request, answer) => {
			answer
				.writeHead(503, { 'retry-after': '120' })
				.end('<d:error><s:message>Upkeep</s:message></d:error>');
			return true;
		});
		expect(await send(parcelOf('x'), { url: server.url })).toMatchObject({
			kind: 'failed',
			code: 'TARGET_BUSY',
			retryAfter: 120_000,
			message: expect.stringContaining('"Upkeep"'),
		});
	});

	it('shows a token as it is', async () => {
		const server = await start();
		expect(await send(parcelOf('x'), { url: server.url, token: 'tok-1' })).toMatchObject({
			kind: 'delivered',
		});
		expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(
			server.requests.map(() => 'Bearer tok-1'),
		);
	});

	it.each([
		['user and password in the URL', { url: 'https://a:b@example.com/' }],
		['a query in the URL', { url: 'https://example.com/?a=b' }],
		['another protocol', { url: 'ftp://example.com/' }],
		['a user alone', { url: 'https://example.com/', user: 'ada' }],
		[
			'a token beside a user',
			{ url: 'https://example.com/', user: 'a', password: 'b', token: 'c' },
		],
		['a token with a line break', { url: 'https://example.com/', token: 'a\r\nb: c' }],
	])('refuses %s', (_what, given) => {
		expect(channel.settings.safeParse(given).success).toBe(false);
	});
});
