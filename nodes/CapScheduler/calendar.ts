import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import { properties } from './calendar-fields';
import type { Resource } from './resource';
import { act, change, getMany, given, written } from './resource';

const calendarPath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/calendars/${textOf(context, 'calendar', i)}`;

const lines = (text: string): string[] =>
	text
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line !== '');

/** `2027-12-24 Christmas Eve`: a date, and what it is called. */
function dayOf(line: string): IDataObject {
	const [date = '', ...words] = line.split(/[\s,;]+/);
	return { date, ...given({ name: words.join(' ') }) };
}

/** The first ten characters of what a date picker gives. */
const dateOf = (context: IExecuteFunctions, parameter: string, i: number): string =>
	written(context.getNodeParameter(parameter, i, '')).slice(0, 10);

/** Where the days come from; undefined where that is to stay as it is. */
function sourceOf(context: IExecuteFunctions, i: number): IDataObject | undefined {
	switch (context.getNodeParameter('source', i)) {
		case 'days':
			return { days: lines(textOf(context, 'days', i)).map(dayOf) };
		case 'ics':
			return { ics: textOf(context, 'ics', i) };
		case 'holidays': {
			const types = context.getNodeParameter('options.types', i, []) as string[];
			const region = textOf(context, 'region', i);
			return {
				holidays: {
					country: textOf(context, 'country', i),
					...given({ region }),
					...(types.length === 0 ? {} : { types }),
				},
			};
		}
		default:
			return undefined;
	}
}

interface CalendarOptions {
	name?: string;
	title?: string;
	weekend?: string[];
}

function keptSource(context: IExecuteFunctions, i: number, current: IDataObject): IDataObject {
	const { kind, ...source } = current.source as IDataObject;
	if (kind === 'holidays') return { holidays: source };
	if (kind === 'days') return { days: current.days };
	throw new NodeOperationError(
		context.getNode(),
		'The days of this calendar come from an iCalendar file, which CapScheduler does not show',
		{ itemIndex: i, description: 'Set "Days" to "From iCalendar File" and give its text again.' },
	);
}

export const calendar: Resource = {
	properties,
	operations: {
		create(context, i) {
			const { title, weekend } = context.getNodeParameter('options', i, {}) as CalendarOptions;
			const body = {
				name: textOf(context, 'name', i),
				...given({ title, weekend }),
				...sourceOf(context, i),
			};
			return act(context, i, { method: 'POST', path: '/v1/calendars', body });
		},
		async delete(context, i) {
			await act(context, i, { method: 'DELETE', path: calendarPath(context, i) });
			return { calendar: textOf(context, 'calendar', i), deleted: true };
		},
		get: (context, i) => act(context, i, { path: calendarPath(context, i) }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/calendars' }),
		async getDays(context, i) {
			const { days } = await act(context, i, {
				path: `${calendarPath(context, i)}/days`,
				query: { from: dateOf(context, 'from', i), to: dateOf(context, 'to', i) },
			});
			return days as IDataObject[];
		},
		update(context, i) {
			const options = context.getNodeParameter('options', i, {}) as CalendarOptions;
			const source = sourceOf(context, i);
			return change(context, i, {
				path: calendarPath(context, i),
				make: ({ name, title, weekend, ...current }) => ({
					...given({ name, title, weekend }),
					...given({ name: options.name, title: options.title, weekend: options.weekend }),
					...(source ?? keptSource(context, i, current)),
				}),
			});
		},
	},
};
