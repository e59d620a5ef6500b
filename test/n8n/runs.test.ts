import { createHash, randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';

import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Passed } from './support/between.ts';
import type { N8nNode, StoredWorkflow } from './support/n8n-client.ts';
import { outputOf } from './support/n8n-client.ts';
import { until } from './support/until.ts';
import type { TriggerWish } from './support/workflows.ts';
import {
	chain,
	code,
	loopOverItems,
	ours,
	setFields,
	toCsv,
	trigger,
	webhook,
} from './support/workflows.ts';
import type { RunRow, ScheduleRow } from './support/world.ts';
import { World } from './support/world.ts';

jest.setTimeout(300_000);

let world: World;
let receiver: Receiver;
beforeAll(async () => {
	receiver = await startReceiver();
	world = await World.open({
		between: true,
		// not three minutes: an orphan is waited for
		engineSettings: { CAPSCHEDULER_N8N_WEBHOOK_WAIT: '1s' },
	});
	await world.engine('PUT', '/v1/capabilities/outside', {
		actions: { work: {} },
		binding: { type: 'http', url: receiver.url },
	});
});
afterAll(async () => {
	await (world as World | undefined)?.close();
	await receiver.close();
});
afterEach(() => {
	world.toN8n.around = (_, pass) => pass();
	world.toEngine.around = (_, pass) => pass();
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const session = (name: string, parameters: object): N8nNode =>
	ours(name, 'runtimeSession', { credentials: world.credentials, parameters });

/** Asks the capability that the receiver is. */
const invoke = (more: object): N8nNode =>
	session('Invoke', {
		operation: 'invoke',
		capability: { __rl: true, mode: 'name', value: 'outside' },
		action: { __rl: true, mode: 'name', value: 'work' },
		parametersMode: 'json',
		parametersJson: '{}',
		...more,
	});

/** What the loop is over; the action is asked with it. */
const LOOPED = 'return [{ json: { n: 1 } }, { json: { n: 2 } }];';

/** A published workflow that begins with the trigger, and its schedule. */
async function published(
	name: string,
	wish: Omit<TriggerWish, 'credentials'>,
	nodes: N8nNode[],
): Promise<{ workflow: StoredWorkflow; schedule: ScheduleRow }> {
	const { n8n, credentials } = world;
	const workflow = await n8n.createWorkflow(
		chain(name, [trigger({ credentials, ...wish }), ...nodes]),
	);
	await n8n.publish(workflow.id);
	const [schedule] = await world.schedulesOf(workflow.id);
	return { workflow, schedule: schedule! };
}

const ran = (schedule: ScheduleRow): Promise<RunRow> => world.ran(schedule);

describe('a run that a workflow serves ends', () => {
	test('with the rows of the last node', async () => {
		const rows = code('Rows', 'return [{ json: { n: 1 } }, { json: { n: 2 } }];');
		const { schedule } = await published('Rows', { respond: 'lastNode' }, [rows]);
		const run = await ran(schedule);
		expect(run.state).toBe('succeeded');
		expect(await world.resultOf(run)).toEqual([{ n: 1 }, { n: 2 }]);
	});

	test('with the file of the last node', async () => {
		const { schedule } = await published(
			'File',
			{ respond: 'lastNode', options: { result: 'firstEntryBinary' } },
			[code('Rows', 'return [{ json: { a: 1, b: 2 } }];'), toCsv],
		);
		const { id, state } = await ran(schedule);
		expect(state).toBe('succeeded');
		const { result } = await world.engine('GET', `/v1/runs/${id}`);
		expect(result).toMatchObject({ contentType: expect.stringMatching(/^text\/csv/), rows: 1 });
	});

	test('at once, while the workflow goes on', async () => {
		const { workflow, schedule } = await published('At once', { respond: 'immediately' }, [
			setFields('Set', { answer: 42 }),
		]);
		expect(await ran(schedule)).toMatchObject({ state: 'succeeded' });
		const execution = await world.n8n.executed(workflow.id);
		expect(outputOf(execution, 'Set')[0]?.json).toMatchObject({ answer: 42, trigger: 'manual' });
	});

	test('with what a RuntimeSession node hands in', async () => {
		const { workflow, schedule } = await published('By session', { respond: 'session' }, [
			session('Progress', { operation: 'progress', progress: '{ "done": 1 }' }),
			session('Respond', {
				operation: 'respond',
				resultSource: 'json',
				resultJson: '={{ { "answer": 42 } }}',
			}),
		]);
		const run = await ran(schedule);
		expect(run.state).toBe('succeeded');
		expect(await world.resultOf(run)).toEqual({ answer: 42 });
		expect(await world.n8n.executed(workflow.id)).toMatchObject({ status: 'success' });
	});

	test('as failed, in the words of a RuntimeSession node', async () => {
		const { schedule } = await published('Fails by session', { respond: 'session' }, [
			session('Fail', { operation: 'fail', message: 'The warehouse is closed', code: 'CLOSED' }),
		]);
		expect(await ran(schedule)).toMatchObject({
			state: 'failed',
			error: { message: 'The warehouse is closed' },
		});
	});
});

test('a workflow that fails is run again, and says which attempt it is', async () => {
	const { workflow, schedule } = await published(
		'Second try',
		{ options: { retryDelay: '100ms' } },
		[code('Try', "if ($json.attempt === 1) throw new Error('not yet'); return $input.all();")],
	);
	const run = await ran(schedule);
	expect(run).toMatchObject({ state: 'succeeded' });
	expect(await world.resultOf(run)).toMatchObject([{ attempt: 2, runId: run.id }]);
	await world.n8n.executed(workflow.id, ({ status }) => status === 'success');
	const executions = await world.n8n.executions(workflow.id);
	expect(executions.map(({ status }) => status)).toEqual(['success', 'error']);
});

describe('what comes to the webhook', () => {
	const occurrences = (workflow: StoredWorkflow): Passed[] => {
		const hook = workflow.nodes[0]?.webhookId ?? '';
		return world.toN8n.passed.filter(({ path }) => path.includes(hook));
	};

	test('unsigned or changed is refused, and starts nothing', async () => {
		const { workflow, schedule } = await published('Guarded', {}, [setFields('Set', { a: 1 })]);
		await ran(schedule);
		const [genuine] = occurrences(workflow) as [Passed];
		const url = world.n8n.url + genuine.path;
		const headers = {
			'content-type': 'application/json',
			'webhook-id': String(genuine.headers['webhook-id']),
			'webhook-timestamp': String(genuine.headers['webhook-timestamp']),
			'webhook-signature': String(genuine.headers['webhook-signature']),
		};
		const changed = genuine.body.toString().replace('"attempt":1', '"attempt":2');
		expect(changed).not.toBe(genuine.body.toString());
		const send = async (body: string, sent: Record<string, string>): Promise<number> =>
			(await fetch(url, { method: 'POST', body, headers: sent })).status;
		expect(await send(changed, headers)).toBe(401);
		expect(await send('{}', { 'content-type': 'application/json' })).toBe(401);
		expect(await send('not json', { 'content-type': 'text/plain' })).toBe(401);
		expect(await send(changed, { ...headers, 'webhook-signature': 'v1,AAAA' })).toBe(401);
		await world.n8n.executed(workflow.id);
		expect(await world.n8n.executions(workflow.id)).toHaveLength(1);
	});

	test('twice starts one execution', async () => {
		const { workflow, schedule } = await published('Once', {}, [setFields('Set', { a: 1 })]);
		world.toN8n.around = async (_, pass) => {
			const first = await pass();
			await pass();
			return first;
		};
		const run = await ran(schedule);
		expect(run.state).toBe('succeeded');
		expect(occurrences(workflow).map(({ status }) => status)).toEqual([200, 409]);
		await world.n8n.executed(workflow.id);
		expect(await world.n8n.executions(workflow.id)).toHaveLength(1);
	});
});

describe('an execution that waits by callback', () => {
	const began = async (name: string, path: string): Promise<StoredWorkflow> => {
		const workflow = await world.n8n.createWorkflow(
			chain(name, [webhook(path), invoke({ wait: 'callback', output: 'items' })]),
		);
		await world.n8n.publish(workflow.id);
		await fetch(`${world.n8n.url}/webhook/${path}`);
		return workflow;
	};

	test('wakes with the result', async () => {
		// the run goes on until the execution sleeps
		let finish = () => undefined as unknown;
		receiver.answer = (_request, response) => {
			finish = () => response.setHeader('content-type', 'application/json').end('[{"n":1}]');
		};
		const workflow = await began('Sleeps', 'sleeps');
		await until('the execution to sleep', async () =>
			(await world.n8n.executions(workflow.id)).find(({ status }) => status === 'waiting'),
		);
		finish();
		const execution = await world.n8n.executed(workflow.id);
		expect(execution.status).toBe('success');
		expect(outputOf(execution, 'Invoke').map(({ json }) => json)).toEqual([{ n: 1 }]);
	});

	test('wakes though the run ended before it slept', async () => {
		receiver.answer = (_request, response) => {
			response.setHeader('content-type', 'application/json').end('[{"n":2}]');
		};
		const callbacks = () =>
			world.toN8n.passed.filter(({ path }) => path.includes('webhook-waiting'));
		const before = callbacks().length;
		// n8n hears of the run only when the engine's first callback has come, too early
		world.toEngine.around = async ({ path }, pass) => {
			const answer = await pass();
			if (path.endsWith('/invoke')) {
				await until('the early callback', async () => callbacks().length > before);
			}
			return answer;
		};
		const workflow = await began('Sleeps too late', 'sleeps-too-late');
		const execution = await world.n8n.executed(workflow.id);
		expect(execution.status).toBe('success');
		expect(outputOf(execution, 'Invoke').map(({ json }) => json)).toEqual([{ n: 2 }]);
		const statuses = callbacks()
			.slice(before)
			.map(({ status }) => status);
		expect(statuses).toEqual([409, 200]);
	});
});

test('a callback that comes twice in a loop ends no sleep but the one that it is for', async () => {
	const path = 'sleeps-in-a-loop';
	const loop = loopOverItems('Loop');
	const nodes = [
		webhook(path),
		code('Items', LOOPED),
		loop,
		invoke({ wait: 'callback', output: 'items', parametersJson: '={{ { n: $json.n } }}' }),
	];
	const workflow = chain('Sleeps in a loop', nodes);
	// each batch goes to Invoke and comes back; what is done leaves by the first output
	workflow.connections = {
		...workflow.connections,
		Loop: { main: [[], [{ node: 'Invoke', type: 'main', index: 0 }]] },
		Invoke: { main: [[{ node: 'Loop', type: 'main', index: 0 }]] },
	};
	const finish: (() => void)[] = [];
	receiver.answer = (_request, response, { body }) => {
		const { parameters } = JSON.parse(body.toString()) as { parameters: { n: number } };
		finish.push(() =>
			response.setHeader('content-type', 'application/json').end(JSON.stringify([parameters])),
		);
	};
	const { id } = await world.n8n.createWorkflow(workflow);
	await world.n8n.publish(id);
	let again: (() => Promise<unknown>) | undefined;
	world.toN8n.around = (passing, pass) => {
		if (passing.path.includes('webhook-waiting')) again ??= pass;
		return pass();
	};
	await fetch(`${world.n8n.url}/webhook/${path}`);
	const asleep = (runs: number): Promise<unknown> =>
		until(`${runs} runs, and the execution to sleep`, async () => {
			const [execution] = await world.n8n.executions(id);
			return finish.length === runs && execution?.status === 'waiting' && execution;
		});
	await asleep(1);
	finish[0]?.();
	await asleep(2);
	// the first callback once more, as a network does that lost the answer
	expect(await again?.()).toMatchObject({ status: 200 });
	await asleep(2);
	finish[1]?.();
	const execution = await world.n8n.executed(id);
	expect(execution.status).toBe('success');
	const { runData } = execution.data!.resultData;
	expect(runData['Invoke']?.map(({ data }) => data?.main[0]?.map(({ json }) => json))).toEqual([
		[{ n: 1 }],
		[{ n: 2 }],
	]);
});

describe('an engine that is not reached', () => {
	/** So many requests of n8n break off. */
	const breakOff = (times: number): void => {
		let left = times;
		world.toEngine.around = (_, pass) =>
			left-- > 0 ? Promise.reject(new Error('the engine is down')) : pass();
	};

	test('while a workflow is unpublished is told when it is back', async () => {
		const { workflow } = await published('Unpublished meanwhile', {}, [setFields('Set', { a: 1 })]);
		breakOff(2);
		await world.n8n.unpublish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toEqual([]);
	});

	test('for longer than n8n tries keeps the schedule, which the next publishing takes over', async () => {
		const { workflow, schedule } = await published('Left behind', {}, [setFields('Set', { a: 1 })]);
		breakOff(Infinity);
		await world.n8n.unpublish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toMatchObject([{ id: schedule.id }]);
		breakOff(0);
		await world.n8n.publish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toMatchObject([{ id: schedule.id }]);
		expect(await ran(schedule)).toMatchObject({ state: 'succeeded' });
	});

	test('leaves a schedule that it pauses when it is due, until the workflow is published again', async () => {
		const { workflow, schedule } = await published('Orphaned', {}, [setFields('Set', { a: 1 })]);
		breakOff(Infinity);
		await world.n8n.unpublish(workflow.id);
		breakOff(0);
		const orphaned = { state: 'failed', error: { code: 'TARGET_REFUSED' } };
		expect(await ran(schedule)).toMatchObject(orphaned);
		const paused = { id: schedule.id, status: 'paused', pauseReason: 'webhook_missing' };
		expect(await world.schedulesOf(workflow.id)).toMatchObject([paused]);

		await world.n8n.publish(workflow.id);
		const active = { id: schedule.id, status: 'active' };
		expect(await world.schedulesOf(workflow.id)).toMatchObject([active]);
		expect(await ran(schedule)).toMatchObject({ state: 'succeeded' });
	});

	test('while a workflow is published gets it when it is back', async () => {
		const { n8n, credentials } = world;
		const nodes = [trigger({ credentials }), setFields('Set', { a: 1 })];
		const workflow = await n8n.createWorkflow(chain('Published meanwhile', nodes));
		breakOff(2);
		await n8n.publish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toHaveLength(1);
	});
});

test('50 MB go through RuntimeSession nodes, in and out, byte for byte', async () => {
	const bytes = randomBytes(50 * 1024 * 1024);
	receiver.answer = (_request, response) => {
		response.writeHead(200, { 'content-type': 'application/octet-stream' });
		response.end(bytes);
	};
	const { workflow, schedule } = await published('Large', { respond: 'session' }, [
		invoke({ wait: 'inline', output: 'binary', binaryProperty: 'data' }),
		session('Respond', { operation: 'respond', resultSource: 'binary', resultBinary: 'data' }),
	]);
	const run = await ran(schedule);
	expect(run.state).toBe('succeeded');
	const { result } = await world.engine('GET', `/v1/runs/${run.id}`);
	expect(result).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
	const execution = await world.n8n.executed(workflow.id);
	expect(outputOf(execution, 'Invoke')[0]).toMatchObject({
		json: { size: bytes.length, sha256: sha256(bytes) },
		// kept outside n8n's memory
		binary: { data: { id: expect.any(String) } },
	});
});

test('50 MB go through Format and Deliver, and arrive as they were made', async () => {
	const line = `${'x'.repeat(1000)},${'y'.repeat(23)}\n`;
	const lines = 50 * 1024;
	const csv = Buffer.from(`first,second\n${line.repeat(lines)}`);
	receiver.answer = (_request, response) => {
		response.writeHead(200, { 'content-type': 'text/csv' });
		response.end(csv);
	};
	const sink = await startReceiver();
	const { credentials } = world;
	const { workflow, schedule } = await published('Delivers', { respond: 'session' }, [
		invoke({ wait: 'inline', output: 'binary', format: 'csv', binaryProperty: 'data' }),
		ours('Format', 'format', {
			credentials,
			parameters: {
				...{ source: 'binary', inputBinary: 'data', format: 'ndjson', binaryProperty: 'data' },
				...{ optionsMode: 'json', formatOptionsJson: '{}', fileName: '' },
			},
		}),
		ours('Deliver', 'deliver', {
			credentials,
			parameters: {
				...{ source: 'binary', inputBinary: 'data', to: 'channel', channel: 'webhook' },
				...{ settingsMode: 'json', settings: JSON.stringify({ url: sink.url }) },
				...{ format: 'ndjson', optionsMode: 'json', formatOptionsJson: '{}', fileName: '' },
				...{ when: 'always', wait: true },
			},
		}),
		session('Respond', { operation: 'respond', resultSource: 'items' }),
	]);
	try {
		expect(await ran(schedule)).toMatchObject({ state: 'succeeded' });
		const execution = await world.n8n.executed(workflow.id);
		const row = { first: 'x'.repeat(1000), second: 'y'.repeat(23) };
		const expected = Buffer.from(`${JSON.stringify(row)}\n`.repeat(lines));
		expect(outputOf(execution, 'Format')[0]?.json['size']).toBe(expected.length);
		const arrived = sink.received.filter(({ method }) => method === 'POST');
		expect(arrived.map(({ size, sha256: hash }) => ({ size, hash }))).toEqual([
			{ size: expected.length, hash: sha256(expected) },
		]);
	} finally {
		await sink.close();
	}
});
