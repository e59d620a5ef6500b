import { z } from 'zod';

import {
	calendarDaysSchema,
	calendarSchema,
	calendarSummarySchema,
	holidayCountriesSchema,
} from '../../contract/answers-calendars.ts';
import { pageOf } from '../../contract/answers-parts.ts';
import type { Calendar } from '../../contract/calendar.ts';
import { calendarInputSchema } from '../../contract/calendar.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import { nearest } from '../../contract/nearest.ts';
import { localDateSchema } from '../../contract/timing.ts';
import {
	createCalendar,
	findCalendar,
	removeCalendar,
	replaceCalendar,
} from '../../pipeline/calendars.ts';
import type { Context } from '../../pipeline/context.ts';
import {
	calendarDays,
	presentCalendar,
	summarizeCalendar,
} from '../../pipeline/present-calendar.ts';
import { pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({
	idOrName: z.string().min(1).max(100).meta({ description: 'The id or the name of a calendar.' }),
});
const versionSchema = z
	.string()
	.regex(/^[1-9]\d{0,8}$/, 'a version, from 1 on')
	.transform(Number)
	.meta({ override: { type: 'integer', minimum: 1 } });

const shown = (ctx: Context, calendar: Calendar, status = 200): Reply => ({
	status,
	headers: {
		etag: revisionTag(calendar.version),
		...(status === 201
			? { location: `${ctx.settings.publicUrl()}/v1/calendars/${calendar.id}` }
			: {}),
	},
	body: presentCalendar(calendar),
});

const answer = { schema: calendarSchema, headers: { etag: 'Its version.' } };
const body = { kind: 'json', schema: calendarInputSchema } as const;
const example = {
	name: 'holidays-by',
	title: 'Public holidays in Bavaria',
	holidays: { country: 'DE', region: 'BY' },
};

export const CALENDAR_ROUTES = [
	keyRoute({
		id: 'listCalendars',
		method: 'get',
		path: '/v1/calendars',
		tag: 'Calendars',
		summary: 'List calendars',
		scopes: ['schedules:read'],
		query: z.strictObject(pageQuery),
		answers: {
			200: { description: 'Without their days.', schema: pageOf(calendarSummarySchema) },
		},
		async handle({ ctx, actor, query }) {
			const page = await ctx.store.listCalendars(actor.tenant, pageRequest(query));
			return { status: 200, body: { ...page, items: page.items.map(summarizeCalendar) } };
		},
	}),
	keyRoute({
		id: 'createCalendar',
		method: 'post',
		path: '/v1/calendars',
		tag: 'Calendars',
		summary: 'Make a calendar',
		description:
			'Days that timings leave out (`exclude`), keep to (`only`) or move away from: by hand, from an iCalendar ' +
			'file, or the public holidays of a country or region.',
		scopes: ['schedules:write'],
		body,
		answers: { 201: { description: 'Made.', ...answer } },
		errors: ['NAME_TAKEN'],
		example: { body: example },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => createCalendar(ctx, actor, body, request),
				(calendar: Calendar) => shown(ctx, calendar, 201),
			),
	}),
	keyRoute({
		id: 'getCalendar',
		method: 'get',
		path: '/v1/calendars/{idOrName}',
		tag: 'Calendars',
		summary: 'Show a calendar with its days',
		scopes: ['schedules:read'],
		params,
		answers: { 200: { description: 'The version in force.', ...answer } },
		errors: ['NOT_FOUND'],
		handle: async ({ ctx, actor, params: { idOrName } }) =>
			shown(ctx, await findCalendar(ctx, actor, idOrName)),
	}),
	keyRoute({
		id: 'replaceCalendar',
		method: 'put',
		path: '/v1/calendars/{idOrName}',
		tag: 'Calendars',
		summary: 'Change a calendar',
		description:
			'Makes a new version, unless nothing changes. Schedules that name the calendar are due by it from now on ' +
			'(`schedule.retimed`); what was decided stays.',
		scopes: ['schedules:write'],
		params,
		body,
		conditional: true,
		answers: { 200: { description: 'The version in force.', ...answer } },
		errors: ['NOT_FOUND', 'NAME_TAKEN', 'CONFLICT'],
		example: { body: example },
		handle: async ({ ctx, actor, params: { idOrName }, body, ifMatch }) =>
			shown(ctx, await replaceCalendar(ctx, actor, idOrName, body, ifMatch)),
	}),
	keyRoute({
		id: 'deleteCalendar',
		method: 'delete',
		path: '/v1/calendars/{idOrName}',
		tag: 'Calendars',
		summary: 'Delete a calendar',
		description: 'Refused while schedules that are active or paused name it.',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		answers: { 204: { description: 'It is gone.' } },
		errors: ['NOT_FOUND', 'IN_USE'],
		async handle({ ctx, actor, params: { idOrName }, ifMatch }) {
			await removeCalendar(ctx, actor, idOrName, ifMatch);
			return { status: 204 };
		},
	}),
	keyRoute({
		id: 'listCalendarVersions',
		method: 'get',
		path: '/v1/calendars/{idOrName}/versions',
		tag: 'Calendars',
		summary: 'List the versions of a calendar, the newest first',
		scopes: ['schedules:read'],
		params,
		query: z.strictObject(pageQuery),
		answers: {
			200: { description: 'Without their days.', schema: pageOf(calendarSummarySchema) },
		},
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { idOrName }, query }) {
			const { tenant, id } = await findCalendar(ctx, actor, idOrName);
			const page = await ctx.store.listCalendarVersions(tenant, id, pageRequest(query));
			return { status: 200, body: { ...page, items: page.items.map(summarizeCalendar) } };
		},
	}),
	keyRoute({
		id: 'getCalendarVersion',
		method: 'get',
		path: '/v1/calendars/{idOrName}/versions/{version}',
		tag: 'Calendars',
		summary: 'Show a version of a calendar with its days',
		scopes: ['schedules:read'],
		params: params.extend({ version: versionSchema }),
		answers: { 200: { description: 'The version.', schema: calendarSchema } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { idOrName, version } }) {
			const { tenant, id } = await findCalendar(ctx, actor, idOrName);
			const found = await ctx.store.getCalendarVersion(tenant, id, version);
			if (found === null) throw new CapError('NOT_FOUND', `no version ${version} of ${idOrName}`);
			return { status: 200, body: presentCalendar(found) };
		},
	}),
	keyRoute({
		id: 'listCalendarDays',
		method: 'get',
		path: '/v1/calendars/{idOrName}/days',
		tag: 'Calendars',
		summary: 'Show day by day whether somebody works',
		scopes: ['schedules:read'],
		params,
		query: z.strictObject({
			from: localDateSchema.meta({ description: 'The first day.' }),
			to: localDateSchema.meta({ description: 'The last day, at most a year later.' }),
		}),
		answers: { 200: { description: 'Each day of the range.', schema: calendarDaysSchema } },
		errors: ['NOT_FOUND'],
		example: { query: 'from=2027-12-20&to=2027-12-31' },
		handle: async ({ ctx, actor, params: { idOrName }, query }) => ({
			status: 200,
			body: calendarDays(await findCalendar(ctx, actor, idOrName), query),
		}),
	}),
	keyRoute({
		id: 'listHolidayCountries',
		method: 'get',
		path: '/v1/holidays',
		tag: 'Calendars',
		summary: 'List the countries and regions whose public holidays are known',
		scopes: ['schedules:read'],
		query: z.strictObject({
			country: z
				.string()
				.min(2)
				.max(3)
				.optional()
				.meta({ description: 'Only this one, with its regions.' }),
		}),
		answers: {
			200: {
				description: 'Countries by code; regions with `?country=`.',
				schema: holidayCountriesSchema,
			},
		},
		example: { query: 'country=DE' },
		async handle({ ctx, query: { country } }) {
			const all = await ctx.calendars.countries();
			if (country === undefined) {
				return { status: 200, body: { countries: all.map(({ code, name }) => ({ code, name })) } };
			}
			const found = all.find(({ code }) => code === country.toUpperCase());
			if (found !== undefined) return { status: 200, body: { countries: [{ ...found }] } };
			const codes = all.map(({ code }) => code);
			const close = nearest(country.toUpperCase(), codes);
			throw inputError('INVALID_REQUEST', {
				path: 'query.country',
				expected: `the code of a country${close === undefined ? '' : `, perhaps "${close}"`}`,
				received: JSON.stringify(country),
			});
		},
	}),
];
