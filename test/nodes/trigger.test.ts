import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { callWebhook, engineAt, hookContext, nodeType } from './support/n8n.ts';
import { signed } from './support/sign.ts';

const {
	checkExists,
	create,
	delete: remove,
} = nodeType('capScheduleTrigger').webhookMethods!.default as unknown as Record<
	'checkExists' | 'create' | 'delete',
	(this: unknown) => Promise<boolean>
>;

const DAILY = {
	rule: { interval: [{ field: 'days', hour: 9 }] },
	respond: 'lastNode',
	options: {},
};
const schema = JSON.parse(readFileSync('nodes/CapSchedule/__schema__/v1.0.0.json', 'utf8')) as {
	properties: object;
};
const URL = 'http://n8n.test/webhook/hook-1/occurrence';

/** As much of the engine as a registration meets. */
class Engine {
	capabilities = new Map<string, Record<string, any>>();
	schedules = new Map<string, Record<string, any>>();
	/** The newest first. */
	runs: Record<string, any>[] = [];
	requests: string[] = [];
	/** Every request is answered with this, as by an engine in trouble. */
	trouble: { status: number; code: string; detail: string } | null = null;
	#made = 0;
	readonly server = createServer((request, response) => {
		void json(request).then((body) => {
			const [status, answer] = this.#answer(request, body as Record<string, any>);
			response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
			response.end(answer === undefined ? '' : JSON.stringify(answer));
		});
	});

	#answer({ method, url = '' }: IncomingMessage, body: Record<string, any>): [number, object?] {
		this.requests.push(`${method} ${url}`);
		if (this.trouble !== null) return [this.trouble.status, { ...this.trouble, errors: [] }];
		const { pathname, searchParams } = new globalThis.URL(url, 'http://engine');
		const [, first = '', kind = '', name = '', act = ''] = pathname.split('/');
		if (kind === 'runs') {
			const found = this.runs.find(({ id }) => id === name);
			return [200, name === '' ? { items: this.runs, nextCursor: null } : (found ?? {})];
		}
		const all = kind === 'capabilities' ? this.capabilities : this.schedules;
		const missing: [number, object] = [404, { code: 'NOT_FOUND', detail: 'none', errors: [] }];
		if (method === 'PUT') {
			this.capabilities.set(name, body);
			return [200, {}];
		}
		if (method === 'PATCH') {
			all.set(name, { ...all.get(name), ...body });
			return [200, {}];
		}
		if (method === 'DELETE') return all.delete(name) ? [204] : missing;
		if (act === 'resume') {
			all.set(name, { ...all.get(name), status: 'active', pauseReason: null });
			return [200, {}];
		}
		if (method === 'POST' && kind === 'schedule') {
			const id = `sch_${++this.#made}`;
			this.schedules.set(id, { id, capability: first, status: 'active', ...body });
			return [201, { scheduleId: id }];
		}
		if (name !== '') {
			const found = all.get(name);
			return found === undefined ? missing : [200, found];
		}
		const capability = searchParams.get('capability');
		const items = [...all.values()].filter((one) => one['capability'] === capability);
		return [200, { items, nextCursor: null }];
	}
}

async function json(request: IncomingMessage): Promise<unknown> {
	const chunks: Buffer[] = [];
	for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
	return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}

let engine: Engine;

beforeEach(async () => {
	engine = new Engine();
	engine.server.listen(0, '127.0.0.1');
	await once(engine.server, 'listening');
	engineAt.url = `http://127.0.0.1:${(engine.server.address() as AddressInfo).port}`;
});
afterEach(() => {
	engine.server.close();
});

describe('publishing', () => {
	test('makes a capability that is reached by the webhook, with a secret, and a schedule of it', async () => {
		const staticData: { secret?: string } = {};
		const context = hookContext(DAILY, { staticData });
		expect(await create.call(context)).toBe(true);
		const [[name, capability]] = [...engine.capabilities] as [[string, any]];
		expect(name).toMatch(/^n8n-[0-9a-f]{24}$/);
		const secret = context.getWorkflowStaticData('node').secret;
		expect(secret).toMatch(/^whsec_/);
		expect(capability).toMatchObject({
			title: 'Month-end report',
			actions: { run: {} },
			binding: { type: 'n8n', url: URL, mode: 'sync', secret },
		});
		expect([...engine.schedules.values()]).toMatchObject([
			{
				capability: name,
				action: 'run',
				name: 'Month-end report',
				timing: { cron: '0 9 * * *', timeZone: 'Europe/Berlin' },
				labels: { source: 'n8n', workflow: 'wf1', mode: 'production' },
			},
		]);
	});

	test('twice makes nothing twice', async () => {
		const context = hookContext(DAILY);
		await create.call(context);
		await create.call(context);
		expect(engine.schedules.size).toBe(1);
		expect(engine.capabilities.size).toBe(1);
	});

	test('of what is there already changes it, and keeps its id', async () => {
		const context = hookContext(DAILY);
		await create.call(context);
		const edited = hookContext(
			{ ...DAILY, options: { name: 'Renamed' } },
			{ staticData: context.getWorkflowStaticData('node') },
		);
		expect(await checkExists.call(edited)).toBe(false);
		await create.call(edited);
		expect([...engine.schedules]).toMatchObject([
			['sch_1', { name: 'Renamed', delivery: null, parameters: null }],
		]);
		expect(await checkExists.call(edited)).toBe(true);
	});

	test('a run that answers through a RuntimeSession is asynchronous', async () => {
		await create.call(hookContext({ ...DAILY, respond: 'session' }));
		expect([...engine.capabilities.values()]).toMatchObject([{ binding: { mode: 'async' } }]);
	});

	test('asks for the policies, the delivery and the parameters that were set', async () => {
		const delivery = { mode: 'push', targets: [{ destination: 'warehouse', format: 'csv' }] };
		const options = {
			attempts: 5,
			catchUp: 'all',
			catchUpWindow: '7d',
			concurrencyKey: 'crm',
			delivery: JSON.stringify(delivery),
			deliverWithin: '15m',
			heartbeat: '',
			parameters: { region: 'EU' },
			priority: 0,
		};
		await create.call(hookContext({ ...DAILY, options }));
		expect([...engine.schedules.values()]).toMatchObject([
			{
				policies: {
					catchUp: { mode: 'all', window: '7d' },
					concurrencyKey: 'crm',
					priority: 0,
					retry: { attempts: 5 },
					sla: { deliveredWithin: '15m' },
				},
				delivery,
				parameters: { region: 'EU' },
			},
		]);
		expect([...engine.schedules.values()][0]?.['policies']).not.toHaveProperty('heartbeat');
	});

	test('refuses a delivery that is no object, in words', async () => {
		const options = { delivery: '[1]' };
		await expect(create.call(hookContext({ ...DAILY, options }))).rejects.toThrow(
			'The option "delivery" is no JSON object',
		);
	});

	test('a rule that is incomplete is refused, naming it', async () => {
		const parameters = { ...DAILY, rule: { interval: [{ field: 'cron', expression: '' }] } };
		await expect(create.call(hookContext(parameters))).rejects.toThrow(
			'Trigger rule 1 needs a cron expression',
		);
		expect(engine.requests).toEqual([]);
	});
});

describe('at the start of n8n', () => {
	const started = async () => {
		const context = hookContext(DAILY);
		await create.call(context);
		return context;
	};

	test('what is there is left as it is', async () => {
		expect(await checkExists.call(await started())).toBe(true);
	});

	test('a wiped engine is noticed', async () => {
		const context = await started();
		engine.capabilities.clear();
		engine.schedules.clear();
		expect(await checkExists.call(context)).toBe(false);
	});

	test('a schedule that was deleted at the engine is noticed', async () => {
		const context = await started();
		engine.schedules.clear();
		expect(await checkExists.call(context)).toBe(false);
	});

	test('a schedule that has completed does not begin anew', async () => {
		const context = await started();
		for (const one of engine.schedules.values()) one['status'] = 'completed';
		expect(await checkExists.call(context)).toBe(true);
	});

	test.each([
		['webhook_missing', 'goes on', 'active'],
		['by_user', 'stays so', 'paused'],
	])('a schedule that is paused (%s) %s', async (pauseReason, _, status) => {
		const context = await started();
		const [[id, schedule]] = [...engine.schedules] as [[string, object]];
		engine.schedules.set(id, { ...schedule, status: 'paused', pauseReason });
		expect(await checkExists.call(context)).toBe(status === 'paused');
		await create.call(context);
		expect(engine.schedules.get(id)).toMatchObject({ status });
	});

	test('an engine that does not answer is not an engine without a registration', async () => {
		const context = await started();
		engine.trouble = { status: 503, code: 'STORAGE_FULL', detail: 'full' };
		await expect(checkExists.call(context)).rejects.toThrow('full');
	});
});

describe('unpublishing', () => {
	test('removes schedule, capability and secret', async () => {
		const context = hookContext(DAILY);
		await create.call(context);
		expect(await remove.call(context)).toBe(true);
		expect(engine.schedules.size + engine.capabilities.size).toBe(0);
		expect(context.getWorkflowStaticData('node').secret).toBeUndefined();
	});

	test('succeeds where nothing is there', async () => {
		expect(await remove.call(hookContext(DAILY))).toBe(true);
	});

	test('throws while the engine is down, so that n8n tries again', async () => {
		const context = hookContext(DAILY);
		await create.call(context);
		engine.trouble = { status: 500, code: 'INTERNAL', detail: 'broken' };
		await expect(remove.call(context)).rejects.toThrow();
		expect(context.getWorkflowStaticData('node').secret).toMatch(/^whsec_/);
	});
});

describe('a test in the editor', () => {
	const test1 = () => hookContext(DAILY, { activation: 'manual' });

	test('fires once, at once, by a registration of its own', async () => {
		await create.call(hookContext(DAILY));
		await create.call(test1());
		const [production, manual] = [...engine.schedules.values()];
		expect(manual).toMatchObject({
			timing: { in: '1s', timeZone: 'Europe/Berlin' },
			labels: { mode: 'test' },
		});
		expect(manual?.['capability']).toMatch(/-test$/);
		expect(production?.['capability']).not.toMatch(/-test$/);
		const urls = [...engine.capabilities.values()].map(({ binding }) => binding.url);
		expect(urls).toEqual([URL, 'http://n8n.test/webhook-test/hook-1/occurrence']);
	});

	test('ends without an error while the engine is away, and the next one takes over what is left', async () => {
		const context = test1();
		await create.call(context);
		engine.trouble = { status: 500, code: 'INTERNAL', detail: 'broken' };
		expect(await remove.call(context)).toBe(true);
		engine.trouble = null;
		expect(engine.capabilities.size).toBe(1);
		const next = test1();
		await create.call(next);
		expect([engine.schedules.size, engine.capabilities.size]).toEqual([1, 1]);
		await remove.call(next);
		expect(engine.schedules.size + engine.capabilities.size).toBe(0);
	});

	test('cleans up after itself and nothing else, though n8n asks for it as for an edit', async () => {
		await create.call(hookContext(DAILY));
		const context = test1();
		await create.call(context);
		const staticData = context.getWorkflowStaticData('node');
		await remove.call(hookContext(DAILY, { activation: 'update', staticData }));
		expect([...engine.schedules.values()].map(({ labels }) => labels.mode)).toEqual(['production']);
		expect([...engine.capabilities.keys()].filter((name) => name.endsWith('-test'))).toEqual([]);
	});

	test('that is asked for before n8n knows of it asks the engine to come again', async () => {
		const body = Buffer.from('{}');
		const { response } = await callWebhook(
			{ type: 'capScheduleTrigger', parameters: DAILY, mode: 'manual' },
			{ headers: {}, body },
		);
		expect(response.status).toBe(429);
	});
});

describe('an occurrence', () => {
	const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
	const envelope = {
		specVersion: '1.0',
		requestId: 'run_1',
		attempt: 1,
		epoch: 1,
		capability: 'n8n-x',
		action: 'run',
		parameters: { region: 'EU' },
		deadline: '2027-03-28T02:00:00.000Z',
		schedule: {
			id: 'sch_1',
			name: 'Month-end report',
			nominalAt: '2027-03-28T01:30:00.000Z',
			dueAt: '2027-03-28T01:30:00.000Z',
			firedAt: '2027-03-28T01:30:01.000Z',
			timeZone: 'Europe/Berlin',
			late: false,
			trigger: 'schedule',
		},
		window: { start: '2027-03-27T02:30:00.000Z', end: '2027-03-28T01:30:00.000Z' },
		callback: { url: 'http://e/c', heartbeatUrl: 'http://e/h', token: 'tok' },
	};
	let body = Buffer.alloc(0);
	let runId = '';
	beforeEach(() => {
		// each test is another run: what the node has seen it knows
		runId = `run_${randomUUID()}`;
		body = Buffer.from(JSON.stringify({ ...envelope, requestId: runId }));
	});
	const send = (
		headers: Record<string, string>,
		more: { parameters?: object; staticData?: object } = {},
	) =>
		callWebhook(
			{ type: 'capScheduleTrigger', parameters: DAILY, staticData: { secret }, ...more },
			{ headers, body },
		);

	test('starts the workflow with its instants, in parts of the local clock too', async () => {
		const { result } = await send(signed(secret, body));
		expect(result.workflowData).toEqual([
			[
				{
					json: {
						runId,
						scheduleId: 'sch_1',
						scheduleName: 'Month-end report',
						trigger: 'schedule',
						nominalAt: '2027-03-28T01:30:00.000Z',
						dueAt: '2027-03-28T01:30:00.000Z',
						firedAt: '2027-03-28T01:30:01.000Z',
						late: false,
						timeZone: 'Europe/Berlin',
						// two minutes past the hour that is left out that night
						local: {
							iso: '2027-03-28T03:30:00+02:00',
							date: '2027-03-28',
							time: '03:30:00',
							year: 2027,
							month: 3,
							day: 28,
							hour: 3,
							minute: 30,
							second: 0,
							weekday: 'Sunday',
						},
						window: envelope.window,
						attempt: 1,
						deadline: '2027-03-28T02:00:00.000Z',
						parameters: { region: 'EU' },
						previous: null,
					},
				},
			],
		]);
		expect(Object.keys(result.workflowData?.[0]?.[0]?.json ?? {})).toEqual(
			Object.keys(schema.properties).filter((name) => name !== 'session'),
		);
	});

	test.each([
		['lastNode', undefined, undefined],
		['immediately', { status: 'succeeded' }, undefined],
		['session', { status: 'accepted' }, 'tok'],
	])('with "%s" is answered %j, and hands on the token %j', async (respond, answer, token) => {
		const { result } = await send(signed(secret, body), { parameters: { ...DAILY, respond } });
		expect(result.webhookResponse).toEqual(answer);
		expect(result.workflowData?.[0]?.[0]?.json['session']).toEqual(
			token === undefined ? undefined : { runId, token },
		);
	});

	const now = Date.now();
	test.each([
		['without a signature', () => ({})],
		[
			'with the signature of another secret',
			() => signed(`whsec_${Buffer.alloc(32).toString('base64')}`, body),
		],
		['with the signature of other bytes', () => signed(secret, Buffer.from('{}'))],
		['that is six minutes old', () => signed(secret, body, { at: now - 360_000 })],
		['from six minutes ahead', () => signed(secret, body, { at: now + 360_000 })],
		['with another id', () => ({ ...signed(secret, body), 'webhook-id': 'run_2' })],
		['with a malformed timestamp', () => ({ ...signed(secret, body), 'webhook-timestamp': 'now' })],
	])('%s is refused and starts nothing', async (_, headers: () => Record<string, string>) => {
		const { response, result } = await send(headers());
		expect(response.status).toBe(401);
		expect(result).toEqual({ noWebhookResponse: true });
	});

	test('is refused while no secret is known', async () => {
		const { response } = await send(signed(secret, body), { staticData: {} });
		expect(response.status).toBe(401);
	});

	test('one of two signatures is enough, while a secret is being changed', async () => {
		const headers = signed(secret, body);
		headers['webhook-signature'] =
			`v1,${Buffer.alloc(32).toString('base64')} ${headers['webhook-signature']}`;
		expect((await send(headers)).result.workflowData).toHaveLength(1);
	});

	test('tells how the run before it ended', async () => {
		engine.runs = [
			{ id: 'run_zzz', state: 'succeeded' },
			{ id: 'run_-b', state: 'running' },
			{
				id: 'run_-a',
				state: 'failed',
				nominalAt: '2027-03-27T01:30:00.000Z',
				endedAt: '2027-03-27T01:30:09.000Z',
				error: { code: 'TIMEOUT', message: 'too slow', detail: 'x' },
				result: null,
			},
		];
		const { result } = await send(signed(secret, body));
		expect(result.workflowData?.[0]?.[0]?.json['previous']).toEqual({
			runId: 'run_-a',
			state: 'failed',
			nominalAt: '2027-03-27T01:30:00.000Z',
			endedAt: '2027-03-27T01:30:09.000Z',
			error: { code: 'TIMEOUT', message: 'too slow' },
			result: null,
		});
	});

	test('starts the workflow though the engine does not tell of the run before', async () => {
		engine.trouble = { status: 503, code: 'STORAGE_UNAVAILABLE', detail: 'broken' };
		const { result } = await send(signed(secret, body));
		expect(result.workflowData?.[0]?.[0]?.json).toMatchObject({ runId, previous: null });
	});

	test('that comes twice starts one execution', async () => {
		const staticData = { secret };
		const first = await send(signed(secret, body), { staticData });
		expect(first.result.workflowData).toHaveLength(1);
		const { response, result } = await send(signed(secret, body), { staticData });
		expect(response.status).toBe(409);
		expect(result.workflowData).toBeUndefined();
	});
});
