import type { INodeProperties } from 'n8n-workflow';

import {
	actionField,
	capabilityField,
	parameterFields,
	scheduleField,
} from '../shared/descriptions';
import { capabilityFilter, filtersField, limitFields, operationField, shownFor } from './resource';
import {
	createOptions,
	deliveryJson,
	previewOptions,
	timingFields,
	timingMode,
	updateFields,
	updateTimingMode,
	updateTimingOptions,
} from './schedule-options';

/* What the editor shows for schedules. */

const NAME = 'schedule';
const TIMED = ['create', 'preview', 'update'];

const forOperations = (operations: string[], ...fields: INodeProperties[]): INodeProperties[] =>
	fields.map((field) => shownFor(field, NAME, operations));

const operation = operationField(
	NAME,
	[
		{
			name: 'Create',
			value: 'create',
			action: 'Create a schedule',
			description: 'Have an action done at set times',
		},
		{
			name: 'Delete',
			value: 'delete',
			action: 'Delete a schedule',
			description: 'Nothing more fires; what has been done stays in the list of runs',
		},
		{
			name: 'Get',
			value: 'get',
			action: 'Get a schedule',
			description: 'One schedule with its policies and next occurrences',
		},
		{
			name: 'Get Many',
			value: 'getAll',
			action: 'Get many schedules',
			description: 'Schedules, the newest first',
		},
		{
			name: 'Pause',
			value: 'pause',
			action: 'Pause a schedule',
			description: 'Nothing fires until it is resumed',
		},
		{
			name: 'Pause Many',
			value: 'pauseMany',
			action: 'Pause all schedules with a label',
			description: 'All schedules that carry a label, at once',
		},
		{
			name: 'Preview',
			value: 'preview',
			action: 'Preview when a timing is due',
			description: 'Show when a timing is due, before there is a schedule; nothing is created',
		},
		{
			name: 'Resume',
			value: 'resume',
			action: 'Resume a schedule',
			description: 'Go on after a pause, also one after too many failures',
		},
		{
			name: 'Resume Many',
			value: 'resumeMany',
			action: 'Resume all schedules with a label',
			description: 'All paused schedules that carry a label, at once',
		},
		{
			name: 'Trigger',
			value: 'trigger',
			action: 'Trigger a schedule now',
			description: 'Run it now, beside its timing',
		},
		{
			name: 'Update',
			value: 'update',
			action: 'Update a schedule',
			description: 'Change some of it; the rest stays as it is',
		},
	],
	'getAll',
);

const backlog: INodeProperties = {
	displayName: 'Backlog',
	name: 'backlog',
	type: 'options',
	options: [
		{ name: 'Run All', value: 'all', description: 'Each of them runs, one after another' },
		{ name: 'Run Latest', value: 'latest', description: 'The last one runs, for all of them' },
		{ name: 'Skip', value: 'skip', description: 'None of them runs; each is noted in the ledger' },
	],
	default: 'skip',
	description: 'What becomes of the occurrences that fell into the pause',
};

const selection: INodeProperties[] = [
	{
		displayName: 'Label',
		name: 'label',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. team:bi',
		description: 'A label and its value, with a colon between them',
	},
	{
		displayName: 'Capability Name',
		name: 'onlyCapability',
		type: 'string',
		default: '',
		placeholder: 'e.g. reports',
		description: 'Only schedules of this capability. Empty: of any.',
	},
];

export const properties: INodeProperties[] = [
	operation,
	...forOperations(['delete', 'get', 'pause', 'resume', 'trigger', 'update'], scheduleField),
	...forOperations(['create'], capabilityField, actionField, ...parameterFields),
	...forOperations(['create', 'preview'], timingMode),
	...forOperations(['update'], updateTimingMode),
	...forOperations(TIMED, ...timingFields),
	...forOperations(['create'], deliveryJson, createOptions),
	...forOperations(['preview'], previewOptions),
	...forOperations(['update'], updateTimingOptions, updateFields),
	...forOperations(['preview'], {
		displayName: 'Occurrences',
		name: 'count',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1000 },
		default: 5,
		description: 'How many of the next occurrences to show',
	}),
	...forOperations(['resume', 'resumeMany'], backlog),
	...forOperations(['pauseMany', 'resumeMany'], ...selection),
	...forOperations(['trigger'], {
		displayName: 'Parameters (JSON)',
		name: 'triggerParameters',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "region": "US" }',
		description: 'Laid over the parameters of the schedule, for this run only',
	}),
	...limitFields(NAME, ['getAll']),
	filtersField(
		NAME,
		['getAll'],
		[
			capabilityFilter,
			{
				displayName: 'Label',
				name: 'label',
				type: 'string',
				default: '',
				placeholder: 'e.g. team:bi',
				description: 'A label and its value, with a colon between them',
			},
			{
				displayName: 'Name',
				name: 'name',
				type: 'string',
				default: '',
				placeholder: 'e.g. Daily sales',
				description: 'The exact name',
			},
			{
				displayName: 'Status',
				name: 'status',
				type: 'options',
				options: [
					{ name: 'Active', value: 'active' },
					{ name: 'Completed', value: 'completed' },
					{ name: 'Paused', value: 'paused' },
				],
				default: 'active',
			},
		],
	),
];
