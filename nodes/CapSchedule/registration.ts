import type { IDataObject, IHookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { call, listAll, path } from '../shared/transport';
import type { Mode, Respond, WantedSchedule } from './settings';
import { ACTION, capabilityName, fingerprint, printable, wantedSchedule } from './settings';
import { newSecret } from '../shared/signature';

/*
 * A published workflow is a capability of the engine, reached by the workflow's webhook, and a schedule of
 * it. n8n calls these from an outbox: `create` may come again after it succeeded, so it makes nothing twice;
 * `delete` is only called again when it throws.
 */

interface StaticData extends IDataObject {
	/** Signs what the engine sends; known to nobody else. */
	secret?: string;
	/** What is registered: `delete` is called alike for a test and for what is published. */
	capability?: string;
}

const staticData = (context: IHookFunctions): StaticData => context.getWorkflowStaticData('node');

function modeOf(context: IHookFunctions): Mode {
	return context.getActivationMode() === 'manual' || context.getMode() === 'manual'
		? 'test'
		: 'production';
}

/** Is the engine's registration there, and what the node asks for? */
export async function isRegistered(context: IHookFunctions): Promise<boolean> {
	if (modeOf(context) === 'test' || staticData(context).secret === undefined) return false;
	const wanted = registrationOf(context);
	const found = await call<{ description: string | null } | undefined>(context, {
		path: path`/v1/capabilities/${wanted.capability}`,
		maybe: true,
	});
	if (found?.description?.split(MARK)[1] !== wanted.fingerprint) return false;
	const schedules = await schedulesOf(context, wanted.capability);
	return (
		schedules.length === 1 &&
		metadataOf(schedules[0]).fingerprint === wanted.fingerprint &&
		!isOrphaned(schedules[0])
	);
}

/** Registers the workflow, or makes what is registered what it should be. */
export async function register(context: IHookFunctions): Promise<boolean> {
	const wanted = registrationOf(context);
	const data = staticData(context);
	// before anything is made: what fails half way is removed by it
	data.capability = wanted.capability;
	data.secret ??= newSecret();
	await putCapability(context, wanted, data.secret);
	const found = await schedulesOf(context, wanted.capability);
	// each test is a new one: what an earlier one left would never fire again
	const kept = wanted.mode === 'test' ? undefined : theOneToKeep(found, wanted);
	for (const schedule of found) {
		if (schedule !== kept) await removeIfThere(context, path`/v1/schedules/${idOf(schedule)}`);
	}
	if (kept === undefined) await createSchedule(context, wanted);
	else if (metadataOf(kept).fingerprint !== wanted.fingerprint) {
		await changeSchedule(context, wanted, kept);
	}
	if (kept !== undefined && isOrphaned(kept)) await resumeSchedule(context, kept);
	return true;
}

/** The engine found no webhook, and paused it; who paused it by hand meant it. */
const isOrphaned = (schedule: IDataObject | undefined): boolean =>
	schedule?.status === 'paused' && schedule.pauseReason === 'webhook_missing';

const resumeSchedule = (context: IHookFunctions, schedule: IDataObject): Promise<unknown> =>
	call(context, {
		method: 'POST',
		path: path`/v1/schedules/${idOf(schedule)}/resume`,
		body: { backlog: 'skip' },
	});

/** What is as it should be, else the oldest, which has the most to remember. */
const theOneToKeep = (found: IDataObject[], { fingerprint: wanted }: Registration) =>
	found.find((one) => metadataOf(one).fingerprint === wanted) ?? found.at(-1);

/** Removes what the workflow registered. What is not there is removed already. */
export async function unregister(context: IHookFunctions): Promise<boolean> {
	const data = staticData(context);
	const published = capabilityName(context, 'production');
	const capability = data.capability ?? published;
	if (capability === published) await removeAll(context, capability);
	else await removeTest(context, capability);
	delete data.secret;
	delete data.capability;
	return true;
}

async function removeAll(context: IHookFunctions, capability: string): Promise<void> {
	for (const schedule of await schedulesOf(context, capability)) {
		await removeIfThere(context, path`/v1/schedules/${idOf(schedule)}`);
	}
	await removeIfThere(context, path`/v1/capabilities/${capability}`);
}

/**
 * The end of a test never throws, and waits for nothing: until it is over, n8n 2.41 holds what cannot be copied
 * among the tests that it waits for, and refuses every other test; when it throws, until n8n is restarted. What
 * is left because the engine was away fires no more, and the next test of the workflow takes it over.
 */
async function removeTest(context: IHookFunctions, capability: string): Promise<void> {
	try {
		await removeAll(context, capability);
	} catch (error) {
		context.logger.warn(`The test of ${capability} was not removed: ${String(error)}`);
	}
}

interface Registration {
	mode: Mode;
	capability: string;
	/** How the engine reaches the workflow, without the secret. */
	binding: IDataObject;
	schedule: WantedSchedule;
	fingerprint: string;
}

function registrationOf(context: IHookFunctions): Registration {
	const mode = modeOf(context);
	const url = context.getNodeWebhookUrl('default');
	if (url === undefined) {
		throw new NodeOperationError(context.getNode(), 'This node has no webhook URL', {
			description: 'Save the workflow once and try again.',
		});
	}
	const respond = context.getNodeParameter('respond') as Respond;
	const binding = {
		type: 'n8n',
		url,
		mode: respond === 'session' ? 'async' : 'sync',
		previous: true,
	};
	const production = wantedSchedule(context);
	// Nobody waits for a cron at the editor: a test fires at once, and only then.
	const { timeZone } = production.timing;
	const timing = { in: '1s', timeZone };
	const schedule = mode === 'test' ? { ...production, timing } : production;
	return {
		mode,
		capability: capabilityName(context, mode),
		binding,
		schedule,
		fingerprint: fingerprint({ binding, respond, schedule }),
	};
}

/** A test that fails has failed; only n8n that does not listen yet is asked again. */
const TEST_RETRY = { attempts: 5, delay: '1s', backoff: 'fixed', on: ['429'] };

async function putCapability(
	context: IHookFunctions,
	wanted: Registration,
	secret: string,
): Promise<void> {
	await call(context, {
		method: 'PUT',
		path: path`/v1/capabilities/${wanted.capability}`,
		body: {
			title: printable(wanted.schedule.name),
			description: `The n8n workflow ${context.getWorkflow().id ?? ''}. ${MARK}${wanted.fingerprint}`,
			actions: { [ACTION]: { title: 'Run the workflow' } },
			binding: { ...wanted.binding, secret },
		},
	});
}

/** Before the fingerprint in the capability's description. */
const MARK = 'Registration ';

async function createSchedule(context: IHookFunctions, wanted: Registration): Promise<void> {
	await call(context, {
		method: 'POST',
		path: path`/${wanted.capability}/schedule`,
		body: bodyOf(context, wanted),
	});
}

/** The schedule keeps its ledger, its runs and, if the timing is the same, its next instant. */
async function changeSchedule(
	context: IHookFunctions,
	wanted: Registration,
	schedule: IDataObject,
): Promise<void> {
	await call(context, {
		method: 'PATCH',
		path: path`/v1/schedules/${idOf(schedule)}`,
		// what is not sent stays: null takes away what was there and is no more
		body: { delivery: null, parameters: null, ...bodyOf(context, wanted) },
	});
}

function bodyOf(context: IHookFunctions, wanted: Registration): IDataObject {
	const { id: workflowId = '', name: workflowName = '' } = context.getWorkflow();
	const { schedule, mode } = wanted;
	return {
		...schedule,
		policies: mode === 'test' ? { ...schedule.policies, retry: TEST_RETRY } : schedule.policies,
		labels: { source: 'n8n', workflow: String(workflowId).slice(0, 200), mode },
		metadata: {
			n8n: {
				workflow: workflowName,
				node: context.getNode().name,
				fingerprint: wanted.fingerprint,
			},
		},
	};
}

/** Completed ones too: a schedule whose dates are over is not to begin anew with every restart of n8n. */
const schedulesOf = (context: IHookFunctions, capability: string): Promise<IDataObject[]> =>
	listAll(context, { path: '/v1/schedules', query: { capability } });

const idOf = ({ id }: IDataObject): string => id as string;

const metadataOf = (schedule: IDataObject | undefined): { fingerprint?: string } =>
	((schedule?.metadata as IDataObject | undefined)?.n8n ?? {}) as { fingerprint?: string };

async function removeIfThere(context: IHookFunctions, where: string): Promise<void> {
	await call(context, { method: 'DELETE', path: where, maybe: true });
}
