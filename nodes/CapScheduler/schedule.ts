import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import {
	actionField,
	byDisplayName,
	capabilityField,
	parameterFields,
	scheduleField,
} from '../shared/descriptions';
import { readObject, readParameters, textOf } from '../shared/parameter-form';
import type { PolicyFields } from '../shared/policies';
import { buildPolicies, policyOptions } from '../shared/policies';
import type { IntervalRule, TimingOptions } from '../shared/timing';
import { buildTiming } from '../shared/timing';
import { rulesField, timeZoneOption, timingOptions } from '../shared/timing-fields';
import { path } from '../shared/transport';
import type { Operation, Resource } from './resource';
import {
	act,
	capabilityFilter,
	filtersField,
	filtersOf,
	getMany,
	limitFields,
	operationField,
	shownFor,
} from './resource';

const NAME = 'schedule';

const properties = [
	operationField(
		NAME,
		[
			{
				name: 'Create',
				value: 'create',
				action: 'Create a schedule',
				description: 'Have an action done at set times',
			},
			{ name: 'Delete', value: 'delete', action: 'Delete a schedule' },
			{
				name: 'Get',
				value: 'get',
				action: 'Get a schedule',
				description: 'With its next occurrences',
			},
			{ name: 'Get Many', value: 'getAll', action: 'Get many schedules' },
			{ name: 'Pause', value: 'pause', action: 'Pause a schedule' },
			{
				name: 'Preview',
				value: 'preview',
				action: 'Preview a schedule',
				description: 'Show when a timing is due, before there is a schedule',
			},
			{ name: 'Resume', value: 'resume', action: 'Resume a schedule' },
			{
				name: 'Trigger',
				value: 'trigger',
				action: 'Trigger a schedule',
				description: 'Run it now, beside its timing',
			},
		],
		'getAll',
	),
	shownFor(scheduleField, NAME, ['delete', 'get', 'pause', 'resume', 'trigger']),
	...[capabilityField, actionField, ...parameterFields].map((field) =>
		shownFor(field, NAME, ['create']),
	),
	shownFor(
		{
			displayName: 'When',
			name: 'timingMode',
			type: 'options',
			noDataExpression: true,
			options: [
				{
					name: 'Using JSON',
					value: 'json',
					description: 'A timing as the API of CapScheduler takes it',
				},
				{
					name: 'Using Rules',
					value: 'rules',
					description: 'Intervals, days, weeks, cron, RRULE or dates',
				},
				{
					name: 'Using Words',
					value: 'words',
					description: '"every 15m", "@daily", "in 10m" or an instant',
				},
			],
			default: 'rules',
		},
		NAME,
		['create', 'preview'],
	),
	shownFor({ ...rulesField, displayOptions: { show: { timingMode: ['rules'] } } }, NAME, [
		'create',
		'preview',
	]),
	shownFor(
		{
			displayName: 'Words',
			name: 'words',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. every 15m',
			description:
				'Recurring: <code>every 15m</code>, <code>@daily</code> or a cron expression. Once: <code>in 10m</code> or an instant like <code>2027-01-31T09:00:00+01:00</code>.',
			displayOptions: { show: { timingMode: ['words'] } },
		},
		NAME,
		['create', 'preview'],
	),
	shownFor(
		{
			displayName: 'Timing (JSON)',
			name: 'timingJson',
			type: 'json',
			default: '{ "cron": "0 9 * * 1-5", "timeZone": "Europe/Berlin" }',
			displayOptions: { show: { timingMode: ['json'] } },
		},
		NAME,
		['create', 'preview'],
	),
	shownFor(
		{
			displayName: 'Delivery (JSON)',
			name: 'delivery',
			type: 'json',
			default: '{}',
			placeholder:
				'e.g. { "mode": "push", "targets": [{ "destination": "warehouse", "format": "csv" }] }',
			description:
				'Where the results go, and as what. Empty: they are kept, and nodes or links fetch them.',
		},
		NAME,
		['create'],
	),
	shownFor(
		{
			displayName: 'Options',
			name: 'options',
			type: 'collection',
			placeholder: 'Add option',
			default: {},
			options: byDisplayName([
				...policyOptions,
				...timingOptions,
				timeZoneOption,
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
				},
				{
					displayName: 'Name',
					name: 'name',
					type: 'string',
					default: '',
					placeholder: 'e.g. Daily sales',
				},
			]),
		},
		NAME,
		['create'],
	),
	shownFor(
		{
			displayName: 'Occurrences',
			name: 'count',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1000 },
			default: 5,
			description: 'How many of the next occurrences to show',
		},
		NAME,
		['preview'],
	),
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
			},
			{
				displayName: 'Name',
				name: 'name',
				type: 'string',
				default: '',
				placeholder: 'e.g. Daily sales',
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

interface ScheduleOptions extends TimingOptions, PolicyFields {
	name?: string;
	callback?: string;
	labels?: string | IDataObject;
}

/** `timing`, or one of the short forms: an instant or "in …" is once, all else recurs. */
function whenOf(context: IExecuteFunctions, itemIndex: number): IDataObject {
	const options = context.getNodeParameter('options', itemIndex, {}) as ScheduleOptions;
	const timeZone = options.timeZone || context.getTimezone();
	switch (context.getNodeParameter('timingMode', itemIndex)) {
		case 'json':
			return { timing: readObject(context, 'timingJson', itemIndex) };
		case 'words': {
			const words = textOf(context, 'words', itemIndex);
			const once = /^in\s|^\d{4}-\d\d-\d\dT/i.test(words);
			return { [once ? 'time' : 'frequency']: words };
		}
		default: {
			const rules = context.getNodeParameter('rule.interval', itemIndex, []) as IntervalRule[];
			const refuse = (message: string) =>
				new NodeOperationError(context.getNode(), message, { itemIndex });
			return { timing: buildTiming(rules, { ...options, timeZone }, refuse) };
		}
	}
}

function createBody(context: IExecuteFunctions, itemIndex: number): IDataObject {
	const options = context.getNodeParameter('options', itemIndex, {}) as ScheduleOptions;
	const labels = context.getNodeParameter('options.labels', itemIndex, undefined);
	const delivery = readObject(context, 'delivery', itemIndex);
	return {
		action: textOf(context, 'action', itemIndex),
		parameters: readParameters(context, itemIndex),
		...whenOf(context, itemIndex),
		policies: buildPolicies(options),
		...(Object.keys(delivery).length === 0 ? {} : { delivery }),
		...(options.name ? { name: options.name } : {}),
		...(options.callback ? { callback: options.callback } : {}),
		...(labels === undefined ? {} : { labels: readObject(context, 'options.labels', itemIndex) }),
	};
}

const postTo =
	(verb: string): Operation =>
	(context, i) =>
		act(context, i, {
			method: 'POST',
			path: `${path`/v1/schedules/${textOf(context, 'schedule', i)}`}/${verb}`,
		});

const operations: Resource['operations'] = {
	create: (context, i) =>
		act(context, i, {
			method: 'POST',
			path: path`/${textOf(context, 'capability', i)}/schedule`,
			body: createBody(context, i),
		}),
	async delete(context, i) {
		const id = textOf(context, 'schedule', i);
		await act(context, i, { method: 'DELETE', path: path`/v1/schedules/${id}` });
		return { id, deleted: true };
	},
	get: (context, i) =>
		act(context, i, { path: path`/v1/schedules/${textOf(context, 'schedule', i)}` }),
	getAll: (context, i) =>
		getMany(context, i, { path: '/v1/schedules', query: filtersOf(context, i) }),
	pause: postTo('pause'),
	async preview(context, i) {
		const body = {
			...whenOf(context, i),
			count: context.getNodeParameter('count', i) as number,
		};
		const { occurrences } = await act(context, i, {
			method: 'POST',
			path: '/v1/timing/preview',
			body,
		});
		return occurrences as IDataObject[];
	},
	resume: postTo('resume'),
	trigger: postTo('trigger'),
};

export const schedule: Resource = { properties, operations };
