import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { callWebhook, engineAt, hookContext } from './support/n8n.ts';
import { RegistryEngine } from './support/registry-engine.ts';
import { create, DAILY, remove, WEBHOOK } from './support/trigger.ts';

let engine: RegistryEngine;

beforeEach(async () => {
	engine = await new RegistryEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
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
		expect(urls).toEqual([WEBHOOK, 'http://n8n.test/webhook-test/hook-1/occurrence']);
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
