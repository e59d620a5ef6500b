/** The nodes as tools of an AI agent in the real n8n; the model is played, see `FakeModel`. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Turn } from './support/fake-model.ts';
import { FakeModel } from './support/fake-model.ts';
import { agentWith } from './support/workflows.ts';
import { World } from './support/world.ts';

jest.setTimeout(300_000);

let world: World;
let receiver: Receiver;
beforeAll(async () => {
	receiver = await startReceiver();
	world = await World.open();
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

describe('RuntimeSession', () => {
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

test('Deliver brings what the model says, and tells it the receipt', async () => {
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

test('Format makes a file, and tells the model of it', async () => {
	const parameters = {
		...{ source: 'items', format: 'csv', optionsMode: 'json', formatOptionsJson: '{}' },
		...{ fileName: fromModel('File_Name'), binaryProperty: 'data' },
	};
	const [made] = await answers({ type: 'formatTool', parameters }, [{ File_Name: 'note.csv' }]);
	expect(made).toContain('note.csv');
});
