import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeApiError, sleep } from 'n8n-workflow';

import { SETTINGS } from '../shared/channel-form';
import { readForm, textOf } from '../shared/parameter-form';
import { call, idempotencyKey, path, send } from '../shared/transport';
import type { Rendering, Upload, UploadOptions } from '../shared/upload';
import { optionsOf, renderingOf } from '../shared/upload';
import type { PackagingOptions } from './packaging';
import { packagingOf } from './packaging';

const PATH = '/v1/deliver';
/** Seconds: the longest that the engine holds an answer back. */
const HELD = 50;
/** Milliseconds between looks at what takes longer. */
const LOOK_EVERY = 1_000;

interface DeliverOptions extends UploadOptions, PackagingOptions {
	callback?: string;
	expiresIn?: string;
	link?: boolean;
	maxUses?: number;
	maxWait?: number;
}

interface Delivery extends IDataObject {
	id: string;
	state: string;
	error: { code: string; message: string } | null;
}

/** What the engine answers: the receipts, and the run that holds what was sent. */
interface HandedIn extends IDataObject {
	runId: string;
	state: 'pending' | 'delivered' | 'dead';
	deliveries: Delivery[];
}

/** @throws NodeApiError when it is refused, or has failed for good */
export async function deliver(
	context: IExecuteFunctions,
	upload: Upload,
): Promise<INodeExecutionData> {
	const { itemIndex, pairedItem } = upload;
	const options = optionsOf(context, itemIndex) as DeliverOptions;
	const pushes = context.getNodeParameter('to', itemIndex) !== 'link';
	const waits = pushes && context.getNodeParameter('wait', itemIndex, true) === true;
	const maxWait = options.maxWait ?? 60;
	const begunAt = Date.now();
	let answer = await handIn(context, upload, {
		wish: wishOf(context, upload, options),
		held: waits ? Math.min(HELD, Math.ceil(maxWait)) : 0,
	});
	while (waits && answer.state === 'pending' && Date.now() < begunAt + maxWait * 1000) {
		await sleep(LOOK_EVERY);
		answer = await lookAgain(context, answer, itemIndex);
	}
	if (answer.state === 'dead') throw failure(context, answer, itemIndex);
	return { json: answer, pairedItem };
}

async function handIn(
	context: IExecuteFunctions,
	{ body, contentType, itemIndex, identity }: Upload,
	{ wish, held }: { wish: IDataObject; held: number },
): Promise<HandedIn> {
	const key = idempotencyKey(context, itemIndex, { path: PATH, body: { identity, wish } });
	const { body: answer } = await send<HandedIn>(context, {
		method: 'POST',
		path: PATH,
		headers: {
			'content-type': contentType,
			'capscheduler-options': inHeader(wish),
			'idempotency-key': key,
			...(held === 0 ? {} : { prefer: `wait=${held}` }),
		},
		body,
		timeout: 0,
		itemIndex,
	});
	return answer;
}

/** Headers hold ASCII only. */
const inHeader = (value: IDataObject): string =>
	JSON.stringify(value).replaceAll(
		/[\u0080-\uffff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);

function wishOf(
	context: IExecuteFunctions,
	{ itemIndex, name, filename }: Upload,
	options: DeliverOptions,
): IDataObject {
	const { callback, timeZone } = options;
	const rendering = {
		...(filename === undefined ? {} : { filename }),
		...renderingOf(context, itemIndex),
	};
	return {
		name,
		timeZone: timeZone || context.getTimezone(),
		...(callback ? { callback } : {}),
		delivery:
			context.getNodeParameter('to', itemIndex) === 'link'
				? { mode: 'pull', ...linkOf(rendering, options) }
				: {
						...(options.link === true ? { mode: 'both', ...linkOf(rendering, options) } : {}),
						targets: [targetOf(context, itemIndex, { rendering, options })],
					},
	};
}

function linkOf(
	{ format, options }: Rendering,
	{ expiresIn, maxUses }: DeliverOptions,
): IDataObject {
	return {
		...(format === undefined ? {} : { format }),
		...(options === undefined ? {} : { options }),
		link: {
			...(expiresIn ? { expiresIn } : {}),
			...(maxUses === undefined ? {} : { maxUses }),
		},
	};
}

function targetOf(
	context: IExecuteFunctions,
	itemIndex: number,
	{ rendering, options }: { rendering: Rendering; options: DeliverOptions },
): IDataObject {
	const fallback = context.getNodeParameter('fallback', itemIndex, []) as string[];
	const when = context.getNodeParameter('when', itemIndex, 'always') as string;
	const place =
		context.getNodeParameter('to', itemIndex) === 'channel'
			? {
					channel: textOf(context, 'channel', itemIndex),
					settings: readForm(context, SETTINGS, itemIndex),
				}
			: { destination: textOf(context, 'destination', itemIndex) };
	return {
		...place,
		...rendering,
		...packagingOf(options),
		...(when === 'always' ? {} : { when }),
		...(fallback.length === 0
			? {}
			: { fallback: fallback.map((destination) => ({ destination })) }),
	};
}

/** The receipts as they are now; the link was shown once, and stays. */
async function lookAgain(
	context: IExecuteFunctions,
	before: HandedIn,
	itemIndex: number,
): Promise<HandedIn> {
	const { deliveries } = await call<{ deliveries: Delivery[] }>(context, {
		path: path`/v1/runs/${before.runId}`,
		itemIndex,
	});
	return { ...before, deliveries, state: stateOf(deliveries) };
}

const SETTLED = ['delivered', 'skipped', 'dead', 'discarded'];

/** There is one target; fallbacks follow it. */
function stateOf(deliveries: readonly Delivery[]): HandedIn['state'] {
	if (!deliveries.every(({ state }) => SETTLED.includes(state))) return 'pending';
	const lost = deliveries.every(({ state }) => state === 'dead' || state === 'discarded');
	return lost ? 'dead' : 'delivered';
}

function failure(
	context: IExecuteFunctions,
	{ runId, deliveries }: HandedIn,
	itemIndex: number,
): NodeApiError {
	const error = deliveries.findLast(({ state }) => state === 'dead')?.error;
	const ids = deliveries.map(({ id }) => id).join(', ');
	return new NodeApiError(
		context.getNode(),
		{ ...error, runId },
		{
			message: `Not delivered: ${error?.message ?? 'all attempts are over'}`,
			description: `Code ${error?.code ?? 'unknown'}. CapScheduler keeps the bytes: mend the target, then send them again with "Replay a dead letter" of the CapScheduler node (${ids}).`,
			itemIndex,
		},
	);
}
