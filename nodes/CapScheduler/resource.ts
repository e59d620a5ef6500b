import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	INodeProperties,
	INodePropertyOptions,
} from 'n8n-workflow';

import type { EngineRequest } from '../shared/transport';
import { call, idempotencyKey, listAll } from '../shared/transport';

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
			placeholder: 'Add filter',
			default: {},
			options,
		},
		resource,
		operations,
	);

export const capabilityFilter: INodeProperties = {
	displayName: 'Capability',
	name: 'capability',
	type: 'string',
	default: '',
	placeholder: 'e.g. reports',
};

export const scheduleFilter: INodeProperties = {
	displayName: 'Schedule ID',
	name: 'scheduleId',
	type: 'string',
	default: '',
	placeholder: 'e.g. sch_…',
};

export function filtersOf(context: IExecuteFunctions, itemIndex: number): Record<string, string> {
	return context.getNodeParameter('filters', itemIndex, {}) as Record<string, string>;
}

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
	const answer = await call<IDataObject | string | undefined>(context, {
		...request,
		itemIndex,
		headers: { ...once, ...request.headers },
	});
	return typeof answer === 'object' ? answer : {};
}
