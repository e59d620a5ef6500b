import { createHmac } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { FakeEngine } from './support/fake-engine.ts';
import {
	API_KEY,
	callWebhook,
	engineAt,
	loadOptionsContext,
	nodeType,
	runNode,
	runOf,
	workflowModule,
} from './support/n8n.ts';
import { signed } from './support/sign.ts';

const byName = (value: string) => ({ __rl: true, mode: 'name', value });
const INVOKE = {
	operation: 'invoke',
	capability: byName('reports'),
	action: byName('daily-sales'),
	parametersMode: 'json',
	parametersJson: '{ "region": "EU" }',
	wait: 'inline',
	output: 'items',
};
const PATH = '/v1/capabilities/reports/actions/daily-sales/invoke';
const DONE = {
	id: 'run_1',
	state: 'succeeded',
	capability: 'reports',
	action: 'daily-sales',
	error: null,
	result: { encoding: 'ndjson', contentType: 'application/x-ndjson' },
};

const run = (parameters: object, more: object = {}) =>
	runNode({ node: 'runtimeSession', parameters: parameters as never, ...more });

let engine: FakeEngine;

beforeEach(async () => {
	engine = await new FakeEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
	expect(engine.open).toEqual([]);
});

describe('invoke', () => {
	test('waits, and gives the rows of the result as items', async () => {
		engine.expect('post', PATH, {
			headers: { prefer: 'wait=50' },
			body: { parameters: { region: 'EU' }, policies: {} },
			answer: DONE,
		});
		engine.expect('get', '/v1/runs/run_1/result?format=json', { answer: [{ a: 1 }, { a: 2 }] });
		expect(await run(INVOKE)).toEqual([
			{ json: { a: 1 }, pairedItem: { item: 0 } },
			{ json: { a: 2 }, pairedItem: { item: 0 } },
		]);
	});

	test('looks again while the run is not over', async () => {
		engine
			.expect('post', PATH, { status: 202, answer: { ...DONE, state: 'running', result: null } })
			.expect('get', '/v1/runs/run_1', { answer: DONE })
			.expect('get', '/v1/runs/run_1/result?format=json', { answer: { rows: [{ a: 1 }] } });
		expect(await run(INVOKE)).toMatchObject([{ json: { a: 1 } }]);
	});

	test('gives up after the maximum wait, that of the engine included, and says that the run goes on', async () => {
		const going = { ...DONE, state: 'running', result: null };
		engine.expect('post', PATH, { headers: { prefer: 'wait=1' }, status: 202, answer: going });
		const options = { maxWait: 0.000_01 };
		await expect(run({ ...INVOKE, options })).rejects.toMatchObject({
			message: expect.stringContaining('run_1 is still running'),
			description: expect.stringContaining('It goes on in CapScheduler'),
		});
	});

	test('without waiting gives the queued run', async () => {
		engine.expect('post', PATH, {
			headers: { prefer: undefined },
			status: 202,
			answer: { id: 'run_1', state: 'queued' },
		});
		expect(await run({ ...INVOKE, wait: 'none' })).toMatchObject([
			{ json: { id: 'run_1', state: 'queued' } },
		]);
	});

	test('gives bytes as a file, whatever was wished for', async () => {
		engine
			.expect('post', PATH, {
				answer: { ...DONE, result: { encoding: 'bytes', contentType: 'application/pdf' } },
			})
			.expect('get', '/v1/runs/run_1/result', {
				answer: '%PDF',
				answerHeaders: {
					'content-type': 'application/pdf',
					'content-disposition': 'attachment; filename="a.pdf"',
				},
			});
		const [item] = await run(INVOKE);
		expect(item?.binary?.['data']).toMatchObject({
			fileName: 'a.pdf',
			mimeType: 'application/pdf',
		});
	});

	test('a run that failed is an error in the words of the capability', async () => {
		const error = {
			code: 'CAPABILITY_FAILED',
			message: 'the warehouse is closed',
			detail: 'CLOSED',
		};
		engine.expect('post', PATH, { answer: { ...DONE, state: 'failed', error, result: null } });
		await expect(run(INVOKE)).rejects.toMatchObject({
			message: 'the warehouse is closed',
			description: expect.stringContaining('Code CLOSED'),
		});
	});

	test('parameters of a form are sent with their types', async () => {
		engine.expect('post', PATH, {
			body: {
				parameters: { region: 'EU', days: 7, filter: { a: 1 }, name: '' },
				policies: {},
			},
			status: 202,
			answer: { id: 'run_1' },
		});
		// what was emptied again is not given, unless it has to be
		const texts = { name: '', note: '' };
		const value = { region: 'EU', days: 7, filter: '{"a":1}', none: null, ...texts };
		const schema = [
			{ id: 'filter', type: 'object' },
			{ id: 'name', type: 'string', required: true },
			{ id: 'note', type: 'string', required: false },
		];
		await run({
			...INVOKE,
			wait: 'none',
			parametersMode: 'fields',
			parameters: { mappingMode: 'defineBelow', value, schema },
		});
	});

	test('by callback tells the engine where to call, and sleeps', async () => {
		engine.expect('post', PATH, { status: 202, answer: { id: 'run_1', state: 'queued' } });
		const asleep = await runOf({
			node: 'runtimeSession',
			parameters: { ...INVOKE, wait: 'callback' },
		});
		// what n8n itself ends would go on with the node's input as its result
		expect(asleep.waitTill).toEqual(workflowModule['WAIT_INDEFINITELY']);
		expect(asleep.executionData.contextData['node:Tested']).toEqual({
			capSchedulerAwaits: 'run_1',
		});
		const { notify } = JSON.parse(engine.received[0]?.body ?? '') as { notify: unknown };
		expect(notify).toEqual([
			{
				url: expect.stringMatching(/^http:\/\/n8n.test\/webhook-waiting\/17/),
				secret: resumeSecret(),
			},
		]);
	});

	test('by callback takes one item', async () => {
		const items = [{ json: {} }, { json: {} }];
		await expect(run({ ...INVOKE, wait: 'callback' }, { items })).rejects.toMatchObject({
			message: 'Waiting by callback takes one item',
		});
	});
});

/** As the node makes it: of the key, the execution and the node. */
const resumeSecret = (): string =>
	`whsec_${createHmac('sha256', API_KEY).update('resume\n17\nnode-0').digest('base64')}`;

describe('the callback', () => {
	const body = Buffer.from(JSON.stringify({ type: 'run.succeeded', data: { runId: 'run_1' } }));
	const send = (headers: Record<string, string>) =>
		callWebhook(
			{ type: 'runtimeSession', parameters: { ...INVOKE, wait: 'callback' } },
			{ headers, body },
		);

	test('wakes the execution with the result', async () => {
		engine
			.expect('get', '/v1/runs/run_1', { answer: DONE })
			.expect('get', '/v1/runs/run_1/result?format=json', { answer: [{ a: 1 }] });
		const { result } = await send(signed(resumeSecret(), body));
		expect(result.workflowData).toMatchObject([[{ json: { a: 1 } }]]);
	});

	test('has the node executed once more, where n8n would have switched it off', async () => {
		const node = { name: 'Tested', disabled: true };
		const asleep = { executionData: { nodeExecutionStack: [{ node, data: { main: [[]] } }] } };
		const { result } = await callWebhook(
			{ type: 'runtimeSession', parameters: { ...INVOKE, wait: 'callback' } },
			{ headers: signed(resumeSecret(), body), body },
			asleep,
		);
		expect(node.disabled).toBe(false);
		const items = result.workflowData![0]!;
		engine
			.expect('get', '/v1/runs/run_1', { answer: DONE })
			.expect('get', '/v1/runs/run_1/result?format=json', { answer: [{ a: 1 }] });
		expect(await run({ ...INVOKE, wait: 'callback' }, { items })).toMatchObject([
			{ json: { a: 1 }, pairedItem: { item: 0 } },
		]);

		// and a run that has failed is an error of the node, on which it can go on
		const failed = { ...DONE, state: 'failed', error: { code: 'X', message: 'closed' } };
		engine.expect('get', '/v1/runs/run_1', { answer: failed });
		await expect(run({ ...INVOKE, wait: 'callback' }, { items })).rejects.toMatchObject({
			message: 'closed',
		});
		engine.expect('get', '/v1/runs/run_1', { answer: failed });
		expect(
			await run({ ...INVOKE, wait: 'callback' }, { items, continueOnFail: true }),
		).toMatchObject([{ json: { error: 'closed' }, pairedItem: { item: 0 } }]);
	});

	test('of a run that the node does not sleep for lets it sleep on', async () => {
		const woken = await runOf({
			node: 'runtimeSession',
			parameters: { ...INVOKE, wait: 'callback' },
			items: [{ json: { capSchedulerRunEnded: 'run_1' } }],
			context: { capSchedulerAwaits: 'run_2' },
		});
		expect(woken.waitTill).toEqual(workflowModule['WAIT_INDEFINITELY']);
		expect(woken.executionData.contextData['node:Tested']).toEqual({
			capSchedulerAwaits: 'run_2',
		});
		expect(engine.received).toEqual([]);
	});

	test('of anybody else is refused', async () => {
		const { response, result } = await send(
			signed(`whsec_${Buffer.alloc(32).toString('base64')}`, body),
		);
		expect(response.status).toBe(401);
		expect(result).toEqual({ noWebhookResponse: true });
	});
});

describe('a run that the workflow serves', () => {
	const session = { runId: 'run_1', token: 'tok' };

	test('ends with the items as rows, and they go on', async () => {
		engine.expect('post', '/v1/sessions/run_1/complete', {
			headers: { 'x-session-token': 'tok', 'content-type': 'application/x-ndjson' },
			body: '{"a":1}\n{"a":2}\n',
			answer: { status: 'accepted' },
		});
		const items = [{ json: { a: 1 } }, { json: { a: 2 } }];
		const output = await run({ operation: 'respond', resultSource: 'items', session }, { items });
		expect(output).toMatchObject(items);
	});

	test('ends with a file', async () => {
		engine.expect('post', '/v1/sessions/run_1/complete', {
			headers: { 'x-session-token': 'tok', 'content-type': 'text/plain' },
			body: 'hello',
			answer: { status: 'accepted' },
		});
		const data = Buffer.from('hello').toString('base64');
		const items = [{ json: {}, binary: { data: { data, mimeType: 'text/plain' } } }];
		await run({ operation: 'respond', resultSource: 'binary', session }, { items });
	});

	test('ends with an object', async () => {
		engine.expect('post', '/v1/sessions/run_1/complete', {
			headers: { 'x-session-token': 'tok' },
			body: { status: 'succeeded', result: { a: 1 } },
			answer: { status: 'accepted' },
		});
		await run({ operation: 'respond', resultSource: 'json', resultJson: '{ "a": 1 }', session });
	});

	test('fails, to be tried again later', async () => {
		engine.expect('post', '/v1/sessions/run_1/fail', {
			headers: { 'x-session-token': 'tok' },
			body: {
				code: 'CLOSED',
				message: 'closed',
				retry: 'later',
				retryAfter: '5m',
			},
			answer: { status: 'accepted' },
		});
		await run({
			operation: 'fail',
			message: 'closed',
			code: 'CLOSED',
			retry: true,
			retryAfter: '5m',
			session,
		});
	});

	test('is told of by heartbeat and progress', async () => {
		engine
			.expect('post', '/v1/sessions/run_1/heartbeat', {
				headers: { 'x-session-token': 'tok' },
				answer: { deadline: null, cancelled: true },
			})
			.expect('post', '/v1/sessions/run_1/progress', {
				headers: { 'x-session-token': 'tok' },
				body: { done: 1 },
				answer: { deadline: 'd', cancelled: false },
			});
		expect(await run({ operation: 'heartbeat', session })).toMatchObject([
			{ json: { cancelled: true } },
		]);
		expect(await run({ operation: 'progress', progress: '{ "done": 1 }', session })).toMatchObject([
			{ json: { deadline: 'd' } },
		]);
	});

	test('is the one that the CapSchedule Trigger of the workflow began with', async () => {
		engine.expect('post', '/v1/sessions/run_9/heartbeat', {
			headers: { 'x-session-token': 'other' },
			answer: { deadline: null, cancelled: false },
		});
		const began = { session: { runId: 'run_9', token: 'other' } };
		expect(await run({ operation: 'heartbeat' }, { began })).toMatchObject([
			{ json: { cancelled: false } },
		]);
	});

	test('is that of the trigger that began, where the workflow has several', async () => {
		engine.expect('post', '/v1/sessions/run_9/progress', {
			headers: { 'x-session-token': 'other' },
			answer: { deadline: null, cancelled: false },
		});
		const began = { session: { runId: 'run_9', token: 'other' } };
		await run({ operation: 'progress', progress: '{}' }, { began });
	});

	test('has to be one: without a trigger the node says what it needs', async () => {
		await expect(run({ operation: 'heartbeat' })).rejects.toMatchObject({
			message: 'This execution serves no run of CapScheduler',
		});
	});
});

describe("the form of an action's parameters", () => {
	const fields = async (schema: object | undefined) => {
		engine.expect('get', '/v1/capabilities/reports', {
			answer: {
				actions: { 'daily-sales': schema === undefined ? {} : { parameters: schema } },
			},
		});
		const context = loadOptionsContext('runtimeSession', INVOKE);
		const { getParameterFields } = nodeType('runtimeSession').methods!.resourceMapping!;
		return getParameterFields!.call(context);
	};

	test('has a field of the right kind for each property', async () => {
		const form = await fields({
			type: 'object',
			required: ['region'],
			properties: {
				region: { enum: ['EU', 'US'], title: 'Region' },
				days: { type: 'integer', default: 7 },
				since: { type: 'string', format: 'date-time' },
				day: { type: 'string', format: 'date', title: 'Day' },
				dry: { type: 'boolean' },
				tags: { type: 'array' },
				filter: { type: ['object', 'null'] },
				either: { oneOf: [{ type: 'string' }, { type: 'number' }] },
				free: {},
				callbackUrl_of: { type: 'string' },
			},
		});
		expect(form.fields.map(({ id, type, required }) => [id, type, required])).toEqual([
			['region', 'options', true],
			['days', 'number', false],
			['since', 'dateTime', false],
			['day', 'string', false],
			['dry', 'boolean', false],
			['tags', 'array', false],
			['filter', 'object', false],
			['either', 'object', false],
			['free', 'string', false],
			['callbackUrl_of', 'string', false],
		]);
		expect(form.fields[0]).toMatchObject({
			displayName: 'Region',
			options: [
				{ name: 'EU', value: 'EU' },
				{ name: 'US', value: 'US' },
			],
		});
		expect(form.fields[1]).toMatchObject({ defaultValue: 7 });
		expect(form.fields[3]).toMatchObject({ displayName: 'Day (YYYY-MM-DD)' });
		expect(form.fields[4]).toMatchObject({ displayName: 'Dry' });
		expect(form.fields.at(-1)).toMatchObject({ displayName: 'Callback URL Of' });
	});

	test('asks for a capability and an action first', async () => {
		const context = loadOptionsContext('runtimeSession', { ...INVOKE, action: byName('') });
		const { getParameterFields } = nodeType('runtimeSession').methods!.resourceMapping!;
		expect(await getParameterFields!.call(context)).toEqual({
			fields: [],
			emptyFieldsNotice: 'Choose a capability and an action first.',
		});
	});

	test('sends to JSON where the schema has no properties', async () => {
		const form = await fields({ oneOf: [{ type: 'object' }] });
		expect(form).toMatchObject({
			fields: [],
			emptyFieldsNotice: expect.stringContaining('Using JSON'),
		});
	});
});
