import type { INodeProperties } from 'n8n-workflow';

import { byDisplayName } from '../shared/descriptions';
import { policyOptions } from '../shared/policies';
import { rulesField, timeZoneOption, timingOptions } from '../shared/timing-fields';

/* When schedules are due, and what they may have beside that. */

const usingJson = {
	name: 'Using JSON',
	value: 'json',
	description: 'A timing as the API of CapScheduler takes it',
};
const usingRules = {
	name: 'Using Rules',
	value: 'rules',
	description: 'Intervals, days, weeks, cron, RRULE or dates',
};
const usingWords = {
	name: 'Using Words',
	value: 'words',
	description: '"every weekday at 09:00", a cron expression, "in 10m" or an instant',
};

export const timingMode: INodeProperties = {
	displayName: 'When',
	name: 'timingMode',
	type: 'options',
	noDataExpression: true,
	options: [usingJson, usingRules, usingWords],
	default: 'rules',
	description: 'How the timing is given',
};

export const timingFields: INodeProperties[] = [
	{ ...rulesField, displayOptions: { show: { timingMode: ['rules'] } } },
	{
		displayName: 'Words',
		name: 'words',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. every weekday at 09:00',
		description:
			'When it is due, in English or as cron. Recurring: <code>every 15m</code>, <code>every weekday at 09:00</code>, <code>last working day of the month at 17:30</code>, <code>0 9 * * 1-5</code>. Once: <code>in 10m</code> or an instant like <code>2027-01-31T09:00:00+01:00</code>. Times are on the clock of the workflow unless a zone is named: <code>daily at 9am in Europe/Berlin</code>.',
		displayOptions: { show: { timingMode: ['words'] } },
	},
	{
		displayName: 'Timing (JSON)',
		name: 'timingJson',
		type: 'json',
		default: '{ "cron": "0 9 * * 1-5", "timeZone": "Europe/Berlin" }',
		description:
			'One of <code>cron</code>, <code>every</code>, <code>at</code>, <code>in</code>, <code>rrule</code> or <code>any</code>, with <code>timeZone</code>, <code>start</code>, <code>end</code>, <code>limit</code>, <code>exclude</code>, <code>only</code>, <code>jitter</code>, <code>dst</code>',
		displayOptions: { show: { timingMode: ['json'] } },
	},
];

/** Fields that a schedule may have and need not. */
const more: INodeProperties[] = [
	{
		displayName: 'Callback URL',
		name: 'callback',
		type: 'string',
		default: '',
		placeholder: 'e.g. https://example.com/done',
		description: 'Told by a signed POST how each run ends',
	},
	{
		displayName: 'Labels (JSON)',
		name: 'labels',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "team": "bi" }',
		description: 'Names and values by which it is found, paused and resumed together with others',
	},
	{
		displayName: 'Metadata (JSON)',
		name: 'metadata',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "ticket": 4711 }',
		description: 'Kept and shown as it is',
	},
	{
		displayName: 'Name',
		name: 'name',
		type: 'string',
		default: '',
		placeholder: 'e.g. Daily sales',
		description: 'For people',
	},
	{
		displayName: 'Policies (JSON)',
		name: 'policies',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "sla": { "deliveredWithin": "15m" } }',
		description:
			'All that the API knows as <code>policies</code>; the single options are laid over it',
	},
];

export const deliveryJson: INodeProperties = {
	displayName: 'Delivery (JSON)',
	name: 'delivery',
	type: 'json',
	default: '{}',
	placeholder:
		'e.g. { "mode": "push", "targets": [{ "destination": "warehouse", "format": "csv" }] }',
	description:
		'Where the results go, and as what. Empty: they are kept, and nodes or links fetch them.',
};

export const createOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: byDisplayName([...policyOptions, ...timingOptions, timeZoneOption, ...more]),
};

export const previewOptions: INodeProperties = {
	...createOptions,
	options: byDisplayName([...timingOptions, timeZoneOption]),
};

export const updateFields: INodeProperties = {
	displayName: 'Update Fields',
	name: 'updateFields',
	type: 'collection',
	placeholder: 'Add Field',
	default: {},
	description: 'What is added here replaces what was there; all else stays',
	options: byDisplayName([
		...policyOptions,
		...more,
		deliveryJson,
		{
			displayName: 'Action',
			name: 'action',
			type: 'string',
			default: '',
			placeholder: 'e.g. daily-sales',
			description: 'Another action of the same capability',
		},
		{
			displayName: 'Parameters (JSON)',
			name: 'parameters',
			type: 'json',
			default: '{}',
			placeholder: 'e.g. { "region": "EU" }',
			description: "All parameters, checked against the action's JSON Schema",
		},
		{
			displayName: 'Reset',
			name: 'reset',
			type: 'multiOptions',
			options: [
				{ name: 'Callback URL', value: 'callback' },
				{ name: 'Delivery', value: 'delivery' },
				{ name: 'Labels', value: 'labels' },
				{ name: 'Metadata', value: 'metadata' },
				{ name: 'Name', value: 'name' },
				{ name: 'Parameters', value: 'parameters' },
				{ name: 'Policies', value: 'policies' },
			],
			default: [],
			description: 'These go back to their defaults',
		},
	]),
};

export const updateTimingOptions: INodeProperties = {
	displayName: 'Timing Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: byDisplayName([...timingOptions, timeZoneOption]),
	displayOptions: { show: { timingMode: ['rules'] } },
};

export const updateTimingMode: INodeProperties = {
	...timingMode,
	options: [
		{ name: 'Keep', value: 'keep', description: 'The timing stays as it is' },
		usingJson,
		usingRules,
		usingWords,
	],
	default: 'keep',
	description: 'A new timing begins with its first occurrence after now',
};
