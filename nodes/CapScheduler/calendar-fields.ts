import type { INodeProperties } from 'n8n-workflow';

import { limitFields, operationField, shownFor } from './resource';

/* What the editor shows for calendars. */

const NAME = 'calendar';
const WRITTEN = ['create', 'update'];

const calendarField: INodeProperties = {
	displayName: 'Calendar',
	name: 'calendar',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description: 'Which calendar it is about',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a calendar...',
			typeOptions: { searchListMethod: 'searchCalendars', searchable: true },
		},
		{
			displayName: 'By Name or ID',
			name: 'name',
			type: 'string',
			placeholder: 'e.g. holidays-de',
		},
	],
};

const sources = [
	{
		name: 'By Hand',
		value: 'days',
		description: 'A list of dates',
	},
	{
		name: 'From iCalendar File',
		value: 'ics',
		description: 'The all-day events of an .ics file',
	},
	{
		name: 'Public Holidays',
		value: 'holidays',
		description: 'Of a country or a region of it',
	},
];

const source: INodeProperties = {
	displayName: 'Days',
	name: 'source',
	type: 'options',
	noDataExpression: true,
	options: sources,
	default: 'holidays',
	description: 'Where the days of the calendar come from',
};

const sourceFields: INodeProperties[] = [
	{
		displayName: 'Dates',
		name: 'days',
		type: 'string',
		typeOptions: { rows: 4 },
		default: '',
		required: true,
		placeholder: 'e.g. 2027-12-24 Christmas Eve',
		description: 'One a line, with a name behind it if you like',
		displayOptions: { show: { source: ['days'] } },
	},
	{
		displayName: 'iCalendar Text',
		name: 'ics',
		type: 'string',
		typeOptions: { rows: 4 },
		default: '',
		required: true,
		placeholder: 'e.g. BEGIN:VCALENDAR',
		description: 'The text of the file (RFC 5545)',
		displayOptions: { show: { source: ['ics'] } },
	},
	{
		displayName: 'Country Name or ID',
		name: 'country',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getCountries' },
		default: '',
		required: true,
		description:
			'Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
		displayOptions: { show: { source: ['holidays'] } },
	},
	{
		displayName: 'Region Name or ID',
		name: 'region',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getRegions', loadOptionsDependsOn: ['country'] },
		default: '',
		description:
			'Empty: the holidays of the whole country. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		displayOptions: { show: { source: ['holidays'] } },
	},
];

const title: INodeProperties = {
	displayName: 'Title',
	name: 'title',
	type: 'string',
	default: '',
	placeholder: 'e.g. Public holidays in Bavaria',
	description: 'For people',
};

const types: INodeProperties = {
	displayName: 'Types of Holidays',
	name: 'types',
	type: 'multiOptions',
	options: [
		{ name: 'Bank', value: 'bank' },
		{ name: 'Observance', value: 'observance' },
		{ name: 'Optional', value: 'optional' },
		{ name: 'Public', value: 'public' },
		{ name: 'School', value: 'school' },
	],
	default: ['public'],
	description: 'Which of the public holidays count',
	displayOptions: { show: { '/source': ['holidays'] } },
};

const weekend: INodeProperties = {
	displayName: 'Weekend',
	name: 'weekend',
	type: 'multiOptions',
	options: [
		{ name: 'Friday', value: 'fri' },
		{ name: 'Monday', value: 'mon' },
		{ name: 'Saturday', value: 'sat' },
		{ name: 'Sunday', value: 'sun' },
		{ name: 'Thursday', value: 'thu' },
		{ name: 'Tuesday', value: 'tue' },
		{ name: 'Wednesday', value: 'wed' },
	],
	default: ['sat', 'sun'],
	description: 'Days of the week on which nobody works',
};

const optionsField = (options: INodeProperties[]): INodeProperties => ({
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options,
});

const dateRange: INodeProperties[] = [
	{
		displayName: 'From',
		name: 'from',
		type: 'dateTime',
		default: '',
		required: true,
		description: 'The first day',
	},
	{
		displayName: 'To',
		name: 'to',
		type: 'dateTime',
		default: '',
		required: true,
		description: 'The last day, at most a year later',
	},
];

export const properties: INodeProperties[] = [
	operationField(
		NAME,
		[
			{
				name: 'Create',
				value: 'create',
				action: 'Create a calendar',
				description: 'Days that timings leave out, keep to, or move away from',
			},
			{
				name: 'Delete',
				value: 'delete',
				action: 'Delete a calendar',
				description: 'Refused while schedules name it',
			},
			{
				name: 'Get',
				value: 'get',
				action: 'Get a calendar',
				description: 'One calendar with its days',
			},
			{
				name: 'Get Days',
				value: 'getDays',
				action: 'Get the days of a calendar',
				description: 'Day by day, whether somebody works',
			},
			{
				name: 'Get Many',
				value: 'getAll',
				action: 'Get many calendars',
				description: 'Calendars without their days',
			},
			{
				name: 'Update',
				value: 'update',
				action: 'Update a calendar',
				description: 'Change it; schedules that name it are due by it from now on',
			},
		],
		'getAll',
	),
	shownFor(calendarField, NAME, ['delete', 'get', 'getDays', 'update']),
	shownFor(
		{
			displayName: 'Name',
			name: 'name',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. holidays-by',
			description: 'By which timings name it: lower-case letters, digits, dots and dashes',
		},
		NAME,
		['create'],
	),
	shownFor(source, NAME, ['create']),
	shownFor(
		{
			...source,
			options: [
				...sources.slice(0, 2),
				{ name: 'Keep', value: 'keep', description: 'The days stay as they are' },
				...sources.slice(2),
			],
			default: 'keep',
		},
		NAME,
		['update'],
	),
	...sourceFields.map((field) => shownFor(field, NAME, WRITTEN)),
	...dateRange.map((field) => shownFor(field, NAME, ['getDays'])),
	shownFor(optionsField([title, types, weekend]), NAME, ['create']),
	shownFor(
		optionsField([
			{
				displayName: 'Name',
				name: 'name',
				type: 'string',
				default: '',
				placeholder: 'e.g. holidays-by',
				description: 'A new name',
			},
			title,
			types,
			weekend,
		]),
		NAME,
		['update'],
	),
	...limitFields(NAME, ['getAll']),
];
