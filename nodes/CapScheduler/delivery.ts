import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { destinationField } from '../shared/descriptions';
import { readObject, textOf } from '../shared/parameter-form';
import { listAll, path } from '../shared/transport';
import type { Resource } from './resource';
import {
	act,
	filtersField,
	filtersOf,
	getMany,
	limitFields,
	operationField,
	scheduleFilter,
	shownFor,
} from './resource';

const deliveryId: INodeProperties = {
	displayName: 'Delivery ID',
	name: 'deliveryId',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. dlv_01kbrj7v2x9m4c8d1e5f6g7h8j',
};

const deliveryPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/deliveries/${textOf(context, 'deliveryId', i)}`;

export const delivery: Resource = {
	properties: [
		operationField(
			'delivery',
			[
				{
					name: 'Get',
					value: 'get',
					action: 'Get a delivery',
					description: 'With its attempts and receipt',
				},
				{ name: 'Get Many', value: 'getAll', action: 'Get many deliveries' },
				{
					name: 'Replay',
					value: 'replay',
					action: 'Replay a delivery',
					description: 'Send the identical bytes again',
				},
			],
			'getAll',
		),
		shownFor(deliveryId, 'delivery', ['get', 'replay']),
		...limitFields('delivery', ['getAll']),
		filtersField(
			'delivery',
			['getAll'],
			[
				{
					displayName: 'Run ID',
					name: 'runId',
					type: 'string',
					default: '',
					placeholder: 'e.g. run_…',
				},
				scheduleFilter,
				{
					displayName: 'State',
					name: 'state',
					type: 'options',
					options: ['Dead', 'Delivered', 'Failed', 'Pending', 'Sending', 'Skipped'].map((name) => ({
						name,
						value: name.toLowerCase(),
					})),
					default: 'failed',
				},
			],
		),
	],
	operations: {
		get: (context, i) => act(context, i, { path: deliveryPath(context, i) }),
		getAll: (context, i) =>
			getMany(context, i, { path: '/v1/deliveries', query: filtersOf(context, i) }),
		replay: (context, i) =>
			act(context, i, { method: 'POST', path: `${deliveryPath(context, i)}/replay` }),
	},
};

export const deadLetter: Resource = {
	properties: [
		operationField(
			'deadLetter',
			[
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many dead letters',
					description: 'Deliveries that were given up',
				},
				{ name: 'Replay Many', value: 'replay', action: 'Replay many dead letters' },
			],
			'getAll',
		),
		...limitFields('deadLetter', ['getAll']),
		filtersField('deadLetter', ['getAll', 'replay'], [scheduleFilter]),
		shownFor(
			{
				displayName: 'Maximum',
				name: 'maximum',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 1000 },
				default: 100,
				description: 'How many to send again at most',
			},
			'deadLetter',
			['replay'],
		),
	],
	operations: {
		getAll: (context, i) =>
			getMany(context, i, { path: '/v1/dead-letters', query: filtersOf(context, i) }),
		replay(context, i) {
			const { scheduleId } = filtersOf(context, i);
			return act(context, i, {
				method: 'POST',
				path: '/v1/dead-letters/replay',
				body: {
					limit: context.getNodeParameter('maximum', i) as number,
					...(scheduleId ? { scheduleId } : {}),
				},
			});
		},
	},
};

const channelFields: INodeProperties[] = [
	{
		displayName: 'Name',
		name: 'name',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. warehouse',
	},
	{
		displayName: 'Channel Name or ID',
		name: 'channel',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getChannels' },
		default: '',
		required: true,
		description:
			'How it is reached. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Settings (JSON)',
		name: 'settings',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "url": "https://example.com/incoming" }',
		description:
			"The channel's settings. Secrets can be written, never read; those that are left out are kept.",
	},
];

function destinationBody(context: IExecuteFunctions, i: number): IDataObject {
	return {
		name: textOf(context, 'name', i),
		channel: textOf(context, 'channel', i),
		settings: readObject(context, 'settings', i),
	};
}

const destinationPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/destinations/${textOf(context, 'destination', i)}`;

/** The list gives names; these routes take ids. */
async function destinationId(context: IExecuteFunctions, i: number): Promise<string> {
	const given = textOf(context, 'destination', i);
	if (/^dst_[0-9a-z]{26}$/.test(given)) return destinationPath(context, i);
	const { id } = await findDestination(context, i, given);
	return path`/v1/destinations/${id as string}`;
}

async function findDestination(
	context: IExecuteFunctions,
	i: number,
	name: string,
): Promise<IDataObject> {
	const all = await listAll(context, { path: '/v1/destinations', itemIndex: i });
	const found = all.find((one) => one.name === name);
	if (found !== undefined) return found;
	throw new NodeOperationError(context.getNode(), `There is no destination "${name}"`, {
		itemIndex: i,
		description: 'Choose one from the list, or create it first.',
	});
}

export const destination: Resource = {
	properties: [
		operationField(
			'destination',
			[
				{ name: 'Create', value: 'create', action: 'Create a destination' },
				{ name: 'Delete', value: 'delete', action: 'Delete a destination' },
				{ name: 'Get', value: 'get', action: 'Get a destination' },
				{ name: 'Get Many', value: 'getAll', action: 'Get many destinations' },
				{ name: 'Update', value: 'update', action: 'Update a destination' },
			],
			'getAll',
		),
		shownFor(destinationField, 'destination', ['delete', 'get', 'update']),
		...channelFields.map((field) => shownFor(field, 'destination', ['create', 'update'])),
		...limitFields('destination', ['getAll']),
	],
	operations: {
		create: (context, i) =>
			act(context, i, {
				method: 'POST',
				path: '/v1/destinations',
				body: destinationBody(context, i),
			}),
		async delete(context, i) {
			await act(context, i, { method: 'DELETE', path: await destinationId(context, i) });
			return { destination: textOf(context, 'destination', i), deleted: true };
		},
		get: async (context, i) => act(context, i, { path: await destinationId(context, i) }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/destinations' }),
		update: async (context, i) =>
			act(context, i, {
				method: 'PUT',
				path: await destinationId(context, i),
				body: destinationBody(context, i),
			}),
	},
};
