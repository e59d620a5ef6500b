import type { IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { scheduleField } from '../shared/descriptions';
import { receiveFile } from '../shared/files';
import type { ByteStream } from '../shared/transport';
import { path, send } from '../shared/transport';
import type { Resource } from './resource';
import { act, filtersOf, getMany, limitFields, operationField, shownFor, textOf } from './resource';

const runId: INodeProperties = {
	displayName: 'Run ID',
	name: 'runId',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. run_01kbrj7v2x9m4c8d1e5f6g7h8j',
};

const formatField: INodeProperties = {
	displayName: 'Format Name or ID',
	name: 'format',
	type: 'options',
	typeOptions: { loadOptionsMethod: 'getFormats' },
	default: '',
	description:
		'Empty: as the schedule delivers it. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

const runProperties: INodeProperties[] = [
	operationField(
		'run',
		[
			{ name: 'Cancel', value: 'cancel', action: 'Cancel a run' },
			{
				name: 'Download Result',
				value: 'download',
				action: 'Download the result of a run',
				description: 'As a file in a format of your choice',
			},
			{
				name: 'Get',
				value: 'get',
				action: 'Get a run',
				description: 'With its attempts, deliveries and timeline',
			},
			{ name: 'Get Many', value: 'getAll', action: 'Get many runs' },
			{
				name: 'Repeat',
				value: 'rerun',
				action: 'Repeat a run',
				description: 'Do the work of a run again, as a new run',
			},
		],
		'getAll',
	),
	shownFor(runId, 'run', ['cancel', 'download', 'get', 'rerun']),
	shownFor(formatField, 'run', ['download']),
	shownFor(
		{
			displayName: 'Put Output File in Field',
			name: 'binaryProperty',
			type: 'string',
			default: 'data',
			required: true,
			placeholder: 'e.g. data',
			hint: 'The name of the output binary field to put the file in',
		},
		'run',
		['download'],
	),
	...limitFields('run', ['getAll']),
	shownFor(
		{
			displayName: 'Filters',
			name: 'filters',
			type: 'collection',
			placeholder: 'Add filter',
			default: {},
			options: [
				{
					displayName: 'Capability',
					name: 'capability',
					type: 'string',
					default: '',
					placeholder: 'e.g. reports',
				},
				{
					displayName: 'Schedule ID',
					name: 'scheduleId',
					type: 'string',
					default: '',
					placeholder: 'e.g. sch_…',
				},
				{
					displayName: 'State',
					name: 'state',
					type: 'options',
					options: [
						'Cancelled',
						'Expired',
						'Failed',
						'Queued',
						'Retrying',
						'Running',
						'Succeeded',
						'Waiting',
					].map((name) => ({ name, value: name.toLowerCase() })),
					default: 'failed',
				},
			],
		},
		'run',
		['getAll'],
	),
];

const runPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/runs/${textOf(context, 'runId', i)}`;

export const run: Resource = {
	properties: runProperties,
	operations: {
		cancel: (context, i) =>
			act(context, i, { method: 'POST', path: `${runPath(context, i)}/cancel` }),
		async download(context, i): Promise<INodeExecutionData> {
			const answer = await send<ByteStream>(context, {
				path: `${runPath(context, i)}/result`,
				query: { format: textOf(context, 'format', i) },
				stream: true,
				timeout: 0,
				itemIndex: i,
			});
			const property = textOf(context, 'binaryProperty', i);
			const file = await receiveFile(context, answer);
			return {
				json: { runId: textOf(context, 'runId', i), ...file.facts },
				binary: { [property]: file.binary },
			};
		},
		get: (context, i) => act(context, i, { path: runPath(context, i) }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/runs', query: filtersOf(context, i) }),
		rerun: (context, i) =>
			act(context, i, { method: 'POST', path: `${runPath(context, i)}/rerun` }),
	},
};

export const occurrence: Resource = {
	properties: [
		operationField(
			'occurrence',
			[
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many occurrences',
					description: 'What became of past ones, and what is to come',
				},
			],
			'getAll',
		),
		shownFor(scheduleField, 'occurrence', ['getAll']),
		...limitFields('occurrence', ['getAll']),
		shownFor(
			{
				displayName: 'Filters',
				name: 'filters',
				type: 'collection',
				placeholder: 'Add filter',
				default: {},
				options: [
					{ displayName: 'From', name: 'from', type: 'dateTime', default: '' },
					{ displayName: 'To', name: 'to', type: 'dateTime', default: '' },
				],
			},
			'occurrence',
			['getAll'],
		),
	],
	operations: {
		getAll: (context, i) =>
			getMany(context, i, {
				path: `${path`/v1/schedules/${textOf(context, 'schedule', i)}`}/occurrences`,
				query: Object.fromEntries(
					Object.entries(filtersOf(context, i)).map(([name, value]) => [
						name,
						new Date(value).toISOString(),
					]),
				),
			}),
	},
};

export const link: Resource = {
	properties: [
		operationField(
			'link',
			[
				{
					name: 'Create',
					value: 'create',
					action: 'Create a result link',
					description: 'A URL from which the result of a run can be downloaded',
				},
				{ name: 'Revoke', value: 'revoke', action: 'Revoke a result link' },
			],
			'create',
		),
		shownFor(runId, 'link', ['create']),
		shownFor(formatField, 'link', ['create']),
		shownFor(
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [
					{
						displayName: 'Any Format',
						name: 'anyFormat',
						type: 'boolean',
						default: true,
						description: 'Whether <code>?format=</code> in the URL may ask for another format',
					},
					{
						displayName: 'Expires In',
						name: 'expiresIn',
						type: 'string',
						default: '24h',
						placeholder: 'e.g. 24h',
						description: 'At most 7d',
					},
					{
						displayName: 'Maximum Downloads',
						name: 'maxUses',
						type: 'number',
						typeOptions: { minValue: 1 },
						default: 1,
					},
				],
			},
			'link',
			['create'],
		),
		shownFor(
			{
				displayName: 'Link ID',
				name: 'linkId',
				type: 'string',
				default: '',
				required: true,
				placeholder: 'e.g. lnk_01kbrj7v2x9m4c8d1e5f6g7h8j',
			},
			'link',
			['revoke'],
		),
	],
	operations: {
		create(context, i) {
			const format = textOf(context, 'format', i);
			return act(context, i, {
				method: 'POST',
				path: `${runPath(context, i)}/links`,
				body: {
					...(context.getNodeParameter('options', i, {}) as object),
					...(format === '' ? {} : { format }),
				},
			});
		},
		async revoke(context, i) {
			const id = textOf(context, 'linkId', i);
			await act(context, i, { method: 'DELETE', path: path`/v1/links/${id}` });
			return { id, revoked: true };
		},
	},
};
