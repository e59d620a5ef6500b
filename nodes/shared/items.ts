import type { IExecuteFunctions, INodeExecutionData, JsonObject } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

/**
 * What an item becomes that failed: an item with the error, where the node is to go on; else it throws. n8n sends
 * an item to the error output only if it has no other fields than `error`, `message` and `details`.
 * @throws NodeApiError, NodeOperationError with the item's place
 */
export function failedItem(
	context: IExecuteFunctions,
	error: unknown,
	itemIndex: number,
): INodeExecutionData {
	const shown = wrapped(context, error, itemIndex);
	if (!context.continueOnFail()) throw shown;
	return {
		json: {
			error: shown.message,
			details: {
				...codeOf(shown),
				...(typeof shown.description === 'string' ? { description: shown.description } : {}),
			},
		},
		pairedItem: { item: itemIndex },
	};
}

/** What n8n shows as an error of the node. */
export const wrapped = (
	context: Pick<IExecuteFunctions, 'getNode'>,
	error: unknown,
	itemIndex?: number,
): NodeApiError | NodeOperationError =>
	error instanceof NodeApiError || error instanceof NodeOperationError
		? error
		: new NodeOperationError(
				context.getNode(),
				error as Error,
				itemIndex === undefined ? {} : { itemIndex },
			);

function codeOf(error: NodeApiError | NodeOperationError): { code?: string } {
	const { code } = (error as { errorResponse?: JsonObject }).errorResponse ?? {};
	return typeof code === 'string' ? { code } : {};
}

/** Items as rows, one JSON object a line. */
export function rowsAsNdjson(items: readonly INodeExecutionData[]): Buffer {
	// piece by piece: one text of everything could be longer than a string may be
	return Buffer.concat(items.map(({ json }) => Buffer.from(`${JSON.stringify(json)}\n`)));
}
