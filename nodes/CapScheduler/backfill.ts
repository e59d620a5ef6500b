import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { scheduleField } from '../shared/descriptions';
import { readObject, textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Resource } from './resource';
import {
	act,
	getMany,
	given,
	idField,
	instantAt,
	limitFields,
	operationField,
	shownFor,
} from './resource';
import { schedulePath } from './schedule';

const NAME = 'backfill';
const MADE = ['create', 'preview'];

const range: INodeProperties[] = [
	{
		displayName: 'From',
		name: 'from',
		type: 'dateTime',
		default: '',
		required: true,
		description: 'The first instant of the past that may be run',
	},
	{
		displayName: 'To',
		name: 'to',
		type: 'dateTime',
		default: '',
		required: true,
		description: 'The last instant of the past that may be run',
	},
	{
		displayName: 'Which',
		name: 'which',
		type: 'options',
		options: [
			{
				name: 'All',
				value: 'all',
				description: 'Those that have fired already, too',
			},
			{
				name: 'Those Without a Run',
				value: 'not_fired',
				description: 'Only what was missed, skipped, or due before there was a schedule',
			},
		],
		default: 'not_fired',
		description: 'Which occurrences of the range are run',
	},
];

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		{
			displayName: 'At a Time',
			name: 'concurrency',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 100 },
			default: 1,
			description: 'How many of its runs may go at a time',
		},
		{
			displayName: 'Order',
			name: 'order',
			type: 'options',
			options: [
				{ name: 'Newest First', value: 'newest_first' },
				{ name: 'Oldest First', value: 'oldest_first' },
			],
			default: 'oldest_first',
			description: 'Which runs go first',
		},
		{
			displayName: 'Parameters (JSON)',
			name: 'parameters',
			type: 'json',
			default: '{}',
			placeholder: 'e.g. { "region": "US" }',
			description: 'Laid over the parameters of the schedule',
		},
	],
};

const properties: INodeProperties[] = [
	operationField(
		NAME,
		[
			{
				name: 'Cancel',
				value: 'cancel',
				action: 'Cancel a backfill',
				description: 'Runs that have not begun are cancelled',
			},
			{
				name: 'Create',
				value: 'create',
				action: 'Backfill a schedule',
				description: 'Run the occurrences of a range of the past',
			},
			{
				name: 'Get',
				value: 'get',
				action: 'Get a backfill',
				description: 'How far it is',
			},
			{
				name: 'Get Many',
				value: 'getAll',
				action: 'Get many backfills of a schedule',
				description: 'Backfills of a schedule, the newest first',
			},
			{
				name: 'Preview',
				value: 'preview',
				action: 'Preview a backfill',
				description: 'A dry run: tell what would be run, and run nothing',
			},
		],
		'create',
	),
	shownFor(scheduleField, NAME, [...MADE, 'getAll']),
	...range.map((field) => shownFor(field, NAME, MADE)),
	shownFor(options, NAME, ['create']),
	shownFor(idField('backfillId', 'Backfill', 'bkf'), NAME, ['cancel', 'get']),
	shownFor(
		{
			displayName: 'Abort Runs That Have Begun',
			name: 'abort',
			type: 'boolean',
			default: false,
			description: 'Whether runs that have begun are ended as well; else they end as they will',
		},
		NAME,
		['cancel'],
	),
	...limitFields(NAME, ['getAll']),
];

function bodyOf(context: IExecuteFunctions, i: number): IDataObject {
	const { concurrency, order } = context.getNodeParameter('options', i, {}) as IDataObject;
	const parameters = readObject(context, 'options.parameters', i);
	return given({
		from: instantAt(context, 'from', i),
		to: instantAt(context, 'to', i),
		which: context.getNodeParameter('which', i) as string,
		concurrency,
		order,
		...(Object.keys(parameters).length === 0 ? {} : { parameters }),
	});
}

const backfillPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/backfills/${textOf(context, 'backfillId', i)}`;

const operations: Resource['operations'] = {
	cancel: (context, i) =>
		act(context, i, {
			method: 'POST',
			path: `${backfillPath(context, i)}/cancel`,
			body: { abort: context.getNodeParameter('abort', i) as boolean },
		}),
	create: (context, i) =>
		act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/backfill`,
			body: bodyOf(context, i),
		}),
	get: (context, i) => act(context, i, { path: backfillPath(context, i) }),
	getAll: (context, i) => getMany(context, i, { path: `${schedulePath(context, i)}/backfills` }),
	async preview(context, i) {
		const { occurrences } = await act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/backfill`,
			body: { ...bodyOf(context, i), dryRun: true },
		});
		return occurrences as IDataObject[];
	},
};

export const backfill: Resource = { properties, operations };
