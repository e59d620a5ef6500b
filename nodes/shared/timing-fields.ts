import type { IDisplayOptions, INodeProperties, INodePropertyOptions } from 'n8n-workflow';

/* When: trigger rules as n8n's own Schedule Trigger has them, and what the engine adds to them. */

const show = (...fields: string[]): IDisplayOptions => ({
	show: { field: fields },
});

const number = (
	name: string,
	displayName: string,
	{
		default: fallback,
		...rest
	}: Pick<INodeProperties, 'default' | 'description' | 'displayOptions' | 'typeOptions'>,
): INodeProperties => ({ displayName, name, type: 'number', default: fallback, ...rest });

const weekdays: INodePropertyOptions[] = [
	{ name: 'Monday', value: 'MO' },
	{ name: 'Tuesday', value: 'TU' },
	{ name: 'Wednesday', value: 'WE' },
	{ name: 'Thursday', value: 'TH' },
	{ name: 'Friday', value: 'FR' },
	{ name: 'Saturday', value: 'SA' },
	{ name: 'Sunday', value: 'SU' },
];

const daysOfMonth: INodePropertyOptions[] = [
	...Array.from({ length: 31 }, (_, i) => ({ name: String(i + 1), value: String(i + 1) })),
	{ name: 'Last Day', value: 'L' },
];

/** In the order of length, as n8n's own trigger lists them. */
const intervals: INodePropertyOptions[] = [
	{ name: 'Minutes', value: 'minutes' },
	{ name: 'Hours', value: 'hours' },
	{ name: 'Days', value: 'days' },
	{ name: 'Weeks', value: 'weeks' },
	{ name: 'Months', value: 'months' },
	{ name: 'Custom (Cron)', value: 'cron' },
	{ name: 'Recurrence Rule (RRULE)', value: 'rrule' },
	{ name: 'Fixed Dates', value: 'dates' },
];

/** In the order in which one thinks of them. */
const ruleFields: INodeProperties[] = [
	{
		displayName: 'Trigger Interval',
		name: 'field',
		type: 'options',
		default: 'days',
		options: intervals,
	},
	number('minutesInterval', 'Minutes Between Triggers', {
		default: 5,
		typeOptions: { minValue: 1 },
		displayOptions: show('minutes'),
		description: 'Number of minutes between each workflow trigger',
	}),
	number('hoursInterval', 'Hours Between Triggers', {
		default: 1,
		typeOptions: { minValue: 1 },
		displayOptions: show('hours'),
		description: 'Number of hours between each workflow trigger',
	}),
	number('daysInterval', 'Days Between Triggers', {
		default: 1,
		typeOptions: { minValue: 1 },
		displayOptions: show('days'),
		description: 'Number of days between each workflow trigger',
	}),
	number('weeksInterval', 'Weeks Between Triggers', {
		default: 1,
		typeOptions: { minValue: 1 },
		displayOptions: show('weeks'),
		description: 'Number of weeks between each workflow trigger',
	}),
	number('monthsInterval', 'Months Between Triggers', {
		default: 1,
		typeOptions: { minValue: 1 },
		displayOptions: show('months'),
		description: 'Number of months between each workflow trigger',
	}),
	{
		displayName: 'Trigger on Weekdays',
		name: 'weekdays',
		type: 'multiOptions',
		options: weekdays,
		default: ['MO'],
		displayOptions: show('weeks'),
	},
	{
		displayName: 'Trigger at Day of Month',
		name: 'dayOfMonth',
		type: 'options',
		options: daysOfMonth,
		default: '1',
		displayOptions: show('months'),
		description: 'In months that are shorter it is the last day',
	},
	number('hour', 'Trigger at Hour', {
		default: 0,
		typeOptions: { minValue: 0, maxValue: 23 },
		displayOptions: show('days', 'weeks', 'months'),
		description: 'The hour of the day, from 0 to 23',
	}),
	number('minute', 'Trigger at Minute', {
		default: 0,
		typeOptions: { minValue: 0, maxValue: 59 },
		displayOptions: show('hours', 'days', 'weeks', 'months'),
		description: 'The minute past the hour, from 0 to 59',
	}),
	{
		displayName: 'Expression',
		name: 'expression',
		type: 'string',
		default: '',
		placeholder: 'e.g. 0 9 L * *',
		displayOptions: show('cron'),
		description:
			'Five fields, or six with seconds first. L, W and # are understood: <code>0 9 L * *</code> is 9 am on the last day of each month.',
	},
	{
		displayName: 'Recurrence Rule',
		name: 'rrule',
		type: 'string',
		typeOptions: { rows: 3 },
		default: '',
		placeholder: 'e.g. FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0',
		displayOptions: show('rrule'),
		description:
			'As iCalendar (RFC 5545) writes it; DTSTART, RDATE and EXDATE on lines of their own',
	},
	{
		displayName: 'Dates',
		name: 'dates',
		type: 'string',
		typeOptions: { rows: 3 },
		default: '',
		placeholder: 'e.g. 2027-01-31T09:00:00',
		displayOptions: show('dates'),
		description: 'One a line, in the time zone of the schedule or with an offset of its own',
	},
];

export const rulesField: INodeProperties = {
	displayName: 'Trigger Rules',
	name: 'rule',
	placeholder: 'Add Rule',
	type: 'fixedCollection',
	typeOptions: { multipleValues: true },
	default: { interval: [{ field: 'days' }] },
	description: 'When it is due; with several rules, whenever one of them says so',
	options: [
		{
			name: 'interval',
			displayName: 'Trigger Interval',
			values: ruleFields,
		},
	],
};

export const timeZoneOption: INodeProperties = {
	displayName: 'Time Zone',
	name: 'timeZone',
	type: 'string',
	default: '',
	placeholder: 'e.g. Europe/Berlin',
	description: "An IANA name. Empty: the workflow's own time zone.",
};

/** What one may add, for timing. */
export const timingOptions: INodeProperties[] = [
	{
		displayName: 'End',
		name: 'end',
		type: 'dateTime',
		default: '',
		description: 'Nothing is due after this instant',
	},
	{
		displayName: 'Exclude Calendar Names or IDs',
		name: 'excludeCalendars',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getCalendars' },
		default: [],
		description:
			'The days of these calendars of the engine are left out. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Exclude Dates',
		name: 'excludeDates',
		type: 'string',
		typeOptions: { rows: 3 },
		default: '',
		placeholder: 'e.g. 2027-12-24',
		description: 'Days that are left out, one a line',
	},
	{
		displayName: 'Jitter',
		name: 'jitter',
		type: 'string',
		default: '',
		placeholder: 'e.g. 5m',
		description:
			'Delays what is due by up to so much, always alike for one schedule, so that not all begin at once',
	},
	{
		displayName: 'Local Time That Comes Twice',
		name: 'fold',
		type: 'options',
		options: [
			{ name: 'Both', value: 'both', description: 'It runs twice' },
			{ name: 'First', value: 'first', description: 'The first of the two' },
			{ name: 'Last', value: 'last', description: 'The second of the two' },
		],
		default: 'first',
		description: 'When clocks go back, an hour comes twice',
	},
	{
		displayName: 'Local Time That Does Not Exist',
		name: 'gap',
		type: 'options',
		options: [
			{ name: 'At Once After', value: 'edge', description: 'At the first instant after the gap' },
			{ name: 'Shift', value: 'shift', description: '02:30 becomes 03:30' },
			{ name: 'Skip', value: 'skip', description: 'It is left out that day' },
		],
		default: 'shift',
		description: 'When clocks go forward, an hour is missing',
	},
	{
		displayName: 'Maximum Runs',
		name: 'maxRuns',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 1,
		description: 'The number of runs after which the schedule is completed',
	},
	{
		displayName: 'Start',
		name: 'start',
		type: 'dateTime',
		default: '',
		description: 'Nothing is due before this instant',
	},
];

/** Rules whose change is noticed; who has more sees the preview when the panel is opened again. */
const WATCHED_RULES = 5;

/**
 * What a list that is computed of the timing depends on. n8n's editor compares the texts of these values, and all
 * objects have the same text, so each is a value of its own.
 */
export const timingPaths: string[] = [
	'rule.interval.length',
	...Array.from({ length: WATCHED_RULES }, (_, i) =>
		ruleFields.map(({ name }) => `rule.interval[${i}].${name}`),
	).flat(),
	...[...timingOptions, timeZoneOption].map(({ name }) => `options.${name}`),
];
