import { createHmac } from 'node:crypto';

import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { NodeOperationError, sleep, WAIT_INDEFINITELY } from 'n8n-workflow';

import { readObject, readParameters, textOf } from '../shared/parameter-form';
import type { PolicyFields } from '../shared/policies';
import { buildPolicies } from '../shared/policies';
import { CREDENTIAL, idempotencyKey, path, send } from '../shared/transport';
import { signedBody } from '../shared/webhook';
import type { OutputMode, OutputWish, Run } from './result';
import { findRun, isOver, outputOf } from './result';

interface InvokeOptions extends PolicyFields {
	maxWait?: number;
}

const minutesOf = ({ maxWait = 10 }: InvokeOptions): number => maxWait;

type Wait = 'inline' | 'callback' | 'none';

/** Seconds: the longest that the engine holds an answer back. */
const HELD = 50;
/** Milliseconds between looks at a run that takes longer. */
const LOOK_EVERY = 1_000;

/** Runs an action; undefined when the execution is to sleep until the engine calls back. */
export async function invoke(
	context: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[] | undefined> {
	const wait = context.getNodeParameter('wait', itemIndex) as Wait;
	const options = context.getNodeParameter('options', itemIndex, {}) as InvokeOptions;
	const woken = wait === 'callback' ? wokenFor(context, itemIndex) : undefined;
	if (woken !== undefined && isAwaited(context, woken)) {
		const ended = await findRun(context, woken, itemIndex);
		return outputOf(context, ended, { ...wishOf(context, itemIndex), itemIndex });
	}
	if (woken !== undefined) return fallAsleep(context);
	if (wait === 'callback') refuseSleep(context);
	const begunAt = Date.now();
	const run = await start(context, itemIndex, { wait, options });
	const pairedItem = { item: itemIndex };
	if (wait === 'none') return [{ json: run, pairedItem }];
	if (wait === 'callback') {
		awaitedBy(context)[AWAITED] = run.id;
		return fallAsleep(context);
	}
	const ended = await untilOver(context, run, { begunAt, minutes: minutesOf(options), itemIndex });
	return outputOf(context, ended, { ...wishOf(context, itemIndex), itemIndex });
}

async function start(
	context: IExecuteFunctions,
	itemIndex: number,
	{ wait, options }: { wait: Wait; options: InvokeOptions },
): Promise<Run> {
	const capability = textOf(context, 'capability', itemIndex);
	const action = textOf(context, 'action', itemIndex);
	const delivery = readObject(context, 'delivery', itemIndex);
	const body: IDataObject = {
		parameters: readParameters(context, itemIndex),
		policies: buildPolicies(options),
		...(Object.keys(delivery).length === 0 ? {} : { delivery }),
		...(wait === 'callback' ? { notify: [await resumption(context)] } : {}),
	};
	const held = Math.min(HELD, Math.ceil(minutesOf(options) * 60));
	const where = path`/v1/capabilities/${capability}/actions/${action}/invoke`;
	const { body: run } = await send<Run>(context, {
		method: 'POST',
		path: where,
		body,
		itemIndex,
		timeout: (HELD + 20) * 1000,
		headers: {
			'idempotency-key': idempotencyKey(context, itemIndex, { path: where, body }),
			...(wait === 'inline' ? { prefer: `wait=${held}` } : {}),
		},
	});
	return run;
}

/** There is one sleep in an execution, and none in a tool. */
function refuseSleep(context: IExecuteFunctions): void {
	const node = context.getNode();
	if (node.type.endsWith('Tool')) {
		throw new NodeOperationError(node, 'A tool cannot wait by callback', {
			description: 'Set "Wait for Result" to "Inline" or "Do Not Wait".',
		});
	}
	if (context.getInputData().length > 1) {
		throw new NodeOperationError(node, 'Waiting by callback takes one item', {
			description:
				'An execution can sleep for one run at a time. Put a Loop Over Items node with a batch size of 1 before it, or wait inline.',
		});
	}
}

async function untilOver(
	context: IExecuteFunctions,
	begun: Run,
	{ begunAt, minutes, itemIndex }: { begunAt: number; minutes: number; itemIndex: number },
): Promise<Run> {
	const givenUpAt = begunAt + minutes * 60_000;
	let run = begun;
	while (!isOver(run)) {
		if (Date.now() >= givenUpAt) {
			throw new NodeOperationError(
				context.getNode(),
				`The run ${run.id} is still ${run.state} after ${minutes} minutes`,
				{
					itemIndex,
					description:
						'It goes on in CapScheduler. Raise "Maximum Wait", or wait by callback, which costs nothing.',
				},
			);
		}
		await sleep(LOOK_EVERY);
		run = await findRun(context, run.id, itemIndex);
	}
	// only the details tell of which kind the result is
	return run.result === undefined ? findRun(context, run.id, itemIndex) : run;
}

function wishOf(context: IExecuteFunctions | IWebhookFunctions, itemIndex: number): OutputWish {
	const parameter = (name: string, fallback: string): string =>
		'getInputData' in context
			? (context.getNodeParameter(name, itemIndex, fallback) as string)
			: (context.getNodeParameter(name, fallback) as string);
	return {
		mode: parameter('output', 'items') as OutputMode,
		format: parameter('format', ''),
		property: parameter('binaryProperty', 'data'),
	};
}

/** Where and how the engine wakes the execution. */
async function resumption(context: IExecuteFunctions): Promise<IDataObject> {
	const url = context.evaluateExpression('{{ $execution.resumeUrl }}', 0) as string;
	return { url, secret: await resumeSecret(context) };
}

/** Of this node in this execution; made of the key, so that nothing secret is kept with the execution. */
async function resumeSecret(context: IExecuteFunctions | IWebhookFunctions): Promise<string> {
	const { apiKey } = await context.getCredentials<{ apiKey: string }>(CREDENTIAL);
	const place = `resume\n${context.getExecutionId()}\n${context.getNode().id}`;
	return `whsec_${createHmac('sha256', apiKey).update(place).digest('base64')}`;
}

/**
 * Without an end: when n8n itself ends a sleep, the node's input goes on as if it were the result. A run ends, and
 * the engine tells of it.
 */
async function fallAsleep(context: IExecuteFunctions): Promise<undefined> {
	await context.putExecutionToWait(WAIT_INDEFINITELY);
	return undefined;
}

/** In what n8n keeps for this node with the execution: the run that it sleeps for. */
const AWAITED = 'capSchedulerAwaits';

const awaitedBy = (context: IExecuteFunctions): IDataObject =>
	context.getContext('node') as IDataObject;

/**
 * A callback may come twice, and the second when the node sleeps for another run, in a loop: that must not end
 * with the result of the run before.
 */
function isAwaited(context: IExecuteFunctions, runId: string): boolean {
	const awaited = awaitedBy(context)[AWAITED];
	return awaited === undefined || awaited === runId;
}

/** The field of the item by which `execute` knows that it has slept, and for which run. */
const WOKEN = 'capSchedulerRunEnded';

function wokenFor(context: IExecuteFunctions, itemIndex: number): string | undefined {
	const runId = context.getInputData()[itemIndex]?.json[WOKEN];
	return typeof runId === 'string' ? runId : undefined;
}

/**
 * The engine says that the run has ended. The node is executed once more, which gets the result: an error there
 * is one of the node, that stops, goes on or is tried again as its settings say.
 */
export async function resume(context: IWebhookFunctions): Promise<IWebhookResponseData> {
	const received = signedBody(context, await resumeSecret(context));
	if ('refusal' in received) return received.refusal;
	const { runId } = readNotification(received.body);
	const webhookResponse = { status: 'resumed' };
	if (executesAgain(context)) {
		return { workflowData: [[{ json: { [WOKEN]: runId } }]], webhookResponse };
	}
	const run = await findRun(context, runId);
	const wish = { ...wishOf(context, 0), itemIndex: 0 };
	return { workflowData: [await outputOf(context, run, wish)], webhookResponse };
}

/**
 * n8n switches a node off when it wakes it, and takes what `webhook` gives for its output; after an error there, it
 * goes on with an empty item (docs/decisions.md). It is switched on again, where n8n still has it.
 */
function executesAgain(context: IWebhookFunctions): boolean {
	const { executeData } = context as unknown as { executeData?: { node?: { disabled?: boolean } } };
	if (executeData?.node?.disabled !== true) return false;
	executeData.node.disabled = false;
	return true;
}

function readNotification(body: Buffer): { runId: string } {
	const { data, runId } = JSON.parse(body.toString('utf8')) as {
		runId?: string;
		data?: { runId?: string; run?: { id?: string } };
	};
	return { runId: data?.runId ?? data?.run?.id ?? runId ?? '' };
}
