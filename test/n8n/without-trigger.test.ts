/**
 * Workflows of the real n8n that do not begin with the CapSchedule Trigger: capabilities behind a Webhook node, and
 * agents whose tools are the nodes (the model is played, see `FakeModel`).
 */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Turn } from './support/fake-model.ts';
import { FakeModel } from './support/fake-model.ts';
import type { N8nNode } from './support/n8n-client.ts';
import { agentWith, chain, setFields, webhook } from './support/workflows.ts';
import type { RunRow } from './support/world.ts';
import { World } from './support/world.ts';

jest.setTimeout(300_000);

let world: World;
let receiver: Receiver;
beforeAll(async () => {
	receiver = await startReceiver();
	// not three minutes: one workflow is not published
	world = await World.open({ engineSettings: { CAPSCHEDULER_N8N_WEBHOOK_WAIT: '1s' } });
	await world.engine('PUT', '/v1/capabilities/outside', {
		actions: { work: {} },
		binding: { type: 'http', url: receiver.url },
	});
});
afterAll(async () => {
	await (world as World | undefined)?.close();
	await receiver.close();
});
beforeEach(() => {
	receiver.answer = (_request, response) =>
		response.setHeader('content-type', 'application/json').end('[{"region":"EU","sales":42}]');
});

describe('a workflow behind a Webhook node, which the engine knows by its binding "n8n"', () => {
	/** Publishes a workflow that is started by a POST, and registers it. */
	async function registered(name: string, webhookNode: N8nNode, binding = {}): Promise<string> {
		const { n8n } = world;
		const nodes = [webhookNode, setFields('Set', { answer: 42 })];
		const { id } = await n8n.createWorkflow(chain(name, nodes));
		await n8n.publish(id);
		await world.engine('PUT', `/v1/capabilities/${name}`, {
			actions: { run: {} },
			binding: { type: 'n8n', url: `${world.n8n.url}/webhook/${name}`, ...binding },
		});
		return id;
	}
	const invoked = async (name: string): Promise<RunRow> => {
		const { id } = await world.engine<RunRow>(
			'POST',
			`/v1/capabilities/${name}/actions/run/invoke`,
			{ parameters: { region: 'EU' } },
		);
		return world.over(id);
	};

	test('runs, and its last node gives the result', async () => {
		const hook = webhook('plain', 'lastNode', 'POST');
		await registered('plain', hook);
		const run = await invoked('plain');
		expect(run.state).toBe('succeeded');
		const result = await world.resultOf(run);
		expect(result).toMatchObject({ answer: 42, body: { parameters: { region: 'EU' } } });
	});

	test('asks for a header, which the engine sends', async () => {
		const { n8n } = world;
		const { id, name } = await n8n.api<{ id: string; name: string }>('/credentials', {
			method: 'POST',
			body: {
				name: 'Header',
				type: 'httpHeaderAuth',
				data: { name: 'x-secret', value: 'geheim' },
			},
		});
		const hook = webhook('guarded', 'lastNode', 'POST');
		Object.assign(hook.parameters, { authentication: 'headerAuth' });
		hook.credentials = { httpHeaderAuth: { id, name } };
		await registered('guarded', hook, { headerName: 'x-secret', headerValue: 'geheim' });
		expect(await invoked('guarded')).toMatchObject({ state: 'succeeded' });
		await world.engine('PUT', '/v1/capabilities/guarded', {
			actions: { run: {} },
			binding: { type: 'n8n', url: `${world.n8n.url}/webhook/guarded` },
		});
		expect(await invoked('guarded')).toMatchObject({
			state: 'failed',
			error: { code: 'TARGET_REFUSED' },
		});
	});

	test('that takes GET only is told so, and one that is not published is asked for a while', async () => {
		await registered('getter', webhook('getter', 'lastNode', 'GET'));
		expect(await invoked('getter')).toMatchObject({
			state: 'failed',
			error: { message: expect.stringContaining('must take POST') },
		});
		const id = await registered('gone', webhook('gone', 'lastNode', 'POST'));
		await world.n8n.unpublish(id);
		const run = await invoked('gone');
		expect(run).toMatchObject({
			state: 'failed',
			error: { message: expect.stringContaining('the workflow is not published') },
		});
		expect(run.attempts).toHaveLength(2);
	});
});

const fromModel = (name: string, type = 'string'): string =>
	`={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('${name}', \`\`, '${type}') }}`;
const named = (value: string) => ({ __rl: true, mode: 'name', value });

/** What a tool answers to a model that calls it like this, one call after the other. */
async function answers(
	tool: { type: string; parameters: object },
	calls: readonly object[],
): Promise<string[]> {
	const turns = calls.map((given): Turn => ({ calls: 'Tool', with: () => given }));
	const model = await new FakeModel([...turns, { says: 'Done.' }]).start();
	try {
		const { id, name } = await world.n8n.api<{ id: string; name: string }>('/credentials', {
			method: 'POST',
			body: {
				name: 'Fake model',
				type: 'openAiApi',
				data: { apiKey: 'none', url: model.url, header: false },
			},
		});
		const { credentials } = world;
		const workflow = await world.n8n.createWorkflow(
			agentWith({ ...tool, credentials, model: { openAiApi: { id, name } } }),
		);
		await world.n8n.publish(workflow.id);
		const chat = workflow.nodes.find((node) => node.name === 'Chat');
		const response = await fetch(`${world.n8n.url}/webhook/${chat!.webhookId}/chat`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ action: 'sendMessage', sessionId: 'one', chatInput: 'Do it.' }),
		});
		expect(await response.json()).toMatchObject({ output: 'Done.' });
		return model.answers;
	} finally {
		model.close();
	}
}

describe('RuntimeSession as a tool', () => {
	const parameters = {
		operation: 'invoke',
		capability: named(fromModel('Capability')),
		action: named('work'),
		parametersMode: 'json',
		parametersJson: fromModel('Parameters', 'json'),
		wait: 'inline',
		output: 'items',
	};

	test('asks a capability with what the model says, each time it is called', async () => {
		const call = { Capability: 'outside', Parameters: { region: 'EU' } };
		const before = receiver.received.length;
		const told = await answers({ type: 'runtimeSessionTool', parameters }, [call, call]);
		expect(told).toEqual([expect.stringContaining('42'), expect.stringContaining('42')]);
		const asked = receiver.received.slice(before).map(({ body }) => JSON.parse(body.toString()));
		expect(asked).toMatchObject([
			{ parameters: { region: 'EU' } },
			{ parameters: { region: 'EU' } },
		]);
	});

	test('does not sleep, and tells the model in words what is wrong', async () => {
		const sleeping = { ...parameters, wait: 'callback' };
		const call = { Capability: 'outside', Parameters: {} };
		const unknown = { Capability: 'nobody', Parameters: {} };
		const [asleep] = await answers({ type: 'runtimeSessionTool', parameters: sleeping }, [call]);
		expect(asleep).toContain('A tool cannot wait by callback');
		const [missing] = await answers({ type: 'runtimeSessionTool', parameters }, [unknown]);
		expect(missing).toContain('nobody');
	});
});

test('Deliver as a tool brings what the model says, and tells it the receipt', async () => {
	const parameters = {
		...{ source: 'items', to: 'channel', channel: 'webhook', settingsMode: 'json' },
		settings: JSON.stringify({ url: receiver.url }),
		...{ format: 'csv', optionsMode: 'json', formatOptionsJson: '{}' },
		...{ fileName: fromModel('File_Name'), when: 'always', fallback: [], wait: true },
	};
	const before = receiver.received.length;
	const [receipt] = await answers({ type: 'deliverTool', parameters }, [{ File_Name: 'note.csv' }]);
	expect(receipt).toContain('delivered');
	expect(receiver.received.slice(before)[0]?.headers['content-disposition']).toContain('note.csv');
});

test('Format as a tool makes a file, and tells the model of it', async () => {
	const parameters = {
		...{ source: 'items', format: 'csv', optionsMode: 'json', formatOptionsJson: '{}' },
		...{ fileName: fromModel('File_Name'), binaryProperty: 'data' },
	};
	const [made] = await answers({ type: 'formatTool', parameters }, [{ File_Name: 'note.csv' }]);
	expect(made).toContain('note.csv');
});
