import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { byId, byName, DESTINATION, page, RUN, SCHEDULE } from './support/cap-scheduler/case.ts';
import { RUNS } from './support/cap-scheduler/runs.ts';
import { SCHEDULES } from './support/cap-scheduler/schedules.ts';
import { SETTINGS } from './support/cap-scheduler/settings.ts';
import { FakeEngine } from './support/fake-engine.ts';
import { engineAt, nodeType, runNode } from './support/n8n.ts';

const CASES = [...SCHEDULES, ...RUNS, ...SETTINGS];

const run = (parameters: Record<string, unknown>, more: object = {}) =>
	runNode({ node: 'capScheduler', parameters: parameters as never, ...more });

interface Offered {
	resource: string;
	value: string;
	action?: string;
	description?: string;
}

const operations = nodeType('capScheduler')
	.description.properties.filter(({ name }) => name === 'operation')
	.flatMap(({ options, displayOptions }) =>
		(options as Omit<Offered, 'resource'>[]).map((option): Offered => ({
			...option,
			resource: displayOptions?.show?.['resource']?.[0] as string,
		})),
	);

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
	test.each(CASES)('$name', async ({ parameters, request, reads, reply, items }) => {
		const [method, path, body] = request;
		if (reads !== undefined) {
			const [from, current] = reads;
			const answerHeaders = { 'content-type': 'application/json', etag: '"7"' };
			engine.expect('get', from, { answer: current, answerHeaders });
		}
		engine.expect(method, path, {
			headers: {
				authorization: 'Bearer csk_test',
				// what was read and is written back must be as it was read
				'if-match': reads === undefined ? undefined : '"7"',
			},
			...(body === undefined ? {} : { body }),
			status: reply === undefined ? 204 : 200,
			answer: reply,
		});
		const output = await run(parameters);
		expect(output).toEqual(items?.map((json) => ({ json, pairedItem: { item: 0 } })));
	});

	test('none is left out', () => {
		const offered = operations.map(({ resource, value }) => `${resource}: ${value}`);
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

describe('a language model is told', () => {
	test('what each operation does, each in words of its own', () => {
		const actions = operations.map(({ action }) => action);
		const descriptions = operations.map(({ description }) => description);
		expect(actions.every((text) => /^[A-Z][a-z]+ /.test(text ?? ''))).toBe(true);
		expect(new Set(actions).size).toBe(actions.length);
		expect(descriptions.filter((text) => text === undefined)).toEqual([]);
	});

	test('what each parameter means', () => {
		const silent = nodeType('capScheduler').description.properties.filter(
			({ name, type, description, hint }) =>
				!['resource', 'operation'].includes(name) &&
				type !== 'collection' &&
				(description ?? hint) === undefined,
		);
		expect(silent.map(({ displayName }) => displayName)).toEqual([]);
	});
});

describe('words are meant on the clock of the workflow', () => {
	const cases: [words: string, sent: object][] = [
		['every 15m', { frequency: 'every 15m' }],
		['every 2 hours', { frequency: 'every 2 hours' }],
		['every weekday at 09:00', { frequency: 'every weekday at 09:00 in Europe/Berlin' }],
		['1st of the month at noon', { frequency: '1st of the month at noon in Europe/Berlin' }],
		['daily at 9am in Asia/Tokyo', { frequency: 'daily at 9am in Asia/Tokyo' }],
		['daily at 9am utc', { frequency: 'daily at 9am utc' }],
		['0 9 * * 1-5', { timing: { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' } }],
		['@daily', { timing: { cron: '@daily', timeZone: 'Europe/Berlin' } }],
		['in 10m', { time: 'in 10m' }],
		['2027-01-31T09:00:00+01:00', { time: '2027-01-31T09:00:00+01:00' }],
	];
	test.each(cases)('%s', async (words, sent) => {
		engine.expect('post', '/v1/timing/preview', {
			body: { ...sent, count: 5 },
			answer: { occurrences: [{ at: '1' }] },
		});
		const parameters = { resource: 'schedule', operation: 'preview', timingMode: 'words', words };
		expect(await run(parameters)).toMatchObject([{ json: { at: '1' } }]);
	});
});

describe('what cannot be done is refused before anything is sent', () => {
	test.each([
		[
			{ resource: 'schedule', operation: 'update', schedule: byId(SCHEDULE), timingMode: 'keep' },
			'There is nothing to change',
		],
		[
			{ resource: 'schedule', operation: 'preview', timingMode: 'words', words: ' ' },
			'"Words" is empty',
		],
		[
			{
				resource: 'schedule',
				operation: 'preview',
				timingMode: 'rules',
				rule: { interval: [{ field: 'cron' }] },
			},
			'Trigger rule 1 needs a cron expression',
		],
	])('%j', async (parameters, message) => {
		await expect(run(parameters)).rejects.toMatchObject({
			message: expect.stringContaining(message),
		});
		expect(engine.received).toEqual([]);
	});
});

test('the text of an iCalendar file is asked for again, as the engine does not show it', async () => {
	engine.expect('get', '/v1/calendars/closed', {
		answer: { name: 'closed', source: { kind: 'ics', characters: 100 } },
	});
	const parameters = { resource: 'calendar', operation: 'update', source: 'keep' };
	await expect(
		run({ ...parameters, calendar: byName('closed'), options: { title: 'x' } }),
	).rejects.toMatchObject({ message: expect.stringContaining('iCalendar file') });
});

test('somebody who changed it meanwhile is not overwritten', async () => {
	engine
		.expect('get', '/v1/calendars/closed', {
			answer: { name: 'closed', source: { kind: 'days' }, days: [] },
			answerHeaders: { 'content-type': 'application/json', etag: '"3"' },
		})
		.expect('put', '/v1/calendars/closed', {
			headers: { 'if-match': '"3"' },
			status: 412,
			answer: { status: 412, code: 'PRECONDITION_FAILED', detail: 'it is at 4', errors: [] },
		});
	const parameters = { resource: 'calendar', operation: 'update', source: 'keep' };
	await expect(
		run({ ...parameters, calendar: byName('closed'), options: { title: 'x' } }),
	).rejects.toMatchObject({
		message: 'it is at 4',
		description: expect.stringContaining('Somebody else changed it meanwhile'),
	});
});

test('a destination that nobody knows is named', async () => {
	engine.expect('get', '/v1/destinations', { answer: page({ id: DESTINATION, name: 'b' }) });
	await expect(
		run({ resource: 'destination', operation: 'delete', destination: byName('a') }),
	).rejects.toMatchObject({ message: 'There is no destination "a"' });
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
			{ json: { error: 'no run a', details: { code: 'NOT_FOUND' } }, pairedItem: { item: 0 } },
			{ json: { id: 'b' }, pairedItem: { item: 1 } },
		]);
	});

	test('it goes out by the error output, where the node has one', async () => {
		engine
			.expect('get', '/v1/runs/a', {
				status: 404,
				answer: { status: 404, code: 'NOT_FOUND', detail: 'no run a', errors: [] },
			})
			.expect('get', '/v1/runs/b', { answer: { id: 'b' } });
		expect(await run(parameters, { items, errorOutput: true })).toMatchObject([
			{ json: { error: 'no run a', details: { code: 'NOT_FOUND' } }, pairedItem: { item: 0 } },
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
				settingsMode: 'json',
				settings: '[1]',
			}),
		).rejects.toMatchObject({ message: '"settings" is not a JSON object' });
	});
});
