import { once } from 'node:events';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Route } from '../../engine/http/route.ts';
import { ROUTES } from '../../engine/http/routes/index.ts';
import type { Ask, TestEngine } from '../support/api.ts';
import { startTestEngine } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import { stayOnLoopback } from '../support/loopback-only.ts';
import {
	nasty,
	nastyBytes,
	nastyHeaders,
	nastyLine,
	nastyQuery,
	nastyWord,
} from '../support/nasty-input.ts';
import { finishedRun, registerReports } from '../support/reports.ts';

/*
 * P15: no input makes a 5xx, nor an answer that the OpenAPI document does not have; the client holds every
 * answer against the latter. Inputs are the document's examples, mutilated, and what is no HTTP at all.
 * `test/servers/schemathesis.test.ts` does the same from outside, for longer.
 */

/** Milliseconds for each route; what is left of its runs then is left out. */
const TIME = 1000;

let test: TestEngine;
let server: CapabilityServer;
let leaveLoopback: () => void;
const ids: Record<string, string> = {};
beforeAll(async () => {
	leaveLoopback = stayOnLoopback();
	server = await new CapabilityServer().start();
	server.json('/in', {});
	test = await startTestEngine();
	const { admin } = test;
	await registerReports(admin, server);
	const order = { action: 'now', frequency: '@daily' };
	const sink = { name: 'sink', channel: 'webhook', settings: { url: server.url('/in') } };
	ids['runs'] = ids['sessions'] = (await finishedRun(admin)).id as string;
	ids['schedules'] = (await admin.post('/reports/schedule', order)).body.scheduleId as string;
	ids['destinations'] = (await admin.post('/v1/destinations', sink)).body.id as string;
	const delivery = { targets: [{ destination: 'sink' }] };
	const prefer = { headers: { prefer: 'wait=30' } };
	await admin.post('/v1/capabilities/reports/actions/now/invoke', { delivery }, prefer);
	ids['deliveries'] = (await admin.get('/v1/deliveries')).body.items[0].id as string;
	const { link, url } = (await admin.post(`/v1/runs/${ids['runs']}/links`)).body;
	ids['links'] = link.id as string;
	ids['token'] = (url as string).split('/r/')[1] ?? '';
});
afterAll(async () => {
	await test.close();
	await server.close();
	leaveLoopback();
});

const wellFormed = (text: string): string => encodeURIComponent(text.toWellFormed());

/** The path with parameters that exist, or else with these words. */
function pathOf(route: Route, words: readonly string[]): string {
	let used = 0;
	const resource = route.path.split('/')[2] ?? '';
	return route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
		const word = words[used++] ?? '';
		// dots alone are taken out of the path by every client, this one too: that asks for another route
		if (!['', '.', '..'].includes(word)) return wellFormed(word);
		if (name === 'name' || name === 'capability') return 'reports';
		return name === 'action' ? 'now' : (ids[name] ?? ids[resource] ?? 'unknown');
	});
}

/** A copy with the value at some place replaced, removed, or joined by an unknown one. */
function mutilated(value: unknown, at: number, by: unknown): unknown {
	if (typeof value !== 'object' || value === null || at % 4 === 0) return by;
	const entries = Object.entries(value);
	const place = (at >> 2) % (entries.length + 1);
	const [key = 'unknown', inner] = entries[place] ?? [];
	const broken = (): unknown => (place === entries.length ? by : mutilated(inner, at >> 3, by));
	if (Array.isArray(value)) return value.map((item: unknown, i) => (i === place ? broken() : item));
	return { ...value, [key]: broken() };
}

const bodyOf = (route: Route): fc.Arbitrary<Ask['body']> =>
	fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(fc.nat(), nasty)
				.map(([at, by]) => JSON.stringify(mutilated(route.example?.body ?? {}, at, by)) ?? ''),
		},
		{ weight: 1, arbitrary: nastyBytes },
	);

const request = (route: Route) =>
	fc.record({
		body: route.method === 'get' ? fc.constant(undefined) : bodyOf(route),
		words: fc.array(nastyWord, { minLength: 2, maxLength: 2 }),
		query: fc.option(nastyQuery),
		headers: nastyHeaders.map((headers) =>
			// the other form of this answer has no end
			route.id === 'readEvents' ? { ...headers, accept: 'application/json' } : headers,
		),
	});

describe.each(ROUTES.map((route) => [route.id, route] as const))('%s', (_, route) => {
	it('answers whatever comes with what is documented, and never with a fault', async () => {
		const answered = fc.asyncProperty(request(route), async ({ body, words, query, headers }) => {
			const asked =
				query === null ? '' : `?${wellFormed(query[0])}=${wellFormed(JSON.stringify(query[1]))}`;
			const ask = { headers, ...(body === undefined ? {} : { body }) };
			const path = pathOf(route, words) + asked;
			const { status, text } = await test.admin.send(route.method.toUpperCase(), path, ask);
			expect({ status, text: status < 500 ? '' : text }).toEqual({ status, text: '' });
		});
		// some at least, however slow the machine: one that ends before its first is a failure
		await fc.assert(answered, { numRuns: 3 });
		await fc.assert(answered, {
			numRuns: 60,
			interruptAfterTimeLimit: TIME,
			markInterruptAsFailure: false,
		});
	});
});

/** Everything that comes back for these bytes; the connection is half closed after them. */
async function answerTo(bytes: Buffer): Promise<string> {
	const { hostname, port } = new URL(test.url);
	const socket = connect({ host: hostname, port: Number(port) });
	const chunks: Buffer[] = [];
	socket.on('data', (chunk: Buffer) => chunks.push(chunk));
	// a reset is an answer too
	socket.on('error', () => undefined);
	const closed = once(socket, 'close');
	socket.end(bytes);
	await closed;
	return Buffer.concat(chunks).toString('latin1');
}

describe('a socket', () => {
	it('that brings something like HTTP gets no 5xx, and the engine goes on', async () => {
		await fc.assert(
			fc.asyncProperty(nastyLine, async (bytes) => {
				const answer = await answerTo(bytes);
				const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => status);
				expect(statuses.filter((status) => status?.startsWith('5'))).toEqual([]);
			}),
			{ numRuns: 200, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
		);
		expect((await test.admin.get('/healthz')).status).toBe(200);
	});
});
