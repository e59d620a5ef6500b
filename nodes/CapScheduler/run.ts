import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { formatField, outputFileField, scheduleField } from '../shared/descriptions';
import { resultFile } from '../shared/files';
import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Resource } from './resource';
import {
	act,
	capabilityFilter,
	filtersField,
	filtersOf,
	getMany,
	limitFields,
	operationField,
	scheduleFilter,
	shownFor,
} from './resource';

const runId: INodeProperties = {
	displayName: 'Run ID',
	name: 'runId',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. run_01kbrj7v2x9m4c8d1e5f6g7h8j',
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
	shownFor(outputFileField, 'run', ['download']),
	...limitFields('run', ['getAll']),
	filtersField(
		'run',
		['getAll'],
		[
			capabilityFilter,
			scheduleFilter,
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
	),
];

const runPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/runs/${textOf(context, 'runId', i)}`;

export const run: Resource = {
	properties: runProperties,
	operations: {
		cancel: (context, i) =>
			act(context, i, { method: 'POST', path: `${runPath(context, i)}/cancel` }),
		download(context, i) {
			return resultFile(context, {
				runId: textOf(context, 'runId', i),
				format: textOf(context, 'format', i),
				property: textOf(context, 'binaryProperty', i),
				itemIndex: i,
			});
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
		filtersField(
			'occurrence',
			['getAll'],
			[
				{ displayName: 'From', name: 'from', type: 'dateTime', default: '' },
				{ displayName: 'To', name: 'to', type: 'dateTime', default: '' },
			],
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
