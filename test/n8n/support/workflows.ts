import { randomUUID } from 'node:crypto';

import type { N8nNode, WorkflowInput } from './n8n-client.ts';
import { PACKAGE } from './n8n-process.ts';

/* Workflows as the editor saves them. */

export const TRIGGER = 'CapSchedule Trigger';

type Credentials = NonNullable<N8nNode['credentials']>;

const node = (
	name: string,
	type: string,
	more: Partial<N8nNode> & Pick<N8nNode, 'parameters'>,
): N8nNode => ({
	id: randomUUID(),
	name,
	type,
	typeVersion: 1,
	position: [0, 0],
	...more,
});

/** A node of this package. */
export const ours = (
	name: string,
	type: string,
	{ credentials, parameters }: { credentials: Credentials; parameters: object },
): N8nNode =>
	node(name, `${PACKAGE}.${type}`, { credentials, parameters, webhookId: randomUUID() });

export interface TriggerWish {
	credentials: Credentials;
	/** Default: each January, so that nothing comes by itself. */
	cron?: string;
	respond?: 'immediately' | 'lastNode' | 'session';
	options?: object;
}

export const trigger = ({
	credentials,
	cron = '0 0 1 1 *',
	respond = 'lastNode',
	options = {},
}: TriggerWish): N8nNode =>
	ours(TRIGGER, 'capScheduleTrigger', {
		credentials,
		parameters: { rule: { interval: [{ field: 'cron', expression: cron }] }, respond, options },
	});

/** A node of n8n that sets fields; the others stay. */
export const setFields = (name: string, fields: Record<string, string | number>): N8nNode =>
	node(name, 'n8n-nodes-base.set', {
		typeVersion: 3.4,
		parameters: {
			assignments: {
				assignments: Object.entries(fields).map(([field, value], i) => ({
					id: String(i),
					name: field,
					value,
					type: typeof value === 'string' && value.startsWith('=') ? 'string' : typeof value,
				})),
			},
			includeOtherFields: true,
			options: {},
		},
	});

/** A node of n8n that runs JavaScript, once for all items. */
export const code = (name: string, jsCode: string): N8nNode =>
	node(name, 'n8n-nodes-base.code', { typeVersion: 2, parameters: { jsCode } });

/** A node of n8n that gives one item after the other by its second output, and all by the first in the end. */
export const loopOverItems = (name: string): N8nNode =>
	node(name, 'n8n-nodes-base.splitInBatches', { typeVersion: 3, parameters: { options: {} } });

/** A node of n8n that makes a file of its items, in the binary field `data`. */
export const toCsv: N8nNode = node('To CSV', 'n8n-nodes-base.convertToFile', {
	typeVersion: 1.1,
	parameters: { operation: 'csv', options: {} },
});

/** Starts an execution by a request of `/webhook/{path}`, which is answered at once. */
export const webhook = (
	path: string,
	responseMode = 'onReceived',
	httpMethod: 'GET' | 'POST' = 'GET',
): N8nNode =>
	node('Webhook', 'n8n-nodes-base.webhook', {
		typeVersion: 2,
		webhookId: randomUUID(),
		parameters: { path, httpMethod, responseMode, options: {} },
	});

/** One node after the other. */
export function chain(name: string, nodes: N8nNode[], settings: object = {}): WorkflowInput {
	const connections: Record<string, object> = {};
	for (const [i, { name: from }] of nodes.entries()) {
		const to = nodes[i + 1];
		if (to !== undefined) {
			connections[from] = { main: [[{ node: to.name, type: 'main', index: 0 }]] };
		}
	}
	return {
		name,
		settings,
		connections,
		nodes: nodes.map((one, i) => ({ ...one, position: [i * 220, 0] })),
	};
}

/** A chat with an agent whose only tool is a node of this package. */
export function agentWith({
	type,
	parameters,
	credentials,
	model,
}: {
	/** As n8n names it: with `Tool` at its end. */
	type: string;
	parameters: object;
	credentials: Credentials;
	model: Credentials;
}): WorkflowInput {
	const langchain = '@n8n/n8n-nodes-langchain';
	const to = (kind: string) => ({ [kind]: [[{ node: 'Agent', type: kind, index: 0 }]] });
	return {
		name: `An agent with ${type}`,
		// as the editor makes them: in the old order an agent goes on before its tool has answered
		settings: { executionOrder: 'v1' },
		connections: { Chat: to('main'), Model: to('ai_languageModel'), Tool: to('ai_tool') },
		nodes: [
			node('Chat', `${langchain}.chatTrigger`, {
				typeVersion: 1.1,
				webhookId: randomUUID(),
				parameters: { public: true, options: { responseMode: 'lastNode' } },
			}),
			node('Agent', `${langchain}.agent`, {
				typeVersion: 3.1,
				parameters: { promptType: 'auto', options: {} },
			}),
			node('Model', `${langchain}.lmChatOpenAi`, {
				typeVersion: 1.3,
				credentials: model,
				parameters: {
					model: { __rl: true, mode: 'id', value: 'gpt-5-mini' },
					responsesApiEnabled: false,
					options: {},
				},
			}),
			ours('Tool', type, { credentials, parameters: { descriptionType: 'auto', ...parameters } }),
		],
	};
}
