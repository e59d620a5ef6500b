import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { engineAt, hookContext } from './support/n8n.ts';
import { RegistryEngine } from './support/registry-engine.ts';
import { checkExists, create, DAILY, remove, WEBHOOK } from './support/trigger.ts';

let engine: RegistryEngine;

beforeEach(async () => {
	engine = await new RegistryEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
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
			binding: { type: 'n8n', url: WEBHOOK, mode: 'sync', previous: true, secret },
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
