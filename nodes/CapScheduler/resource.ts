import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	INodeProperties,
	INodePropertyOptions,
} from 'n8n-workflow';

import { instantOf } from '../shared/timing';
import type { EngineRequest } from '../shared/transport';
import { idempotencyKey, listAll, send } from '../shared/transport';

/* What every resource of the node is made of. */

/** What an operation gives for one item: objects become items. */
export type Output = IDataObject | IDataObject[] | INodeExecutionData;

export type Operation = (context: IExecuteFunctions, itemIndex: number) => Promise<Output>;

export interface Resource {
	properties: INodeProperties[];
	operations: Readonly<Record<string, Operation>>;
}

/** The "Operation" field of a resource. */
export function operationField(
	resource: string,
	options: INodePropertyOptions[],
	first: string,
): INodeProperties {
	return {
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: [resource] } },
		options,
		default: first,
	};
}

/** The field, shown for these operations only. */
export function shownFor(
	field: INodeProperties,
	resource: string,
	operations: string[],
): INodeProperties {
	return {
		...field,
		displayOptions: {
			...field.displayOptions,
			show: { ...field.displayOptions?.show, resource: [resource], operation: operations },
		},
	};
}

/** "Return All" and "Limit". */
export function limitFields(resource: string, operations: string[]): INodeProperties[] {
	const show = { resource: [resource], operation: operations };
	return [
		{
			displayName: 'Return All',
			name: 'returnAll',
			type: 'boolean',
			default: false,
			description: 'Whether to return all results or only up to a given limit',
			displayOptions: { show },
		},
		{
			displayName: 'Limit',
			name: 'limit',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 50,
			description: 'Max number of results to return',
			displayOptions: { show: { ...show, returnAll: [false] } },
		},
	];
}

/** "Filters", of which any may be given. */
export const filtersField = (
	resource: string,
	operations: string[],
	options: INodeProperties[],
): INodeProperties =>
	shownFor(
		{
			displayName: 'Filters',
			name: 'filters',
			type: 'collection',
			placeholder: 'Add Filter',
			default: {},
			options,
		},
		resource,
		operations,
	);

const idText = (name: string, what: string, prefix: string): INodeProperties => ({
	displayName: `${what} ID`,
	name,
	type: 'string',
	default: '',
	placeholder: `e.g. ${prefix}_01kbrj7v2x9m4c8d1e5f6g7h8j`,
});

/** An ID as text: what a node before, or a language model, has from another answer of the engine. */
export const idField = (name: string, what: string, prefix: string): INodeProperties => ({
	...idText(name, what, prefix),
	required: true,
	description: `The ID of the ${what.toLowerCase()}, which begins with <code>${prefix}_</code>`,
});

/** One of "Filters". */
const idFilter = (name: string, what: string, prefix: string): INodeProperties => ({
	...idText(name, what, prefix),
	description: `Only of this ${what.toLowerCase()}`,
});

export const backfillFilter = idFilter('backfillId', 'Backfill', 'bkf');
export const runFilter = idFilter('runId', 'Run', 'run');
export const scheduleFilter = idFilter('scheduleId', 'Schedule', 'sch');

export const capabilityFilter: INodeProperties = {
	displayName: 'Capability',
	name: 'capability',
	type: 'string',
	default: '',
	placeholder: 'e.g. reports',
	description: 'Only of the capability with this name',
};

export function filtersOf(context: IExecuteFunctions, itemIndex: number): Record<string, string> {
	return context.getNodeParameter('filters', itemIndex, {}) as Record<string, string>;
}

/** What was given of a set of fields: empty texts are not. */
export const given = (fields: IDataObject): IDataObject =>
	Object.fromEntries(
		Object.entries(fields).filter(
			([, value]) => value !== undefined && value !== null && value !== '',
		),
	);

/**
 * An instant by the date picker, an expression or a language model. Without an offset it is meant on the
 * clock of the workflow.
 * @returns undefined where there is none
 */
export function instantFrom(context: IExecuteFunctions, value: unknown): string | undefined {
	const text = written(value);
	return text === '' ? undefined : instantOf(text, context.getTimezone());
}

/** Expressions give dates of JavaScript and of Luxon, too. */
export function written(value: unknown): string {
	if (typeof value === 'string') return value.trim();
	if (value instanceof Date) return value.toISOString();
	const { toISO } = (value ?? {}) as { toISO?: () => string };
	return typeof toISO === 'function' ? toISO.call(value) : '';
}

/** The parameter, as `instantFrom` reads it. */
export const instantAt = (
	context: IExecuteFunctions,
	parameter: string,
	itemIndex: number,
): string | undefined => instantFrom(context, context.getNodeParameter(parameter, itemIndex, null));

/** As many items of a list as the user wants. */
export async function getMany(
	context: IExecuteFunctions,
	itemIndex: number,
	request: Pick<EngineRequest, 'path' | 'query'>,
): Promise<IDataObject[]> {
	const all = context.getNodeParameter('returnAll', itemIndex, false) as boolean;
	const limit = all ? undefined : (context.getNodeParameter('limit', itemIndex, 50) as number);
	return listAll(context, { ...request, itemIndex }, limit);
}

/** One request for one item; a POST is done once, however often the node is tried. */
export async function act(
	context: IExecuteFunctions,
	itemIndex: number,
	request: EngineRequest,
): Promise<IDataObject> {
	const once =
		request.method === 'POST'
			? { 'idempotency-key': idempotencyKey(context, itemIndex, request) }
			: {};
	const { body } = await send<IDataObject | string | undefined>(context, {
		...request,
		itemIndex,
		headers: { ...once, ...request.headers },
	});
	return typeof body === 'object' ? body : {};
}

/**
 * Changes a part of something that the API replaces as a whole: reads it, lays the change over it, and writes
 * it back unless somebody else has changed it meanwhile.
 * @throws NodeApiError PRECONDITION_FAILED when somebody has
 */
export async function change(
	context: IExecuteFunctions,
	itemIndex: number,
	{
		path,
		method = 'PUT',
		make,
	}: { path: string; method?: 'PUT' | 'PATCH'; make(current: IDataObject): IDataObject },
): Promise<IDataObject> {
	const { body: current, headers } = await send(context, { path, itemIndex });
	const tag = headers.etag;
	return act(context, itemIndex, {
		method,
		path,
		body: make(current),
		headers: tag === undefined ? {} : { 'if-match': tag },
	});
}
