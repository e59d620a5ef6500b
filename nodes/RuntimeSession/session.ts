import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { outgoingFile } from '../shared/files';
import { rowsAsNdjson } from '../shared/items';
import { readObject } from '../shared/parameter-form';
import type { ByteStream } from '../shared/transport';
import { call, path } from '../shared/transport';

/* Runs that n8n itself serves: this execution answers for one. */

interface Session {
	runId: string;
	token: string;
}

/** The run that began this execution, or the one that the user names. */
function sessionOf(context: IExecuteFunctions, itemIndex: number): Session {
	const { runId, token } = context.getNodeParameter('session', itemIndex, {}) as Partial<Session>;
	if (runId && token) return { runId, token };
	const session = context
		.getParentNodes(context.getNode().name)
		.filter(({ type }) => type.endsWith('.capScheduleTrigger'))
		.map(({ name }) => begunBy(context, { trigger: name, itemIndex }))
		.find((begun) => begun?.runId !== undefined);
	if (session !== undefined) return session;
	throw new NodeOperationError(context.getNode(), 'This execution serves no run of CapScheduler', {
		itemIndex,
		description:
			'Begin the workflow with a CapSchedule Trigger that responds "Using a RuntimeSession Node", or give "Run ID" and "Token" under "Session".',
	});
}

/** A workflow may have several triggers: one of them began this execution, and only that one has data. */
const begunBy = (
	context: IExecuteFunctions,
	{ trigger, itemIndex }: { trigger: string; itemIndex: number },
): Session | undefined => {
	const node = `$(${JSON.stringify(trigger)})`;
	const session = `{{ ${node}.isExecuted ? ${node}.first().json.session : undefined }}`;
	return context.evaluateExpression(session, itemIndex) as Session | undefined;
};

async function tell(
	context: IExecuteFunctions,
	{
		itemIndex,
		verb,
		body,
		contentType,
	}: {
		itemIndex: number;
		verb: 'complete' | 'fail' | 'heartbeat' | 'progress';
		body?: IDataObject | Buffer | ByteStream;
		contentType?: string;
	},
): Promise<IDataObject> {
	const { runId, token } = sessionOf(context, itemIndex);
	return call(context, {
		method: 'POST',
		path: `${path`/v1/sessions/${runId}`}/${verb}`,
		headers: {
			'x-session-token': token,
			...(contentType === undefined ? {} : { 'content-type': contentType }),
		},
		...(body === undefined ? {} : { body }),
		timeout: verb === 'complete' ? 0 : 30_000,
		itemIndex,
	});
}

/** Hands in the result; the items go on as they came. */
export async function respond(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const items = context.getInputData();
	const source = context.getNodeParameter('resultSource', 0) as 'items' | 'binary' | 'json';
	if (source === 'binary') {
		const file = await outgoingFile(
			context,
			0,
			context.getNodeParameter('resultBinary', 0) as string,
		);
		await tell(context, { itemIndex: 0, verb: 'complete', ...file });
	} else if (source === 'items') {
		const body = rowsAsNdjson(items);
		await tell(context, {
			itemIndex: 0,
			verb: 'complete',
			body,
			contentType: 'application/x-ndjson',
		});
	} else {
		const result = readObject(context, 'resultJson', 0);
		await tell(context, { itemIndex: 0, verb: 'complete', body: { status: 'succeeded', result } });
	}
	return items.map((item, i) => ({ ...item, pairedItem: { item: i } }));
}

export function fail(context: IExecuteFunctions, itemIndex: number): Promise<IDataObject> {
	const retryAfter = context.getNodeParameter('retryAfter', itemIndex, '') as string;
	const retry = context.getNodeParameter('retry', itemIndex) as boolean;
	return tell(context, {
		itemIndex,
		verb: 'fail',
		body: {
			code: context.getNodeParameter('code', itemIndex) as string,
			message: context.getNodeParameter('message', itemIndex) as string,
			retry: retry ? 'later' : 'never',
			...(retry && retryAfter !== '' ? { retryAfter } : {}),
		},
	});
}

export const heartbeat = (context: IExecuteFunctions, itemIndex: number): Promise<IDataObject> =>
	tell(context, { itemIndex, verb: 'heartbeat' });

export const progress = (context: IExecuteFunctions, itemIndex: number): Promise<IDataObject> =>
	tell(context, { itemIndex, verb: 'progress', body: readObject(context, 'progress', itemIndex) });
