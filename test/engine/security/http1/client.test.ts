import type { Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { request } from 'undici';

import { createEgress } from '../../../../engine/security/egress.ts';
import type { Egress, HttpExchange } from '../../../../engine/security/security.port.ts';
import { ByteServer, sendTo } from '../../../support/http-answers.ts';

const ok = (body: string, more = ''): string =>
	`HTTP/1.1 200 OK\r\n${more}content-length: ${body.length}\r\n\r\n${body}`;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let server: ByteServer;
let egress: Egress;

beforeEach(async () => {
	server = await new ByteServer().start();
	egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false, connections: 4 });
});
afterEach(async () => {
	await egress.close();
	await server.close();
});

const send = (more: Parameters<typeof sendTo>[2] = {}): ReturnType<typeof sendTo> =>
	sendTo(egress.http, server.origin, more);
const failure = (more: Parameters<typeof sendTo>[2] = {}): Promise<unknown> =>
	send(more).then(
		() => 'it succeeded',
		(error: unknown) => error,
	);

describe('a request', () => {
	it('goes out as it is', async () => {
		server.respond = (socket) => socket.write(ok(''));
		await send({ path: '/a?b=c', headers: ['x-a', '1', 'X-B', '2'], body: '{"ü":"😀"}' });
		await send({ method: 'GET', body: null });
		const host = server.origin.slice('http://'.length);
		expect(server.requests).toEqual([
			`POST /a?b=c HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nx-a: 1\r\nX-B: 2\r\n` +
				`content-length: 13\r\n\r\n${Buffer.from('{"ü":"😀"}').toString('latin1')}`,
			`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n\r\n`,
		]);
	});

	it.each([
		['a header value with a line of its own', { headers: ['a', 'b\r\nc: d'] }],
		['a header name with a colon', { headers: ['a:', 'b'] }],
		['a header that is not ASCII', { headers: ['a', 'ü'] }],
		['a path with a space', { path: '/ HTTP/1.1' }],
		['a path that is a whole URL', { path: 'http://elsewhere/' }],
	])('with %s is not sent, and its connection serves the next', async (_, more) => {
		server.respond = (socket) => socket.write(ok('!'));
		await send();
		expect(await failure(more)).toBeInstanceOf(TypeError);
		await send();
		expect(server.requests).toHaveLength(2);
		expect(server.connections).toBe(1);
	});

	it('goes nowhere that the guard refuses', async () => {
		const refused = sendTo(egress.http, 'http://169.254.169.254', {});
		await expect(refused).rejects.toMatchObject({ code: 'EGRESS_BLOCKED' });
		const named = createEgress({
			...{ allow: [], allowLoopback: true, httpsOnly: false },
			resolve: async () => [{ address: '127.0.0.1', family: 4 }],
		});
		const rebound = sendTo(named.http, server.origin.replace('127.0.0.1', 'example.org'), {});
		await expect(rebound).rejects.toMatchObject({ code: 'EGRESS_BLOCKED' });
		await named.close();
		expect(server.connections).toBe(0);
	});

	it('fails with its connection, and each with its own', async () => {
		const { origin } = server;
		await server.close();
		const all = await Promise.allSettled(
			Array.from({ length: 9 }, () => sendTo(egress.http, origin)),
		);
		for (const one of all) expect(one).toMatchObject({ reason: { code: 'ECONNREFUSED' } });
		server = await new ByteServer().start();
	});

	it('that is broken off before it is sent costs no connection', async () => {
		server.respond = (socket) => socket.write(ok('!'));
		await send();
		const reason = new Error('not any more');
		expect(
			await failure({
				onStart: (exchange) => {
					exchange.abort(reason);
				},
			}),
		).toBe(reason);
		await send();
		expect(server.connections).toBe(1);
		expect(server.requests).toHaveLength(2);
	});

	it('that is broken off under way ends its connection', async () => {
		const seen = Promise.withResolvers<void>();
		server.respond = (socket) => {
			socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
			seen.resolve();
			socket.once('close', () => closed.resolve());
		};
		const closed = Promise.withResolvers<void>();
		let exchange: HttpExchange | undefined;
		const reason = new Error('not any more');
		const failed = failure({ onStart: (given) => (exchange = given) });
		await seen.promise;
		exchange?.abort(reason);
		expect(await failed).toBe(reason);
		await closed.promise;
		expect(() => exchange?.abort(reason)).not.toThrow();
	});
});

describe('a connection', () => {
	it('serves one request after another, and no two at once', async () => {
		let busy = 0;
		let most = 0;
		server.respond = (socket, { number }) => {
			most = Math.max(most, ++busy);
			setImmediate(() => {
				busy--;
				socket.write(ok(String(number)));
			});
		};
		const all = await Promise.all(Array.from({ length: 40 }, () => send()));
		expect(all.every(({ status }) => status === 200)).toBe(true);
		expect(server.connections).toBeLessThanOrEqual(4);
		expect(most).toBeLessThanOrEqual(4);
		await send();
		expect(server.connections).toBeLessThanOrEqual(4);
	});

	it.each([
		['that the server says it closes', ok('1', 'connection: close\r\n')],
		['of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1'],
		['that carried more than its answer', `${ok('1')}${ok('poison')}`],
		['whose answer of 204 had a body', 'HTTP/1.1 204 No\r\ncontent-length: 1\r\n\r\n1'],
	])('%s is not used again', async (_, answer) => {
		server.respond = (socket) => socket.write(answer);
		expect((await send()).body).not.toContain('poison');
		server.respond = (socket) => socket.write(ok('2'));
		expect(await send()).toMatchObject({ body: '2' });
		expect(server.connections).toBe(2);
	});

	it('does not take for an answer what was sent before its request', async () => {
		let last: Socket | undefined;
		server.respond = (socket) => {
			last = socket;
			socket.write(ok('1'));
		};
		for (let i = 0; i < 10; i++) {
			// at the very moment when the answer is complete, and the next request comes at once
			const next = send().then(async () => {
				last?.write(ok('poison'));
				return send();
			});
			expect(await next).toMatchObject({ body: '1' });
		}
	});

	it('that sends something while it is idle is not used again', async () => {
		server.respond = (socket) => {
			socket.write(ok('1'));
		};
		await send();
		await turn();
		server.writeToAll('H');
		for (let i = 0; i < 10; i++) await turn();
		expect(await send()).toMatchObject({ body: '1' });
		expect(server.connections).toBe(2);
	});

	it('that closes while it is idle is replaced', async () => {
		server.respond = (socket) => {
			socket.end(ok('1'));
		};
		for (let i = 0; i < 5; i++) {
			expect(await send()).toMatchObject({ body: '1' });
			while (server.open > 0) await turn();
		}
		expect(server.connections).toBe(5);
	});

	it.each([
		['before its answer', ''],
		['in the middle of the head', 'HTTP/1.1 200 OK\r\nconte'],
		['in the middle of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab'],
		['in the middle of the chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab'],
	])('that closes %s fails its request', async (_, part) => {
		server.respond = (socket) => {
			socket.end(part);
		};
		expect(await failure()).toMatchObject({ code: 'CONNECTION_CLOSED' });
	});

	it('is closed when it was idle for as long as the server keeps it', async () => {
		const closed = Promise.withResolvers<void>();
		server.respond = (socket) => {
			socket.once('end', closed.resolve);
			socket.once('close', closed.resolve);
			socket.write(ok('1', 'keep-alive: timeout=3\r\n'));
		};
		await send();
		await closed.promise;
	});

	it('is paused while nobody reads, and goes on when somebody does', async () => {
		const body = 'x'.repeat(8_000_000);
		let drained = false;
		server.respond = (socket) => {
			socket.write(ok(body), () => (drained = true));
		};
		let length = 0;
		let paused: HttpExchange | null = null;
		const ended = Promise.withResolvers<void>();
		egress.http.dispatch(
			{ origin: server.origin, path: '/', method: 'GET', headers: [], body: null },
			{
				onStart: () => undefined,
				onHead: () => undefined,
				onData(exchange, bytes) {
					length += bytes.length;
					if (paused !== null) return;
					paused = exchange;
					exchange.pause();
					setTimeout(() => {
						expect(length).toBeLessThan(1_000_000);
						expect(drained).toBe(false);
						exchange.resume();
					}, 100);
				},
				onEnd: ended.resolve,
				onError: ended.reject,
			},
		);
		await ended.promise;
		expect(length).toBe(body.length);
	});

	it('ends with the engine, and so do the requests that wait', async () => {
		const waiting = Array.from({ length: 6 }, () => failure());
		while (server.requests.length < 4) await turn();
		await egress.close();
		for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(Error);
		while (server.open > 0) await turn();
		expect(await failure()).toBeInstanceOf(Error);
	});
});

describe('beside undici', () => {
	const pieces = fc.constantFrom(
		...[
			'HTTP/1.1 200 OK',
			'HTTP/1.0 200 OK',
			'HTTP/1.1 204 No',
			'HTTP/1.1 503',
			'\r\n',
			'\r\n\r\n',
		],
		...['\n', '\r', ' ', ':', 'a: b\r\n', 'content-length: 3\r\n', 'content-length: 0\r\n', 'abc'],
		...[
			'transfer-encoding: chunked\r\n',
			'connection: close\r\n',
			'3\r\nabc\r\n',
			'0\r\n\r\n',
			'\0',
			'ü',
		],
	);
	/** Answers that are whole, with something put in or taken out at a place. */
	const answers = fc
		.record({
			base: fc.constantFrom(
				ok('abc'),
				ok('', 'a: 1\r\nA: 2\r\n'),
				'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
				'HTTP/1.1 200 OK\r\n\r\nabc',
				'HTTP/1.1 204 No\r\n\r\n',
			),
			at: fc.nat(120),
			drop: fc.nat(3),
			put: fc.array(pieces, { maxLength: 2 }),
		})
		.map(({ base, at, drop, put }) => {
			const place = at % (base.length + 1);
			return base.slice(0, place) + put.join('') + base.slice(place + drop);
		});

	it('takes nothing for an answer that llhttp does not, and reads the same in it', async () => {
		let taken = 0;
		await fc.assert(
			fc.asyncProperty(answers, async (answer) => {
				server.respond = (socket) => {
					socket.end(answer, 'latin1');
				};
				const ours = await send().catch(() => null);
				// undici counts a blank behind the length as a digit of it
				if (ours === null || /content-length: \d*[^\d\r]/.test(answer)) return;
				taken++;
				const { statusCode, body } = await request(server.origin, {
					dispatcher: egress.dispatcher,
				});
				const theirs = Buffer.from(await body.arrayBuffer()).toString('latin1');
				expect({ status: statusCode, body: theirs }).toEqual({
					status: ours.status,
					body: ours.body,
				});
			}),
			{ numRuns: 150 },
		);
		expect(taken).toBeGreaterThan(20);
	});
});
