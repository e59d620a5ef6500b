import type { INodeProperties } from 'n8n-workflow';

import { scheduleField } from '../shared/descriptions';
import type { Operation, Resource } from './resource';
import {
	act,
	filtersField,
	filtersOf,
	getMany,
	given,
	instantAt,
	instantFrom,
	limitFields,
	operationField,
	shownFor,
} from './resource';
import { schedulePath } from './schedule';

const NAME = 'occurrence';

/** In the order of the API: what ran first. */
const OUTCOMES = [
	{ name: 'Any That Is Decided', value: 'decided' },
	{ name: 'Coalesced', value: 'coalesced', description: 'One run stood for several' },
	{ name: 'Fired', value: 'fired', description: 'It made a run' },
	{ name: 'Missed', value: 'missed', description: 'The engine was down, and it was not caught up' },
	{ name: 'Planned', value: 'planned', description: 'Not decided yet' },
	{ name: 'Skipped by Calendar', value: 'skipped_calendar' },
	{ name: 'Skipped by Limit', value: 'skipped_limit' },
	{ name: 'Skipped by Overlap', value: 'skipped_overlap' },
	{ name: 'Skipped by Pause', value: 'skipped_paused' },
	{ name: 'Skipped by User', value: 'skipped_by_user' },
];

const which: INodeProperties = {
	displayName: 'Occurrence At',
	name: 'at',
	type: 'dateTime',
	default: '',
	description: 'When the occurrence is due by the timing. Empty: the next one.',
};

const properties: INodeProperties[] = [
	operationField(
		NAME,
		[
			{
				name: 'Explain',
				value: 'explain',
				action: 'Explain an occurrence',
				description: 'Why an instant of a schedule ran, was skipped, will run, or is none',
			},
			{
				name: 'Get Many',
				value: 'getAll',
				action: 'Get many occurrences',
				description: 'What became of past ones, and what is to come',
			},
			{
				name: 'Move',
				value: 'move',
				action: 'Move an occurrence',
				description: 'Let the next one, or a named one, run at another time',
			},
			{
				name: 'Skip',
				value: 'skip',
				action: 'Skip occurrences',
				description: 'Leave out the next ones, or a named one',
			},
			{
				name: 'Unskip',
				value: 'unskip',
				action: 'Unskip occurrences',
				description: 'Let what was to be skipped run after all, while it is not due yet',
			},
		],
		'getAll',
	),
	shownFor(scheduleField, NAME, ['explain', 'getAll', 'move', 'skip', 'unskip']),
	shownFor(
		{
			...which,
			description:
				'An instant of the schedule. Empty: the last occurrence that was decided, else the next.',
		},
		NAME,
		['explain'],
	),
	shownFor(which, NAME, ['move', 'skip']),
	shownFor(
		{
			...which,
			description: 'When the occurrence is due by the timing. Empty: all that are to be skipped.',
		},
		NAME,
		['unskip'],
	),
	shownFor(
		{
			displayName: 'Move To',
			name: 'to',
			type: 'dateTime',
			default: '',
			required: true,
			description: 'When it is to run instead',
		},
		NAME,
		['move'],
	),
	shownFor(
		{
			displayName: 'How Many',
			name: 'count',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 100 },
			default: 1,
			description: 'How many of the next occurrences, if none is named above',
		},
		NAME,
		['skip'],
	),
	...limitFields(NAME, ['getAll']),
	filtersField(
		NAME,
		['getAll'],
		[
			{
				displayName: 'From',
				name: 'from',
				type: 'dateTime',
				default: '',
				description: 'Not before this instant',
			},
			{
				displayName: 'Order',
				name: 'order',
				type: 'options',
				options: [
					{ name: 'Newest First', value: 'desc', description: 'From now on backwards' },
					{ name: 'Oldest First', value: 'asc' },
				],
				default: 'desc',
			},
			{
				displayName: 'Outcome',
				name: 'outcome',
				type: 'options',
				options: OUTCOMES,
				default: 'decided',
				description: 'Only those that became this',
			},
			{
				displayName: 'To',
				name: 'to',
				type: 'dateTime',
				default: '',
				description: 'Not after this instant',
			},
		],
	),
];

const acting =
	(verb: 'move' | 'unskip'): Operation =>
	(context, i) =>
		act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/${verb}`,
			body: given({ at: instantAt(context, 'at', i), to: instantAt(context, 'to', i) }),
		});

const operations: Resource['operations'] = {
	explain: (context, i) =>
		act(context, i, {
			path: `${schedulePath(context, i)}/explain`,
			query: { at: instantAt(context, 'at', i) },
		}),
	getAll(context, i) {
		const { from, to, ...rest } = filtersOf(context, i);
		return getMany(context, i, {
			path: `${schedulePath(context, i)}/occurrences`,
			query: { ...rest, from: instantFrom(context, from), to: instantFrom(context, to) },
		});
	},
	move: acting('move'),
	skip(context, i) {
		const at = instantAt(context, 'at', i);
		return act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/skip`,
			body: at === undefined ? { count: context.getNodeParameter('count', i) as number } : { at },
		});
	},
	unskip: acting('unskip'),
};

export const occurrence: Resource = { properties, operations };
