import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { FakeEngine } from './support/fake-engine.ts';
import { engineAt, nodeType, runNode } from './support/n8n.ts';

const SCHEDULE = 'sch_01kbrj7v2x9m4c8d1e5f6g7h8j';
const RUN = 'run_01kbrj7v2x9m4c8d1e5f6g7h8j';
const LINK = 'lnk_01kbrj7v2x9m4c8d1e5f6g7h8j';
const DELIVERY = 'dlv_01kbrj7v2x9m4c8d1e5f6g7h8j';
const DESTINATION = 'dst_01kbrj7v2x9m4c8d1e5f6g7h8j';

const byId = (value: string) => ({ __rl: true, mode: 'id', value });
const byName = (value: string) => ({ __rl: true, mode: 'name', value });
const page = (...items: object[]) => ({ items, nextCursor: null });

interface Case {
	name: string;
	parameters: Record<string, unknown>;
	request: [method: 'get' | 'post' | 'put' | 'delete', path: string, body?: object];
	reply?: object;
	items?: object[];
}

const CASES: Case[] = [
	{
		name: 'schedule: get',
		parameters: { resource: 'schedule', operation: 'get', schedule: byId(SCHEDULE) },
		request: ['get', `/v1/schedules/${SCHEDULE}`],
		reply: { id: SCHEDULE },
		items: [{ id: SCHEDULE }],
	},
	{
		name: 'schedule: getAll',
		parameters: {
			resource: 'schedule',
			operation: 'getAll',
			limit: 2,
			filters: { status: 'active', label: 'team:bi' },
		},
		request: ['get', '/v1/schedules?label=team%3Abi&status=active&limit=2'],
		reply: page({ id: 'a' }, { id: 'b' }),
		items: [{ id: 'a' }, { id: 'b' }],
	},
	...['pause', 'resume', 'trigger'].map((operation): Case => ({
		name: `schedule: ${operation}`,
		parameters: { resource: 'schedule', operation, schedule: byId(SCHEDULE) },
		request: ['post', `/v1/schedules/${SCHEDULE}/${operation}`],
		reply: { id: SCHEDULE },
		items: [{ id: SCHEDULE }],
	})),
	{
		name: 'schedule: delete',
		parameters: { resource: 'schedule', operation: 'delete', schedule: byId(SCHEDULE) },
		request: ['delete', `/v1/schedules/${SCHEDULE}`],
		items: [{ id: SCHEDULE, deleted: true }],
	},
	{
		name: 'schedule: create',
		parameters: {
			resource: 'schedule',
			operation: 'create',
			capability: byName('reports'),
			action: byName('daily-sales'),
			parametersMode: 'json',
			parametersJson: '{ "region": "EU" }',
			timingMode: 'rules',
			rule: { interval: [{ field: 'weeks', weekdays: ['MO', 'FR'], hour: 9 }] },
			delivery: '{ "mode": "pull" }',
			options: { name: 'Weekly', labels: '{ "team": "bi" }', attempts: 5, overlap: 'buffer_one' },
		},
		request: [
			'post',
			'/reports/schedule',
			{
				action: 'daily-sales',
				parameters: { region: 'EU' },
				timing: { cron: '0 9 * * 1,5', timeZone: 'Europe/Berlin' },
				policies: { overlap: 'buffer_one', retry: { attempts: 5 } },
				delivery: { mode: 'pull' },
				name: 'Weekly',
				labels: { team: 'bi' },
			},
		],
		reply: { scheduleId: SCHEDULE },
		items: [{ scheduleId: SCHEDULE }],
	},
	{
		name: 'schedule: preview in words',
		parameters: {
			resource: 'schedule',
			operation: 'preview',
			timingMode: 'words',
			words: 'every 15m',
			count: 2,
		},
		request: ['post', '/v1/timing/preview', { frequency: 'every 15m', count: 2 }],
		reply: { occurrences: [{ at: '1' }, { at: '2' }] },
		items: [{ at: '1' }, { at: '2' }],
	},
	{
		name: 'occurrence: getAll',
		parameters: { resource: 'occurrence', operation: 'getAll', schedule: byId(SCHEDULE), limit: 5 },
		request: ['get', `/v1/schedules/${SCHEDULE}/occurrences?limit=5`],
		reply: page({ outcome: 'fired' }),
		items: [{ outcome: 'fired' }],
	},
	{
		name: 'run: get',
		parameters: { resource: 'run', operation: 'get', runId: RUN },
		request: ['get', `/v1/runs/${RUN}`],
		reply: { id: RUN },
		items: [{ id: RUN }],
	},
	{
		name: 'run: getAll',
		parameters: { resource: 'run', operation: 'getAll', limit: 3, filters: { state: 'failed' } },
		request: ['get', '/v1/runs?state=failed&limit=3'],
		reply: page({ id: RUN }),
		items: [{ id: RUN }],
	},
	...['cancel', 'rerun'].map((operation): Case => ({
		name: `run: ${operation}`,
		parameters: { resource: 'run', operation, runId: RUN },
		request: ['post', `/v1/runs/${RUN}/${operation}`],
		reply: { id: RUN },
		items: [{ id: RUN }],
	})),
	{
		name: 'link: create',
		parameters: {
			resource: 'link',
			operation: 'create',
			runId: RUN,
			format: 'csv',
			options: { expiresIn: '2h', maxUses: 3 },
		},
		request: ['post', `/v1/runs/${RUN}/links`, { expiresIn: '2h', maxUses: 3, format: 'csv' }],
		reply: { url: 'https://x/r/1' },
		items: [{ url: 'https://x/r/1' }],
	},
	{
		name: 'link: revoke',
		parameters: { resource: 'link', operation: 'revoke', linkId: LINK },
		request: ['delete', `/v1/links/${LINK}`],
		items: [{ id: LINK, revoked: true }],
	},
	{
		name: 'delivery: get',
		parameters: { resource: 'delivery', operation: 'get', deliveryId: DELIVERY },
		request: ['get', `/v1/deliveries/${DELIVERY}`],
		reply: { id: DELIVERY },
		items: [{ id: DELIVERY }],
	},
	{
		name: 'delivery: getAll',
		parameters: { resource: 'delivery', operation: 'getAll', limit: 1, filters: { state: 'dead' } },
		request: ['get', '/v1/deliveries?state=dead&limit=1'],
		reply: page({ id: DELIVERY }),
		items: [{ id: DELIVERY }],
	},
	{
		name: 'delivery: replay',
		parameters: { resource: 'delivery', operation: 'replay', deliveryId: DELIVERY },
		request: ['post', `/v1/deliveries/${DELIVERY}/replay`],
		reply: { id: DELIVERY },
		items: [{ id: DELIVERY }],
	},
	{
		name: 'deadLetter: getAll',
		parameters: { resource: 'deadLetter', operation: 'getAll', limit: 1 },
		request: ['get', '/v1/dead-letters?limit=1'],
		reply: page({ id: DELIVERY }),
		items: [{ id: DELIVERY }],
	},
	{
		name: 'deadLetter: replay',
		parameters: {
			resource: 'deadLetter',
			operation: 'replay',
			maximum: 7,
			filters: { scheduleId: SCHEDULE },
		},
		request: ['post', '/v1/dead-letters/replay', { limit: 7, scheduleId: SCHEDULE }],
		reply: { replayed: [DELIVERY] },
		items: [{ replayed: [DELIVERY] }],
	},
	{
		name: 'destination: create',
		parameters: {
			resource: 'destination',
			operation: 'create',
			name: 'warehouse',
			channel: 'webhook',
			settings: '{ "url": "https://example.org/in" }',
		},
		request: [
			'post',
			'/v1/destinations',
			{ name: 'warehouse', channel: 'webhook', settings: { url: 'https://example.org/in' } },
		],
		reply: { id: DESTINATION },
		items: [{ id: DESTINATION }],
	},
	{
		name: 'destination: get',
		parameters: { resource: 'destination', operation: 'get', destination: byName(DESTINATION) },
		request: ['get', `/v1/destinations/${DESTINATION}`],
		reply: { id: DESTINATION },
		items: [{ id: DESTINATION }],
	},
	{
		name: 'destination: getAll',
		parameters: { resource: 'destination', operation: 'getAll', limit: 10 },
		request: ['get', '/v1/destinations?limit=10'],
		reply: page({ id: DESTINATION }),
		items: [{ id: DESTINATION }],
	},
	{
		name: 'destination: update',
		parameters: {
			resource: 'destination',
			operation: 'update',
			destination: byName(DESTINATION),
			name: 'w2',
			channel: 'webhook',
			settings: {},
		},
		request: [
			'put',
			`/v1/destinations/${DESTINATION}`,
			{ name: 'w2', channel: 'webhook', settings: {} },
		],
		reply: { id: DESTINATION },
		items: [{ id: DESTINATION }],
	},
	{
		name: 'destination: delete',
		parameters: { resource: 'destination', operation: 'delete', destination: byName(DESTINATION) },
		request: ['delete', `/v1/destinations/${DESTINATION}`],
		items: [{ destination: DESTINATION, deleted: true }],
	},
	{
		name: 'capability: get',
		parameters: { resource: 'capability', operation: 'get', capability: byName('reports') },
		request: ['get', '/v1/capabilities/reports'],
		reply: { name: 'reports' },
		items: [{ name: 'reports' }],
	},
	{
		name: 'capability: getAll',
		parameters: { resource: 'capability', operation: 'getAll', limit: 1 },
		request: ['get', '/v1/capabilities?limit=1'],
		reply: page({ name: 'reports' }),
		items: [{ name: 'reports' }],
	},
];

const run = (parameters: Record<string, unknown>, more: object = {}) =>
	runNode({ node: 'capScheduler', parameters: parameters as never, ...more });

let engine: FakeEngine;

beforeEach(async () => {
	engine = await new FakeEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
	expect(engine.open).toEqual([]);
});

describe('every operation makes the request it stands for, and gives the answer as items', () => {
	test.each(CASES)('$name', async ({ parameters, request, reply, items }) => {
		const [method, path, body] = request;
		engine.expect(method, path, {
			headers: { authorization: 'Bearer csk_test' },
			...(body === undefined ? {} : { body }),
			status: reply === undefined ? 204 : 200,
			answer: reply,
		});
		const output = await run(parameters);
		expect(output).toEqual(items?.map((json) => ({ json, pairedItem: { item: 0 } })));
	});

	test('none is left out', () => {
		const { properties } = nodeType('capScheduler').description;
		const offered = properties
			.filter(({ name }) => name === 'operation')
			.flatMap(({ options, displayOptions }) =>
				(options as { value: string }[]).map(
					({ value }) => `${displayOptions?.show?.['resource']?.[0] as string}: ${value}`,
				),
			);
		const tested = CASES.map(
			({ parameters }) => `${String(parameters['resource'])}: ${String(parameters['operation'])}`,
		);
		expect(new Set([...tested, 'run: download'])).toEqual(new Set(offered));
	});
});

test('a result is downloaded as a file with its own name', async () => {
	engine.expect('get', `/v1/runs/${RUN}/result?format=csv`, {
		answer: 'a,b\n1,2\n',
		answerHeaders: {
			'content-type': 'text/csv; charset=utf-8',
			'content-disposition': 'attachment; filename="_.csv"; filename*=UTF-8\'\'%C3%84.csv',
			etag: '"abc"',
			'content-length': '8',
		},
	});
	const [item] = await run({
		resource: 'run',
		operation: 'download',
		runId: RUN,
		format: 'csv',
		binaryProperty: 'report',
	});
	expect(item?.json).toEqual({
		runId: RUN,
		fileName: 'Ä.csv',
		mimeType: 'text/csv',
		size: 8,
		sha256: 'abc',
	});
	const { data, fileName, mimeType } = item?.binary?.['report'] ?? {};
	expect(Buffer.from(data ?? '', 'base64').toString()).toBe('a,b\n1,2\n');
	expect({ fileName, mimeType }).toEqual({ fileName: 'Ä.csv', mimeType: 'text/csv' });
});

test('a destination is found by its name', async () => {
	engine
		.expect('get', '/v1/destinations', { answer: page({ id: DESTINATION, name: 'warehouse' }) })
		.expect('get', `/v1/destinations/${DESTINATION}`, { answer: { id: DESTINATION } });
	const parameters = {
		resource: 'destination',
		operation: 'get',
		destination: byName('warehouse'),
	};
	expect(await run(parameters)).toMatchObject([{ json: { id: DESTINATION } }]);
});

test('"Return All" follows the cursor to the end', async () => {
	engine
		.expect('get', '/v1/runs?limit=100', {
			answer: { items: [{ id: 1 }, { id: 2 }], nextCursor: 'n' },
		})
		.expect('get', '/v1/runs?limit=100&cursor=n', { answer: page({ id: 3 }) });
	const items = await run({ resource: 'run', operation: 'getAll', returnAll: true });
	expect(items.map(({ json }) => json['id'])).toEqual([1, 2, 3]);
});

describe('items are paired with what they came of', () => {
	const items = ['a', 'b'].map((runId) => ({ json: { runId } }));
	const parameters = { resource: 'run', operation: 'get', runId: '={{ $json.runId }}' };

	test('each with its own', async () => {
		engine
			.expect('get', '/v1/runs/a', { answer: { id: 'a' } })
			.expect('get', '/v1/runs/b', { answer: { id: 'b' } });
		expect(await run(parameters, { items })).toEqual([
			{ json: { id: 'a' }, pairedItem: { item: 0 } },
			{ json: { id: 'b' }, pairedItem: { item: 1 } },
		]);
	});

	test('one that fails does not keep the others, when the node is to go on', async () => {
		engine
			.expect('get', '/v1/runs/a', {
				status: 404,
				answer: { status: 404, code: 'NOT_FOUND', detail: 'no run a', errors: [] },
			})
			.expect('get', '/v1/runs/b', { answer: { id: 'b' } });
		const output = await run(parameters, { items, continueOnFail: true });
		expect(output).toMatchObject([
			{ json: { error: 'no run a', code: 'NOT_FOUND' }, pairedItem: { item: 0 } },
			{ json: { id: 'b' }, pairedItem: { item: 1 } },
		]);
	});

	test('without that, the error names the item', async () => {
		engine.expect('get', '/v1/runs/a', { answer: { id: 'a' } }).expect('get', '/v1/runs/b', {
			status: 404,
			answer: { status: 404, code: 'NOT_FOUND', detail: 'no run b', errors: [] },
		});
		await expect(run(parameters, { items })).rejects.toMatchObject({
			message: 'no run b',
			context: { itemIndex: 1 },
		});
	});
});

describe('a POST carries an idempotency key', () => {
	const pause = async (executionId: string): Promise<unknown> => {
		engine.expect('post', `/v1/schedules/${SCHEDULE}/pause`, { answer: {} });
		const parameters = { resource: 'schedule', operation: 'pause', schedule: byId(SCHEDULE) };
		await run(parameters, { executionId });
		return engine.received.at(-1)?.headers['idempotency-key'];
	};

	test('that is the same for a try again of the same execution, and another in another', async () => {
		const first = await pause('1');
		expect(first).toMatch(/^n8n-[0-9a-f]{40}$/);
		expect(await pause('1')).toBe(first);
		expect(await pause('2')).not.toBe(first);
	});
});

test('each item of a node has an idempotency key of its own', async () => {
	for (let i = 0; i < 2; i++) engine.expect('post', `/v1/runs/${RUN}/rerun`, { answer: {} });
	await run(
		{ resource: 'run', operation: 'rerun', runId: RUN },
		{ items: [{ json: {} }, { json: {} }] },
	);
	const [first, second] = engine.received.map(({ headers }) => headers['idempotency-key']);
	expect(first).not.toBe(second);
});

describe('errors say what is wrong and how to mend it', () => {
	const get = () => run({ resource: 'run', operation: 'get', runId: 'a' });

	test.each([
		[401, 'UNAUTHENTICATED', 'the API key is wrong', /capscheduler keys create/],
		[403, 'FORBIDDEN', 'this key lacks the scope admin', /Make one with the scope/],
		[422, 'EGRESS_BLOCKED', 'blocked', /CAPSCHEDULER_EGRESS_ALLOW/],
		[429, 'RATE_LIMITED', 'too many', /Retry On Fail/],
		[503, 'STORAGE_FULL', 'no room', /disk is full/],
	])('%i %s', async (status, code, detail, remedy) => {
		engine.expect('get', '/v1/runs/a', {
			status: status,
			answer: { status, code, detail, errors: [] },
		});
		await expect(get()).rejects.toMatchObject({
			message: detail,
			httpCode: String(status),
			description: expect.stringMatching(remedy),
		});
	});

	test('each wrong place of the input is named', async () => {
		engine.expect('get', '/v1/runs/a', {
			status: 400,
			answer: {
				status: 400,
				code: 'INVALID_REQUEST',
				detail: '2 problems',
				errors: [
					{ path: 'timing.cron', expected: 'a cron', received: '"x"' },
					{ path: 'action', expected: 'a name' },
				],
			},
		});
		await expect(get()).rejects.toMatchObject({
			description: expect.stringMatching(
				/timing.cron: expected a cron, got "x"\naction: expected a name/,
			),
		});
	});

	test('an answer that is not of the engine points at the URL', async () => {
		engine.expect('get', '/v1/runs/a', {
			status: 502,
			answer: '<html>bad gateway</html>',
			answerHeaders: { 'content-type': 'text/html' },
		});
		await expect(get()).rejects.toMatchObject({
			message: expect.stringContaining('Check the engine URL'),
		});
	});

	test('no answer at all asks whether the engine runs', async () => {
		engineAt.url = 'http://127.0.0.1:9';
		await expect(get()).rejects.toMatchObject({
			message: 'CapScheduler does not answer at http://127.0.0.1:9',
			description: expect.stringContaining('Is the engine running'),
		});
	});

	test('JSON that is none is refused before anything is sent', async () => {
		await expect(
			run({
				resource: 'destination',
				operation: 'create',
				name: 'x',
				channel: 'webhook',
				settings: '[1]',
			}),
		).rejects.toMatchObject({ message: '"settings" is not a JSON object' });
	});
});
