import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';

import type { RunningServer } from '../../../engine/http/server.ts';
import { startServer } from '../../../engine/http/server.ts';

const listen = (app: RequestListener): Promise<RunningServer> =>
	startServer(app, { host: '127.0.0.1', port: 0 });
const portOf = (server: RunningServer) => Number(new URL(server.url).port);

describe('the server', () => {
	it('takes a free port for 0, and says so', async () => {
		const server = await listen((_, response) => response.end('here'));
		expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		expect(await (await fetch(server.url)).text()).toBe('here');
		await server.close(1000);
	});

	it('tells when it cannot have the port', async () => {
		const server = await listen(() => undefined);
		const second = startServer(() => undefined, { host: '127.0.0.1', port: portOf(server) });
		await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${portOf(server)}`);
		await server.close(1000);
	});

	it.each([
		['headers that are too long', `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}`, 431],
		['what is no HTTP', 'HELLO\r\n\r\n', 400],
	])('answers %s with a problem that says what was expected', async (_, sent, status) => {
		const server = await listen((_asked, response) => response.end());
		const socket = connect(portOf(server), '127.0.0.1');
		socket.write(sent);
		let answer = '';
		for await (const part of socket.setEncoding('utf8')) answer += part as string;
		const [head = '', body = ''] = answer.split('\r\n\r\n');
		expect(head).toContain(`HTTP/1.1 ${status} `);
		expect(head).toContain('content-type: application/problem+json');
		const errors = [{ path: 'request', expected: expect.any(String) }];
		expect(JSON.parse(body)).toMatchObject({ status, code: 'INVALID_REQUEST', errors });
		await server.close(1000);
	});

	it('closes idle connections and event streams at once, and lets answers under way end', async () => {
		const begun = Promise.withResolvers<() => void>();
		const server = await listen((asked, response) => {
			if (asked.url === '/events') {
				response.setHeader('content-type', 'text/event-stream');
				response.write(':\n\n');
			} else if (asked.url === '/slow') {
				begun.resolve(() => response.end('done'));
			} else {
				response.end('fast');
			}
		});
		const idle = connect(portOf(server), '127.0.0.1');
		idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
		await once(idle, 'data');
		const stream = await fetch(`${server.url}/events`);
		const slow = fetch(`${server.url}/slow`);
		const finish = await begun.promise;

		const closed = server.close(60_000);
		idle.resume();
		await once(idle, 'close');
		expect(await stream.text()).toBe(':\n\n');
		finish();
		const answer = await slow;
		expect(await answer.text()).toBe('done');
		expect(answer.headers.get('connection')).toBe('close');
		await closed;
	});

	it('cuts off what does not end in time', async () => {
		const server = await listen(() => undefined);
		const never = fetch(server.url).then(
			() => 'answered',
			() => 'cut off',
		);
		const open = connect(portOf(server), '127.0.0.1');
		await once(open, 'connect');
		open.write('GET / HTTP/1.1\r\n');
		open.on('error', () => undefined);
		await server.close(20);
		expect(await never).toBe('cut off');
		if (!open.destroyed) await once(open, 'close');
	});

	it('refuses headers that are too long', async () => {
		const server = await listen((_, response) => response.end());
		const asked = request(server.url, { headers: { cookie: 'x'.repeat(20_000) } });
		asked.end();
		const [response] = (await once(asked, 'response')) as [{ statusCode: number }];
		expect(response.statusCode).toBe(431);
		await server.close(1000);
	});
});
