import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { streamEvents } from '../../../engine/http/event-stream.ts';
import type { KeyCall } from '../../../engine/http/route.ts';
import { startServer } from '../../../engine/http/server.ts';
import type { Body, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
let key: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine();
	await registerReports(test.admin, server);
	key = await test.keyOf(['runs:read']);
});
afterAll(async () => {
	await test.close();
	await server.close();
});

interface SentEvent {
	id: string;
	type: string;
	data: Body;
}

/** Reads server-sent events until `enough`, then goes. */
async function follow(
	{
		path = '/v1/events',
		headers = {},
		token = key,
	}: { path?: string; headers?: Record<string, string>; token?: string },
	enough: (events: SentEvent[]) => boolean,
	onOpen: () => void | Promise<unknown> = () => undefined,
): Promise<SentEvent[]> {
	const away = new AbortController();
	const response = await fetch(test.url + path, {
		headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
		signal: away.signal,
	});
	expect(response.status).toBe(200);
	expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
	const events: SentEvent[] = [];
	let opened = false;
	let text = '';
	if (response.body === null) throw new Error('no body');
	for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
		if (!opened) {
			opened = true;
			void onOpen();
		}
		text += chunk;
		const blocks = text.split('\n\n');
		text = blocks.pop() ?? '';
		for (const block of blocks) {
			const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
			if (field('data') !== '')
				events.push({ id: field('id'), type: field('event'), data: JSON.parse(field('data')) });
		}
		if (enough(events)) break;
	}
	away.abort();
	return events;
}

const ended = (events: SentEvent[]) => events.some(({ type }) => type === 'run.succeeded');
const page = async (query = '', token = key) =>
	(await test.client(token).get(`/v1/events${query}`, { headers: { accept: 'application/json' } }))
		.body;

describe('the event stream', () => {
	it('tells what happens, in order, from now on', async () => {
		const before = (await page('?limit=200')).items.map(({ id }: Body) => id as string);
		const events = await follow({}, ended, () => finishedRun(test.admin));
		expect(events.map(({ type }) => type)).toEqual(
			expect.arrayContaining(['run.queued', 'run.running', 'run.succeeded']),
		);
		const ids = events.map(({ id }) => id);
		expect(ids).toEqual([...ids].sort());
		for (const id of ids) expect(before).not.toContain(id);
		expect(events[0]?.data).toMatchObject({
			id: ids[0],
			type: events[0]?.type,
			subject: expect.any(Object),
		});
	});

	it('goes on where a reader was cut off, without a gap', async () => {
		await finishedRun(test.admin);
		const all = await follow({ path: '/v1/events?after=evt_0' }, ended);
		const from = all[1]?.id ?? '';
		const rest = await follow({ headers: { 'last-event-id': from } }, ended);
		expect(rest.slice(0, all.length - 2)).toEqual(all.slice(2).slice(0, rest.length));
		// the header of a reconnecting reader is newer than its URL
		const both = await follow(
			{ path: '/v1/events?after=evt_0', headers: { 'last-event-id': from } },
			ended,
		);
		expect(both[0]).toEqual(all[2]);
	});

	it('shows a tenant only its own', async () => {
		const foreign = await test.keyOf(['admin'], { tenant: 'elsewhere' });
		expect((await page('', foreign)).items.every(({ type }: Body) => type === 'key.created')).toBe(
			true,
		);
		const stranger = test.client(foreign);
		const events = await follow(
			{ token: foreign },
			(seen) => seen.length > 0,
			async () => {
				await finishedRun(test.admin);
				await stranger.post('/v1/keys', { name: 'sign', scopes: ['runs:read'] });
			},
		);
		expect(events.map(({ type }) => type)).toEqual(['key.created']);
	});

	it('does not tell about keys to those who do not govern them', async () => {
		const admin = await page('?limit=200', await test.keyOf(['admin']));
		const reader = await page('?limit=200');
		expect(admin.items.some(({ type }: Body) => type === 'key.created')).toBe(true);
		expect(reader.items.some(({ type }: Body) => type.startsWith('key.'))).toBe(false);
	});

	it('is read in pages too', async () => {
		const first = await page('?limit=2', await test.keyOf(['admin']));
		expect(first.items).toHaveLength(2);
		expect(first.nextCursor).toBe(first.items[1].id);
		const second = await page(`?limit=2&after=${first.nextCursor}`, await test.keyOf(['admin']));
		expect(second.items[0].id > first.items[1].id).toBe(true);
	});

	it('refuses positions that are none, and what it cannot say', async () => {
		for (const headers of [{ 'last-event-id': '7' }, { 'last-event-id': 'evt_$' }]) {
			expect((await test.admin.get('/v1/events', { headers: headers })).status).toBe(400);
		}
		expect((await test.admin.get('/v1/events?after=run_1')).status).toBe(400);
		expect((await test.admin.get('/v1/events', { headers: { accept: 'image/png' } })).status).toBe(
			406,
		);
		const limited = test.client(await test.keyOf(['runs:read'], { capabilities: ['reports'] }));
		expect((await limited.get('/v1/events')).status).toBe(403);
	});
});

describe('an idle stream', () => {
	it('shows signs of life every 15 seconds, and ends its watch when the reader goes', async () => {
		const timers: { delay: number; call: () => void }[] = [];
		const watching = new Set<unknown>();
		const ctx = {
			clock: {
				after: (delay: number, call: () => void) => {
					const timer = { delay, call };
					timers.push(timer);
					return () => timers.splice(timers.indexOf(timer), 1);
				},
			},
			store: {
				readEvents: async () => [],
				onEvents: (listener: unknown) => {
					watching.add(listener);
					return () => watching.delete(listener);
				},
			},
		};
		const ended = Promise.withResolvers<unknown>();
		const idle = await startServer(
			(_, response) => {
				const call = { ctx, actor: { tenant: 'default' }, response } as unknown as KeyCall;
				streamEvents(call, { after: null, visible: () => true }).then(ended.resolve, ended.reject);
			},
			{ host: '127.0.0.1', port: 0 },
		);
		const away = new AbortController();
		const { body } = await fetch(idle.url, { signal: away.signal });
		const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
		expect((await reader?.read())?.value).toBe('retry: 2000\n\n');
		for (let beat = 0; beat < 3; beat++) {
			expect(timers.map(({ delay }) => delay)).toEqual([15_000]);
			timers.shift()?.call();
			expect((await reader?.read())?.value).toBe(':\n\n');
		}
		expect(watching.size).toBe(1);
		away.abort();
		await ended.promise;
		expect({ watching: watching.size, timers: timers.length }).toEqual({ watching: 0, timers: 0 });
		await idle.close(1000);
	});
});
