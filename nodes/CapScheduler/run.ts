import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { formatField, outputFileField } from '../shared/descriptions';
import { resultFile } from '../shared/files';
import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Resource } from './resource';
import {
	act,
	backfillFilter,
	capabilityFilter,
	filtersField,
	filtersOf,
	getMany,
	idField,
	limitFields,
	operationField,
	scheduleFilter,
	shownFor,
} from './resource';

const NAME = 'run';

export const runIdField = idField('runId', 'Run', 'run');

const properties: INodeProperties[] = [
	operationField(
		NAME,
		[
			{
				name: 'Cancel',
				value: 'cancel',
				action: 'Cancel a run',
				description: 'What the capability has done already is not undone',
			},
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
				description: 'One run with its attempts, deliveries, error and timeline',
			},
			{
				name: 'Get Many',
				value: 'getAll',
				action: 'Get many runs',
				description: 'Runs, the newest first',
			},
			{
				name: 'Repeat',
				value: 'rerun',
				action: 'Repeat a run',
				description: 'Do the work of a run again, as a new run',
			},
		],
		'getAll',
	),
	shownFor(runIdField, NAME, ['cancel', 'download', 'get', 'rerun']),
	shownFor(formatField, NAME, ['download']),
	shownFor(outputFileField, NAME, ['download']),
	...limitFields(NAME, ['getAll']),
	filtersField(
		NAME,
		['getAll'],
		[
			backfillFilter,
			capabilityFilter,
			scheduleFilter,
			{
				displayName: 'State',
				name: 'state',
				type: 'options',
				options: [
					{ name: 'Cancelled', value: 'cancelled' },
					{ name: 'Expired', value: 'expired', description: 'It took too long' },
					{ name: 'Failed', value: 'failed', description: 'All attempts have failed' },
					{ name: 'Queued', value: 'queued' },
					{ name: 'Retrying', value: 'retrying', description: 'It waits for its next attempt' },
					{ name: 'Running', value: 'running' },
					{ name: 'Succeeded', value: 'succeeded' },
					{ name: 'Waiting', value: 'waiting', description: 'The capability is to call back' },
				],
				default: 'failed',
			},
		],
	),
];

export const runPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/runs/${textOf(context, 'runId', i)}`;

export const run: Resource = {
	properties,
	operations: {
		cancel: (context, i) =>
			act(context, i, { method: 'POST', path: `${runPath(context, i)}/cancel` }),
		download: (context, i) =>
			resultFile(context, {
				runId: textOf(context, 'runId', i),
				format: textOf(context, 'format', i),
				property: textOf(context, 'binaryProperty', i),
				itemIndex: i,
			}),
		get: (context, i) => act(context, i, { path: runPath(context, i) }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/runs', query: filtersOf(context, i) }),
		rerun: (context, i) =>
			act(context, i, { method: 'POST', path: `${runPath(context, i)}/rerun` }),
	},
};
