import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Operation, Resource } from './resource';
import {
	act,
	filtersField,
	filtersOf,
	getMany,
	given,
	idField,
	instantFrom,
	limitFields,
	operationField,
	runFilter,
	scheduleFilter,
	shownFor,
} from './resource';

const deliveryId = idField('deliveryId', 'Delivery', 'dlv');

const deliveryPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/deliveries/${textOf(context, 'deliveryId', i)}`;

/** Of dead letters: why and where they died, and when. */
const deadLetterFilters: INodeProperties[] = [
	{
		displayName: 'Channel',
		name: 'channel',
		type: 'string',
		default: '',
		placeholder: 'e.g. webhook',
		description: 'Only of targets that were described in place, over this channel',
	},
	{
		displayName: 'Code',
		name: 'code',
		type: 'string',
		default: '',
		placeholder: 'e.g. TIMEOUT',
		description: 'Only those that died of this',
	},
	{
		displayName: 'Destination',
		name: 'destination',
		type: 'string',
		default: '',
		placeholder: 'e.g. warehouse',
		description: 'Only to this destination, by its name or ID',
	},
	{
		displayName: 'Died After',
		name: 'from',
		type: 'dateTime',
		default: '',
		description: 'Only those that died at this time or later',
	},
	{
		displayName: 'Died Before',
		name: 'to',
		type: 'dateTime',
		default: '',
		description: 'Only those that died before this time',
	},
	scheduleFilter,
];

function deadLetterQuery(context: IExecuteFunctions, i: number): Record<string, string> {
	const { from, to, ...filters } = filtersOf(context, i);
	const range = { from: instantFrom(context, from), to: instantFrom(context, to) };
	return given({ ...filters, ...range }) as Record<string, string>;
}

/** Dead or delivered, it is the same request. */
const replay: Operation = (context, i) =>
	act(context, i, { method: 'POST', path: `${deliveryPath(context, i)}/replay` });

export const delivery: Resource = {
	properties: [
		operationField(
			'delivery',
			[
				{
					name: 'Get',
					value: 'get',
					action: 'Get a delivery',
					description: 'One delivery with its attempts and receipt',
				},
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many deliveries',
					description: 'Deliveries, the newest first',
				},
				{
					name: 'Replay',
					value: 'replay',
					action: 'Replay a delivery',
					description: 'Send the identical bytes again, without a new run',
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
				runFilter,
				scheduleFilter,
				{
					displayName: 'State',
					name: 'state',
					type: 'options',
					options: [
						{ name: 'Dead', value: 'dead', description: 'It was given up' },
						{ name: 'Delivered', value: 'delivered', description: 'It has a receipt' },
						{ name: 'Discarded', value: 'discarded', description: 'A dead one that nobody wants' },
						{ name: 'Failed', value: 'failed', description: 'It is tried again' },
						{ name: 'Pending', value: 'pending' },
						{ name: 'Sending', value: 'sending' },
						{ name: 'Skipped', value: 'skipped', description: 'Its condition did not hold' },
					],
					default: 'failed',
				},
			],
		),
	],
	operations: {
		get: (context, i) => act(context, i, { path: deliveryPath(context, i) }),
		getAll: (context, i) =>
			getMany(context, i, { path: '/v1/deliveries', query: filtersOf(context, i) }),
		replay,
	},
};

export const deadLetter: Resource = {
	properties: [
		operationField(
			'deadLetter',
			[
				{
					name: 'Discard',
					value: 'discardOne',
					action: 'Discard a dead letter',
					description: 'Take one delivery off the list; it can still be replayed',
				},
				{
					name: 'Discard Many',
					value: 'discard',
					action: 'Discard many dead letters',
					description: 'Take all of them off the list, or those that the filters meet',
				},
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many dead letters',
					description: 'Deliveries that were given up, the newest first',
				},
				{
					name: 'Replay',
					value: 'replayOne',
					action: 'Replay a dead letter',
					description: 'Send the identical bytes of one delivery again',
				},
				{
					name: 'Replay Many',
					value: 'replay',
					action: 'Replay many dead letters',
					description: 'Send all of them again, or those that the filters meet',
				},
			],
			'getAll',
		),
		shownFor(deliveryId, 'deadLetter', ['replayOne', 'discardOne']),
		...limitFields('deadLetter', ['getAll']),
		filtersField('deadLetter', ['getAll', 'replay', 'discard'], deadLetterFilters),
		shownFor(
			{
				displayName: 'Maximum',
				name: 'maximum',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 1000 },
				default: 100,
				description: 'How many at most',
			},
			'deadLetter',
			['replay', 'discard'],
		),
		shownFor(
			{
				displayName: 'Dry Run',
				name: 'dryRun',
				type: 'boolean',
				default: false,
				description: 'Whether to tell only what would be done',
			},
			'deadLetter',
			['replay', 'discard'],
		),
		shownFor(
			{
				displayName: 'Send To',
				name: 'sendTo',
				type: 'string',
				default: '',
				placeholder: 'e.g. stand-in',
				description:
					'The name or ID of a destination that gets the bytes instead. Empty: where they were to go.',
			},
			'deadLetter',
			['replay'],
		),
	],
	operations: {
		discard: (context, i) => onMany(context, i, { act: 'discard' }),
		discardOne: (context, i) =>
			act(context, i, { method: 'POST', path: `${deliveryPath(context, i)}/discard` }),
		getAll: (context, i) =>
			getMany(context, i, { path: '/v1/dead-letters', query: deadLetterQuery(context, i) }),
		replay(context, i) {
			const sendTo = context.getNodeParameter('sendTo', i, '') as string;
			return onMany(context, i, {
				act: 'replay',
				more: sendTo ? { target: { destination: sendTo } } : {},
			});
		},
		replayOne: replay,
	},
};

function onMany(
	context: IExecuteFunctions,
	i: number,
	{ act: verb, more = {} }: { act: 'replay' | 'discard'; more?: IDataObject },
): Promise<IDataObject> {
	return act(context, i, {
		method: 'POST',
		path: `/v1/dead-letters/${verb}`,
		body: {
			limit: context.getNodeParameter('maximum', i) as number,
			...deadLetterQuery(context, i),
			...(context.getNodeParameter('dryRun', i, false) === true ? { dryRun: true } : {}),
			...more,
		},
	});
}
