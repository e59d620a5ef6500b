import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { callWebhook } from './support/n8n.ts';
import type { OutputSchema } from './support/output-schema.ts';
import { misfits } from './support/output-schema.ts';
import { signed } from './support/sign.ts';
import { DAILY } from './support/trigger.ts';

const schema = JSON.parse(readFileSync('nodes/CapSchedule/__schema__/v1.0.0.json', 'utf8')) as {
	properties: Record<string, OutputSchema>;
};

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

	test('tells of the last result, as the engine does', async () => {
		const previous = {
			runId: 'run_0',
			nominalAt: '2027-03-27T01:30:00.000Z',
			resultAt: '2027-03-27T01:30:09.000Z',
			rows: 3,
			size: 42,
			contentType: 'application/json',
			sha256: 'abc',
		};
		body = Buffer.from(JSON.stringify({ ...envelope, requestId: runId, previous }));
		const { result } = await send(signed(secret, body));
		expect(result.workflowData?.[0]?.[0]?.json['previous']).toEqual(previous);
		expect(misfits(previous, schema.properties['previous'])).toEqual([]);
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
