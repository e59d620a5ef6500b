/**
 * The real n8n-core, with the packed nodes loaded by its own loader. It is loaded by Node, not by Jest: it is
 * n8n's and not what is under test, and so it is loaded once for all.
 */
import { join } from 'node:path';

import type * as Core from 'n8n-workflow';

const tools = process.env['CAPSCHEDULER_N8N_TOOLS'] ?? '';
const folder = process.env['CAPSCHEDULER_N8N_NODES'] ?? '';
const real = process.getBuiltinModule('node:module').createRequire(join(tools, 'package.json'));

export const PACKAGE = 'n8n-nodes-capscheduler';
const core = real('n8n-core') as Record<string, any>;
const workflowModule = real('n8n-workflow') as Record<string, any>;
const { Container } = real('@n8n/di') as { Container: { get(token: unknown): any } };

export const API_KEY = 'csk_test';
/** Where the credential of the tests points. */
export const engineAt = { url: '', apiKey: API_KEY };

const loader = new core['PackageDirectoryLoader'](folder);
await loader.loadAll();

class CredentialsHelper extends workflowModule['ICredentialsHelper'] {
	getParentTypes = () => [];
	isCredentialUsableByNode = () => true;
	preAuthentication = async () => undefined;
	authenticate = async (
		credentials: { apiKey: string },
		_type: string,
		options: { headers?: object },
	) => ({
		...options,
		headers: { ...options.headers, authorization: `Bearer ${credentials.apiKey}` },
	});
	getDecrypted = async () => ({ baseUrl: engineAt.url, apiKey: engineAt.apiKey });
	getCredentials = async () => ({});
	getCredentialsProperties = () => [];
	updateCredentials = async () => undefined;
	updateCredentialsOauthTokenData = async () => undefined;
	runPreAuthentication = async () => undefined;
}

const nodeTypes = {
	getByName: (type: string) => loader.getNode(type.replace(/^.*\./, '')).type,
	getByNameAndVersion: (type: string) => loader.getNode(type.replace(/^.*\./, '')).type,
	getKnownTypes: () => loader.known.nodes,
};

/** A module of the packed nodes, by its path in dist/. */
export const compiled = (path: string): unknown => real(join(folder, 'dist', path));

export const nodeType = (name: string): Core.INodeType => nodeTypes.getByName(name);
export const codexOf = (name: string): Record<string, unknown> =>
	(nodeType(name).description as any).codex;
export const known = loader.known as { nodes: object; credentials: object };

export function additionalData(more: object = {}): any {
	return {
		credentialsHelper: new CredentialsHelper(),
		executionId: '17',
		hooks: new core['ExecutionLifecycleHooks']('manual', '17', {}),
		restApiUrl: 'http://n8n.test/rest',
		instanceBaseUrl: 'http://n8n.test',
		formWaitingBaseUrl: 'http://n8n.test/form-waiting',
		webhookBaseUrl: 'http://n8n.test/webhook',
		webhookWaitingBaseUrl: 'http://n8n.test/webhook-waiting',
		webhookTestBaseUrl: 'http://n8n.test/webhook-test',
		currentNodeExecutionIndex: 0,
		variables: {},
		setExecutionStatus: () => undefined,
		sendDataToUI: () => undefined,
		executeWorkflow: () => undefined,
		getRunExecutionData: async () => undefined,
		logAiEvent: () => undefined,
		...more,
	};
}

export function makeWorkflow(
	nodes: Partial<Core.INode>[],
	connections: object = {},
	more: object = {},
): any {
	return new workflowModule['Workflow']({
		id: 'wf1',
		name: 'Month-end report',
		active: true,
		nodeTypes,
		settings: { timezone: 'Europe/Berlin' },
		connections,
		...more,
		nodes: nodes.map((node, i) => ({
			id: `node-${i}`,
			typeVersion: 1,
			position: [0, 0],
			credentials: { capSchedulerApi: { id: '1', name: 'engine' } },
			parameters: {},
			webhookId: 'hook-1',
			...node,
		})),
	});
}

export interface RunWish {
	node: string;
	parameters: Core.INodeParameters;
	items?: Core.INodeExecutionData[];
	continueOnFail?: boolean;
	/** Goes on with what failed by the error output, and gives that. */
	errorOutput?: boolean;
	executionId?: string;
	/** What the workflow's CapSchedule Trigger began with. */
	began?: Core.IDataObject;
	/** What the node keeps with the execution. */
	context?: Core.IDataObject;
}

const TRIGGER = 'CapSchedule Trigger';
/** Of the same workflow, where that is begun by a trigger; did not begin this execution. */
const IDLE_TRIGGER = 'Another Trigger';

/** Runs one node by n8n's own engine; gives its items, or throws its error. */
export async function runNode(wish: RunWish): Promise<Core.INodeExecutionData[]> {
	const { resultData } = await runOf(wish);
	return resultData.runData.Tested[0].data.main[wish.errorOutput === true ? 1 : 0];
}

/** What n8n keeps of an execution of one node: whether it sleeps, and until when. Throws the node's error. */
export async function runOf({
	node,
	parameters,
	items = [{ json: {} }],
	continueOnFail = false,
	errorOutput = false,
	executionId = '17',
	began,
	context,
}: RunWish): Promise<any> {
	const tested = {
		name: 'Tested',
		type: `${PACKAGE}.${node}`,
		parameters,
		...(continueOnFail ? { onError: 'continueRegularOutput' as const } : {}),
		...(errorOutput ? { onError: 'continueErrorOutput' as const } : {}),
	};
	const triggers = [IDLE_TRIGGER, TRIGGER].map((name) => ({
		name,
		type: `${PACKAGE}.capScheduleTrigger`,
	}));
	const main = [[{ node: 'Tested', type: 'main', index: 0 }]];
	const workflow =
		began === undefined
			? makeWorkflow([tested])
			: makeWorkflow([...triggers, tested], { [IDLE_TRIGGER]: { main }, [TRIGGER]: { main } });
	const data = core['createRunExecutionData'] ?? workflowModule['createRunExecutionData'];
	const ran = { data: { main: [[{ json: began }]] }, source: [], executionStatus: 'success' };
	const runExecutionData = data({
		resultData: { runData: began === undefined ? {} : { [TRIGGER]: [ran] } },
		executionData: {
			contextData: context === undefined ? {} : { 'node:Tested': context },
			metadata: {},
			waitingExecution: {},
			waitingExecutionSource: {},
			nodeExecutionStack: [
				{ node: workflow.getNode('Tested'), data: { main: [items] }, source: null },
			],
		},
	});
	const execute = new core['WorkflowExecute'](
		additionalData({ executionId }),
		'manual',
		runExecutionData,
	);
	const run = await execute.processRunExecutionData(workflow);
	const { resultData } = run.data;
	if (resultData.error !== undefined) throw resultData.error;
	return run.data;
}

export { Container, core, workflowModule };

/** What n8n hands to whatever fills lists and forms of a node whose parameters are these. */
export function loadOptionsContext(node: string, parameters: Core.INodeParameters): any {
	const workflow = makeWorkflow([{ name: 'Tested', type: `${PACKAGE}.${node}`, parameters }]);
	return new core['LoadOptionsContext'](
		workflow,
		workflow.getNode('Tested'),
		additionalData({ currentNodeParameters: parameters }),
		'',
	);
}

/** What n8n hands to `webhookMethods` of a trigger. */
export function hookContext(
	parameters: object,
	{ activation = 'activate', staticData = {} }: { activation?: string; staticData?: object } = {},
): any {
	const node = {
		name: 'CapSchedule Trigger',
		type: `${PACKAGE}.capScheduleTrigger`,
		parameters: parameters as Core.INodeParameters,
	};
	const workflow = makeWorkflow(
		[node],
		{},
		{ staticData: { 'node:CapSchedule Trigger': staticData } },
	);
	const mode = activation === 'manual' ? 'manual' : 'trigger';
	const webhookDescription = nodeType('capScheduleTrigger').description.webhooks?.[0];
	return new core['HookContext'](
		workflow,
		workflow.getNode('CapSchedule Trigger'),
		additionalData(),
		mode,
		activation,
		{ webhookDescription, isTest: activation === 'manual' },
	);
}

export interface WebhookAnswer {
	response: { status?: number; body?: unknown };
	result: Core.IWebhookResponseData;
}

/** Sends a request to the webhook of a node, as n8n hands it on. */
export async function callWebhook(
	node: { type: string; parameters: object; staticData?: object; mode?: string },
	request: { headers: Record<string, string>; body: Buffer },
	/** The execution that sleeps. */
	asleep: object | null = null,
): Promise<WebhookAnswer> {
	const response: WebhookAnswer['response'] = {};
	const httpResponse = {
		status(code: number) {
			response.status = code;
			return this;
		},
		json(body: unknown) {
			response.body = body;
			return this;
		},
	};
	const workflow = makeWorkflow(
		[{ name: 'Tested', type: `${PACKAGE}.${node.type}`, parameters: node.parameters as never }],
		{},
		{ staticData: { 'node:Tested': node.staticData ?? {} } },
	);
	const type = nodeType(node.type);
	const httpRequest = {
		headers: request.headers,
		rawBody: request.body,
		body: JSON.parse(request.body.toString() || 'null'),
		query: {},
		params: {},
	};
	const context = new core['WebhookContext'](
		workflow,
		workflow.getNode('Tested'),
		additionalData({ httpRequest, httpResponse }),
		node.mode ?? 'webhook',
		{ webhookDescription: type.description.webhooks?.[0] },
		[],
		asleep,
	);
	const result = await type.webhook!.call(context);
	return { response, result };
}
