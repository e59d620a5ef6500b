import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { Editor } from './support/editor.ts';
import { EXAMPLES, importExample, readExample } from './support/examples.ts';
import { FakeModel } from './support/fake-model.ts';
import type { Execution, StoredWorkflow } from './support/n8n-client.ts';
import { outputOf } from './support/n8n-client.ts';
import { until } from './support/until.ts';
import { World } from './support/world.ts';

/* The workflows of docs/n8n, imported into the real n8n and run with a real engine. */

jest.setTimeout(600_000);

const server = new CapabilityServer();
const root = mkdtempSync(join(tmpdir(), 'capscheduler-examples-'));
let world: World;

beforeAll(async () => {
	await server.start();
	world = await World.open({ engineSettings: { CAPSCHEDULER_FILE_ROOTS: root } });
});
afterAll(async () => {
	await world?.close();
	await server.close();
	rmSync(root, { recursive: true });
});

const capability = (name: string, actions: object, mode = 'sync'): Promise<unknown> =>
	world.engine('PUT', `/v1/capabilities/${name}`, {
		actions,
		binding: { type: 'http', url: server.url(`/${name}`), mode },
	});

/** A destination that is a folder. @returns the names of the files that arrived there so far */
async function folder(name: string): Promise<() => string[]> {
	const place = join(root, name);
	mkdirSync(place);
	await world.engine('POST', '/v1/destinations', {
		name,
		channel: 'file',
		settings: { folder: place },
	});
	return () => readdirSync(place);
}

const contentOf = (name: string, file: string): string =>
	readFileSync(join(root, name, file), 'utf8');

/** Publishes an example, and has the engine run its schedule now. */
async function runOf(file: string): Promise<{ workflow: StoredWorkflow; execution: Execution }> {
	const workflow = await importExample(world, file);
	await world.n8n.publish(workflow.id);
	const [schedule] = await world.schedulesOf(workflow.id);
	await world.engine('POST', `/v1/schedules/${schedule!.id}/trigger`);
	return { workflow, execution: await world.n8n.executed(workflow.id) };
}

test('month-end report: a file in a folder, and a link to it', async () => {
	const files = await folder('reports-folder');
	server.json('/reports', { rows: [{ product: 'Chair', sales: 42 }] });
	await capability('reports', { 'monthly-sales': { parameters: { type: 'object' } } });

	const { execution } = await runOf('month-end-report.json');
	expect(execution).toMatchObject({ status: 'success' });
	expect(files()).toEqual([expect.stringMatching(/^sales-\d{4}-\d\d\.csv$/)]);
	expect(contentOf('reports-folder', files()[0]!)).toContain('Chair,42');
	const { json } = outputOf(execution, 'File and Link')[0]!;
	expect(json).toMatchObject({
		state: 'delivered',
		deliveries: [{ receipt: { sha256: expect.any(String) } }],
	});
	const link = await fetch(json['link'].url);
	expect(await link.text()).toContain('Chair,42');
	// the report is about what lies between two occurrences
	expect(JSON.parse(server.received.at(-1)!.body)).toMatchObject({
		parameters: { to: expect.any(String) },
	});
});

test('retry and fallback: the second source is asked, the second place takes it', async () => {
	const files = await folder('archive');
	server.json('/prices', { message: 'down' }, 503);
	server.json('/prices-backup', { rows: [{ item: 'Chair', price: 99 }] });
	server.json('/closed', {}, 302, { location: '/elsewhere' });
	await capability('prices', { fetch: {} });
	await capability('prices-backup', { fetch: {} });
	await world.engine('POST', '/v1/destinations', {
		name: 'warehouse',
		channel: 'webhook',
		settings: { url: server.url('/closed') },
	});

	const { execution } = await runOf('retry-and-fallback.json');
	expect(execution).toMatchObject({ status: 'success' });
	expect(server.received.filter(({ url }) => url === '/prices')).toHaveLength(3);
	expect(outputOf(execution, 'Second Source')[0]?.json).toEqual({ item: 'Chair', price: 99 });
	expect(outputOf(execution, 'To the Warehouse')[0]?.json).toMatchObject({
		state: 'delivered',
		deliveries: [{ state: 'dead' }, { state: 'delivered' }],
	});
	expect(contentOf('archive', files()[0]!)).toContain('Chair,99');
});

test('fan-out: each customer has a file; one that fails does not keep the others', async () => {
	const files = await folder('customers-folder');
	server.on('/customers', (response, { body }) => {
		const { action, parameters } = JSON.parse(body) as {
			action: string;
			parameters: { customer?: string };
		};
		const status = parameters.customer === 'beta' ? 400 : 200;
		response.writeHead(status, { 'content-type': 'application/json' });
		const rows =
			action === 'list'
				? ['acme', 'beta', 'corp'].map((id) => ({ id }))
				: [{ customer: parameters.customer, orders: 3 }];
		response.end(JSON.stringify(status === 400 ? { message: 'no contract' } : { rows }));
	});
	await capability('customers', { list: {}, report: { parameters: { type: 'object' } } });

	const { execution } = await runOf('fan-out-over-customers.json');
	expect(execution).toMatchObject({ status: 'success' });
	expect(files().sort()).toEqual(['report-acme.csv', 'report-corp.csv']);
	expect(contentOf('customers-folder', 'report-corp.csv')).toContain('corp,3');
	expect(outputOf(execution, 'What Failed')[0]?.json).toMatchObject({
		customer: 'beta',
		why: expect.stringContaining('no contract'),
	});
});

describe('a long job', () => {
	let workflow: StoredWorkflow;
	beforeAll(async () => {
		server.on('/warehouse', (response) => response.writeHead(202).end());
		await capability('warehouse', { rebuild: { parameters: { type: 'object' } } }, 'async');
		workflow = await importExample(world, 'long-job-by-callback.json');
		await world.n8n.publish(workflow.id);
	});

	/** Has the schedule fire, waits until the execution sleeps, and ends the job so. */
	async function ended(envelope: object): Promise<Execution> {
		const known = new Set((await world.n8n.executions(workflow.id)).map(({ id }) => id));
		const before = server.received.length;
		const [schedule] = await world.schedulesOf(workflow.id);
		await world.engine('POST', `/v1/schedules/${schedule!.id}/trigger`);
		const asleep = await until('the execution to sleep', async () =>
			(await world.n8n.executions(workflow.id)).find(
				({ id, status }) => status === 'waiting' && !known.has(id),
			),
		);
		const job = await until('the job', async () =>
			server.received.slice(before).find(({ url }) => url === '/warehouse'),
		);
		const { callback } = JSON.parse(job.body) as { callback: { url: string; token: string } };
		await fetch(callback.url, {
			method: 'POST',
			headers: { 'content-type': 'application/json', 'x-session-token': callback.token },
			body: JSON.stringify(envelope),
		});
		return world.n8n.executed(workflow.id, ({ id }) => id === asleep.id);
	}

	test('wakes the execution that sleeps, with its result', async () => {
		const rows = [{ step: 'rebuilt' }];
		const execution = await ended({ status: 'succeeded', result: { rows } });
		expect(execution).toMatchObject({ status: 'success' });
		expect(outputOf(execution, 'Rebuild the Warehouse')[0]?.json).toEqual({ step: 'rebuilt' });
		const { json } = outputOf(execution, 'Link to the Protocol')[0]!;
		expect(await (await fetch(json['link'].url)).text()).toContain('rebuilt');
	});

	test('that fails takes the error output, and nothing else', async () => {
		const error = { code: 'DISK', message: 'the disk is full', retry: 'never' };
		const execution = await ended({ status: 'failed', error });
		expect(execution).toMatchObject({ status: 'success' });
		expect(outputOf(execution, 'Why It Failed')[0]?.json).toEqual({
			why: expect.stringContaining('the disk is full'),
		});
		expect(Object.keys(execution.data!.resultData.runData)).not.toContain('Link to the Protocol');
	});
});

test('an AI agent makes a schedule and explains it, by tools that a model understands', async () => {
	await capability('sales', {
		send: { parameters: { type: 'object', properties: { region: { type: 'string' } } } },
	});
	const model = await new FakeModel([
		{ calls: 'List_Capabilities', with: () => ({}) },
		{
			calls: 'Create_Schedule',
			with: () => ({
				Capability: 'sales',
				Action: 'send',
				Parameters_JSON: { region: 'EU' },
				Words: 'every weekday at 09:00',
				Name: 'Sales by chat',
			}),
		},
		{
			calls: 'Explain_Occurrence',
			with: (answers) => ({ Schedule: /sch_[0-9a-z]{26}/.exec(answers.at(-1) ?? '')?.[0] }),
		},
		{ says: 'It is due every weekday at nine.' },
	]).start();
	try {
		const credential = await world.n8n.api<{ id: string; name: string }>('/credentials', {
			method: 'POST',
			body: {
				name: 'Fake model',
				type: 'openAiApi',
				data: { apiKey: 'none', url: model.url, header: false },
			},
		});
		const workflow = await importExample(world, 'ai-agent-manages-schedules.json', {
			type: '@n8n/n8n-nodes-langchain.lmChatOpenAi',
			credentials: { openAiApi: { id: credential.id, name: credential.name } },
		});
		await world.n8n.publish(workflow.id);
		const chat = workflow.nodes.find(({ name }) => name === 'Chat');
		const answer = await fetch(`${world.n8n.url}/webhook/${chat!.webhookId}/chat`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({
				action: 'sendMessage',
				sessionId: 'one',
				chatInput: 'Send me the sales of the EU every weekday at nine.',
			}),
		});
		expect(await answer.json()).toMatchObject({ output: 'It is due every weekday at nine.' });

		expect(model.tools.map(({ name, description }) => `${name}: ${description}`).sort()).toEqual([
			'Create_Schedule: Create a schedule in CapScheduler',
			'Explain_Occurrence: Explain an occurrence in CapScheduler',
			'Find_Schedules: Get many schedules in CapScheduler',
			'List_Capabilities: Get many capabilities in CapScheduler',
			'Pause_Schedule: Pause a schedule in CapScheduler',
		]);
		const create = model.tools.find(({ name }) => name === 'Create_Schedule');
		expect(create?.parameters.properties).toMatchObject({
			Words: { type: 'string', description: expect.stringContaining('every weekday at 09:00') },
		});
		const [made] = await world.all<{ id: string; timing: object; name: string }>(
			'/v1/schedules?capability=sales',
		);
		expect(made).toMatchObject({ name: 'Sales by chat', timing: { timeZone: 'Europe/Berlin' } });
		// what the tools answered is what the model went on with
		const told = JSON.stringify(model.requests.at(-1)?.messages);
		expect(told).toContain('will_run');
	} finally {
		model.close();
	}
});

test('every example is run above, and opens in the editor', async () => {
	const editor = await Editor.open(world);
	try {
		for (const file of EXAMPLES) {
			const { id } = await importExample(world, file);
			await editor.openWorkflow(id);
			for (const { name } of readExample(file).nodes) {
				if (!name.startsWith('Note')) await editor.node(name).waitFor();
			}
			await editor.byId('zoom-to-fit').click();
			await editor.picture(file.replace('.json', ''));
		}
	} finally {
		await editor.close();
	}
});
