import type { IDisplayOptions, INodeProperties } from 'n8n-workflow';

import {
	actionField,
	byDisplayName,
	capabilityField,
	formatField,
	outputFileField,
	parameterFields,
} from '../shared/descriptions';
import { policyOptions } from '../shared/policies';

const forOperations = (...operation: string[]): IDisplayOptions => ({ show: { operation } });

const forInvoke = (field: INodeProperties): INodeProperties => ({
	...field,
	displayOptions: { show: { ...field.displayOptions?.show, operation: ['invoke'] } },
});

const invokeFields: INodeProperties[] = [
	capabilityField,
	actionField,
	...parameterFields,
	{
		displayName: 'Wait for Result',
		name: 'wait',
		type: 'options',
		options: [
			{
				name: 'By Callback',
				value: 'callback',
				description:
					'The execution sleeps until CapScheduler calls back, which costs nothing: for what takes minutes to days',
			},
			{ name: 'Do Not Wait', value: 'none', description: 'Goes on with the run as it was queued' },
			{ name: 'Inline', value: 'inline', description: 'The node waits: for what takes seconds' },
		],
		default: 'inline',
	},
	{
		displayName: 'Output',
		name: 'output',
		type: 'options',
		options: [
			{ name: 'File', value: 'binary', description: 'The result in a format of your choice' },
			{ name: 'Items', value: 'items', description: 'Each row of the result is an item' },
			{
				name: 'Run',
				value: 'run',
				description: 'What CapScheduler knows of the run, without its result',
			},
		],
		default: 'items',
		displayOptions: { show: { wait: ['inline', 'callback'] } },
	},
	...[formatField, outputFileField].map((field): INodeProperties => ({
		...field,
		displayOptions: { show: { wait: ['inline', 'callback'], output: ['binary'] } },
	})),
	{
		displayName: 'Delivery (JSON)',
		name: 'delivery',
		type: 'json',
		default: '{}',
		placeholder:
			'e.g. { "mode": "push", "targets": [{ "destination": "warehouse", "format": "csv" }] }',
		description: 'Where CapScheduler itself sends the result. Empty: nowhere.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: byDisplayName([
			...policyOptions.filter(({ name }) => ['attempts', 'retryDelay', 'timeout'].includes(name)),
			{
				displayName: 'Maximum Wait (Minutes)',
				name: 'maxWait',
				type: 'number',
				typeOptions: { minValue: 1 },
				default: 10,
				description: 'How long the node waits inline before it gives up. The run goes on.',
			},
		]),
	},
].map((field) => forInvoke(field as INodeProperties));

const respondFields: INodeProperties[] = [
	{
		displayName: 'Result',
		name: 'resultSource',
		type: 'options',
		options: [
			{ name: 'All Items', value: 'items', description: 'Each item is a row' },
			{ name: 'File', value: 'binary', description: 'The binary of the first item' },
			{ name: 'JSON', value: 'json', description: 'An object of your own' },
		],
		default: 'items',
		displayOptions: forOperations('respond'),
		description: 'What the run ends with',
	},
	{
		displayName: 'Input Binary Field',
		name: 'resultBinary',
		type: 'string',
		default: 'data',
		required: true,
		hint: 'The name of the input binary field that is the result',
		displayOptions: { show: { operation: ['respond'], resultSource: ['binary'] } },
	},
	{
		displayName: 'Result (JSON)',
		name: 'resultJson',
		type: 'json',
		default: '{}',
		displayOptions: { show: { operation: ['respond'], resultSource: ['json'] } },
	},
];

const failFields: INodeProperties[] = [
	{
		displayName: 'Message',
		name: 'message',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. The warehouse is closed',
		description: 'What went wrong, for people',
		displayOptions: forOperations('fail'),
	},
	{
		displayName: 'Code',
		name: 'code',
		type: 'string',
		default: 'FAILED',
		placeholder: 'e.g. UPSTREAM_DOWN',
		description: 'The same, for programs',
		displayOptions: forOperations('fail'),
	},
	{
		displayName: 'Retry',
		name: 'retry',
		type: 'boolean',
		default: false,
		description:
			'Whether CapScheduler is to try again, as long as the policies of the schedule allow it',
		displayOptions: forOperations('fail'),
	},
	{
		displayName: 'Retry After',
		name: 'retryAfter',
		type: 'string',
		default: '',
		placeholder: 'e.g. 5m',
		description: 'Not before so long. Empty: as the policies say.',
		displayOptions: { show: { operation: ['fail'], retry: [true] } },
	},
];

export const properties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Fail',
				value: 'fail',
				action: 'Fail a run',
				description: 'Say that the run which this workflow serves has failed',
			},
			{
				name: 'Heartbeat',
				value: 'heartbeat',
				action: 'Send a heartbeat',
				description: 'Say that the work goes on, and hear whether it should',
			},
			{
				name: 'Invoke',
				value: 'invoke',
				action: 'Invoke an action',
				description: 'Have an action of a capability done now',
			},
			{
				name: 'Report Progress',
				value: 'progress',
				action: 'Report progress of a run',
				description: 'Say how far the work is',
			},
			{
				name: 'Respond',
				value: 'respond',
				action: 'Respond to a run',
				description: 'Hand in the result of the run which this workflow serves',
			},
		],
		default: 'invoke',
	},
	...invokeFields,
	...respondFields,
	...failFields,
	{
		displayName: 'Progress (JSON)',
		name: 'progress',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "done": 400, "of": 1000 }',
		displayOptions: forOperations('progress'),
	},
	{
		displayName: 'Session',
		name: 'session',
		type: 'collection',
		placeholder: 'Add field',
		default: {},
		description:
			'Which run is meant. Empty: the one that the CapSchedule Trigger of this workflow began with.',
		displayOptions: forOperations('respond', 'fail', 'heartbeat', 'progress'),
		options: [
			{
				displayName: 'Run ID',
				name: 'runId',
				type: 'string',
				default: '',
				placeholder: 'e.g. run_…',
			},
			{
				displayName: 'Token',
				name: 'token',
				type: 'string',
				typeOptions: { password: true },
				default: '',
				description: "The attempt's token, from the envelope's <code>callback</code>",
			},
		],
	},
];
