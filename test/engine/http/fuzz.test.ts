import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ROUTES } from '../../../engine/http/routes/index.ts';
import type { Route } from '../../../engine/http/route.ts';
import type { TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

/*
 * No input makes a 5xx, nor an answer that the OpenAPI document does not have: the client checks the latter
 * for every answer. Inputs are the examples of the document, mutilated.
 */

let test: TestEngine;
let server: CapabilityServer;
const ids: Record<string, string> = {};
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine();
	await registerReports(test.admin, server);
	ids['runs'] = (await finishedRun(test.admin)).id as string;
	const order = { action: 'now', frequency: '@daily' };
	ids['schedules'] = (await test.admin.post('/reports/schedule', order)).body.scheduleId as string;
	const sink = { name: 'sink', channel: 'webhook', settings: { url: server.url('/in') } };
	ids['destinations'] = (await test.admin.post('/v1/destinations', sink)).body.id as string;
});
afterAll(async () => {
	await test.close();
	await server.close();
});

const NASTY: readonly unknown[] = [
	...[
		null,
		true,
		false,
		0,
		-0,
		-1,
		1e308,
		5e-324,
		2 ** 53,
		0.1,
		[],
		{},
		[[]],
		'',
		' ',
		'0',
		'\u0000',
		'\ud83d\ude00',
		'\u202e',
	],
	...[
		'../../etc/passwd',
		'{{constructor.constructor("1")()}}',
		"' OR 1=1 --",
		'a'.repeat(5000),
		'=HYPERLINK("x")',
		'\r\nX: y',
	],
	...[
		'http://169.254.169.254/',
		'http://[::1]:1',
		'file:///etc/passwd',
		'javascript:alert(1)',
		'http://a:b@c/',
		'%00',
		'P1Y',
		'1e9d',
	],
	...[
		'9999-12-31T23:59:59.999Z',
		'1969-12-31T00:00:00Z',
		'2027-02-30T00:00:00Z',
		'0 0 31 2 *',
		'* * * * * *',
		'every 1ms',
		'Mars/Base',
	],
	...[
		{ $ne: null },
		{ $where: '1' },
		{ constructor: {} },
		{ toString: 1, hasOwnProperty: 2, length: -1 },
	],
];
const nasty = fc.oneof(
	{ weight: 4, arbitrary: fc.constantFrom(...NASTY) },
	fc.jsonValue({ maxDepth: 2 }),
);

/** A copy with the value at some place replaced, removed, or joined by an unknown one. */
function mutilated(value: unknown, at: number, by: unknown): unknown {
	if (typeof value !== 'object' || value === null || at % 4 === 0) return by;
	const entries = Object.entries(value);
	const place = (at >> 2) % (entries.length + 1);
	const [key = 'unknown', inner] = entries[place] ?? [];
	if (Array.isArray(value))
		return value.map((item, i) => (i === place ? mutilated(item, at >> 3, by) : (item as unknown)));
	return { ...value, [key]: place === entries.length ? by : mutilated(inner, at >> 3, by) };
}

const SKIPPED = new Set(['readEvents']);
const hostile = (text: string) => encodeURIComponent(text.toWellFormed());

function pathOf(route: Route, noise: readonly string[]): string {
	let used = 0;
	const resource = route.path.split('/')[2] ?? '';
	return route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
		const word = noise[used++] ?? '';
		if (word !== '') return hostile(word);
		if (name === 'name' || name === 'capability') return 'reports';
		if (name === 'action') return 'now';
		return ids[resource] ?? 'unknown';
	});
}

const word = fc.oneof(
	{ weight: 6, arbitrary: fc.constant('') },
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			'..',
			'.',
			'__proto__',
			'constructor',
			'\u0000',
			'%',
			'a/b',
			'ü',
			'x'.repeat(300),
		),
	},
);

describe.each(
	ROUTES.filter(({ id }) => !SKIPPED.has(id)).map((route) => [route.id, route] as const),
)('%s', (_, route) => {
	it('answers whatever comes with what is documented, and never with a fault', async () => {
		const input = fc.record({
			body: fc
				.tuple(fc.nat(), nasty)
				.map(([at, by]) => mutilated(route.example?.body ?? {}, at, by)),
			words: fc.array(word, { minLength: 2, maxLength: 2 }),
			query: fc.option(
				fc.tuple(
					fc.constantFrom('limit', 'cursor', 'format', 'state', 'from', 'x', '__proto__'),
					nasty,
				),
			),
			headers: fc.record(
				{
					'if-match': fc.constantFrom('"1"', '*', '"x"', 'W/"1"', '1', '"1", "2"', ''),
					'idempotency-key': fc.constantFrom('k', 'x'.repeat(201), 'a b'),
					prefer: fc.constantFrom('wait=0', 'wait=-1', 'wait=x', 'return=minimal'),
					range: fc.constantFrom('bytes=0-0', 'bytes=9-', 'bytes=-', 'bytes=99999999999999999999-'),
					accept: fc.constantFrom('*/*', 'text/html', 'application/json', 'x'),
				},
				{ requiredKeys: [] },
			),
		});
		await fc.assert(
			fc.asyncProperty(input, async ({ body, words, query, headers }) => {
				const asked =
					query === null ? '' : `?${query[0]}=${hostile(String(JSON.stringify(query[1])))}`;
				const { status, body: answer } = await test.admin.send(
					route.method.toUpperCase(),
					pathOf(route, words) + asked,
					{
						headers,
						...(route.method === 'post' || route.method === 'put'
							? { body: JSON.stringify(body) }
							: {}),
					},
				);
				expect({ status: status < 500, answer: status < 500 ? null : answer }).toEqual({
					status: true,
					answer: null,
				});
			}),
			{ numRuns: route.body === undefined ? 15 : 60 },
		);
	}, 60_000);
});
