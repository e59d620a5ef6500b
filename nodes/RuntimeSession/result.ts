import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	IWebhookFunctions,
} from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

import { resultFile } from '../shared/files';
import { call, path } from '../shared/transport';

/** As much of a run as the node looks at. */
export interface Run extends IDataObject {
	id: string;
	state: string;
	capability: string;
	action: string;
	error: { code: string; message: string; detail?: string } | null;
	result?: { encoding: string; contentType: string } | null;
}

/** What the node gives of a run that has ended. */
export type OutputMode = 'items' | 'binary' | 'run';

export interface OutputWish {
	mode: OutputMode;
	/** For binary output. */
	format: string;
	property: string;
}

const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];

export const isOver = ({ state }: Run): boolean => OVER.includes(state);

export const findRun = (
	context: IExecuteFunctions | IWebhookFunctions,
	id: string,
	itemIndex?: number,
): Promise<Run> =>
	call<Run>(context, {
		path: path`/v1/runs/${id}`,
		...(itemIndex === undefined ? {} : { itemIndex }),
	});

/**
 * The result of a run that has ended.
 * @throws NodeApiError with the capability's own words when it has not succeeded
 */
export async function outputOf(
	context: IExecuteFunctions | IWebhookFunctions,
	run: Run,
	wish: OutputWish & { itemIndex: number },
): Promise<INodeExecutionData[]> {
	if (run.state !== 'succeeded') throw failure(context, run, wish.itemIndex);
	const pairedItem = { item: wish.itemIndex };
	if (wish.mode === 'run' || run.result === null || run.result === undefined) {
		return [{ json: run, pairedItem }];
	}
	// what is no rows comes as a file, whatever was wished for
	if (wish.mode === 'binary' || run.result.encoding === 'bytes') {
		return [{ ...(await resultFile(context, { runId: run.id, ...wish })), pairedItem }];
	}
	const value = await call<unknown>(context, {
		path: path`/v1/runs/${run.id}/result`,
		query: { format: 'json' },
		timeout: 0,
		itemIndex: wish.itemIndex,
	});
	return itemsOf(value).map((json) => ({ json, pairedItem }));
}

/** Rows become items, and so does one object; any other value is put under `value`. */
export function itemsOf(value: unknown): IDataObject[] {
	const isObject = (one: unknown): one is IDataObject =>
		typeof one === 'object' && one !== null && !Array.isArray(one);
	if (isObject(value)) {
		return Array.isArray(value.rows) ? itemsOf(value.rows) : [value];
	}
	if (Array.isArray(value))
		return value.map((one) => (isObject(one) ? one : { value: one as string }));
	return [{ value: value as string }];
}

const WHY: Readonly<Record<string, string>> = {
	failed: 'failed',
	cancelled: 'was cancelled',
	expired: 'took too long',
};

function failure(
	context: IExecuteFunctions | IWebhookFunctions,
	{ id, state, capability, action, error }: Run,
	itemIndex: number,
): NodeApiError {
	return new NodeApiError(
		context.getNode(),
		{ ...error, runId: id },
		{
			message: error?.message ?? `${capability} ${action} ${WHY[state] ?? `is ${state}`}`,
			description: `The run ${id} of ${capability} ${action} ${WHY[state] ?? `is ${state}`}. Code ${error?.detail ?? error?.code ?? state}. See "Get a run" of the CapScheduler node for its attempts.`,
			itemIndex,
		},
	);
}
