import type { IExecuteFunctions } from 'n8n-workflow';

import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Operation, Resource } from './resource';
import {
	act,
	filtersField,
	filtersOf,
	getMany,
	idField,
	limitFields,
	operationField,
	runFilter,
	scheduleFilter,
	shownFor,
} from './resource';

const deliveryId = idField('deliveryId', 'Delivery', 'dlv');

const deliveryPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/deliveries/${textOf(context, 'deliveryId', i)}`;

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
					description: 'Send all of them again, or all of one schedule',
				},
			],
			'getAll',
		),
		shownFor(deliveryId, 'deadLetter', ['replayOne']),
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
		replayOne: replay,
	},
};
