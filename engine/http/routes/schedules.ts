import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { runSchema } from '../../contract/answers-runs.ts';
import {
	acceptedSchema,
	scheduleDetailsSchema,
	scheduleSchema,
	updatedSchema,
} from '../../contract/answers-schedules.ts';
import type { Calendars } from '../../contract/calendar.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import type { JsonObject } from '../../contract/json.ts';
import { capabilityNameSchema, nameSchema, titleSchema } from '../../contract/names.ts';
import type { Run } from '../../contract/run.ts';
import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import {
	resumeInputSchema,
	SCHEDULE_STATES,
	scheduleInputSchema,
} from '../../contract/schedule.ts';
import { schedulePatchSchema } from '../../contract/schedule-patch.ts';
import type { AcceptedSchedule } from '../../pipeline/accept.ts';
import { acceptSchedule } from '../../pipeline/accept.ts';
import { mayUse } from '../../pipeline/access.ts';
import {
	pauseSchedule,
	removeSchedule,
	resumeSchedule,
	triggerInputSchema,
	triggerSchedule,
} from '../../pipeline/acts.ts';
import { calendarsOf, calendarsOfAll } from '../../pipeline/calendars.ts';
import { findSchedule, specOf } from '../../pipeline/change-schedule.ts';
import type { Context } from '../../pipeline/context.ts';
import { presentSchedule, presentScheduleDetails, presentTiming } from '../../pipeline/present.ts';
import { updateSchedule } from '../../pipeline/update.ts';
import { given, labelSchema, pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';
import { runQueued } from './runs.ts';

const params = z.strictObject({ id: idSchema('schedule') });

function links(ctx: Context, id: string): Record<string, string> {
	const self = `${ctx.settings.publicUrl()}/v1/schedules/${id}`;
	return {
		self,
		occurrences: `${self}/occurrences`,
		runs: `${ctx.settings.publicUrl()}/v1/runs?scheduleId=${id}`,
	};
}

function accepted(
	ctx: Context,
	{ schedule, calendars, words, upcoming, transitions, warnings, secrets }: AcceptedSchedule,
): Reply {
	return {
		status: 201,
		headers: {
			location: links(ctx, schedule.id)['self'] ?? '',
			etag: revisionTag(schedule.revision),
		},
		body: {
			scheduleId: schedule.id,
			status: schedule.state,
			understood: presentTiming(schedule.timing, calendars),
			words,
			nextOccurrences: upcoming,
			transitions,
			warnings,
			links: links(ctx, schedule.id),
			...(Object.keys(secrets).length === 0 ? {} : { secrets }),
		},
	};
}

async function one(ctx: Context, schedule: Schedule): Promise<Reply> {
	return {
		status: 200,
		headers: { etag: revisionTag(schedule.revision) },
		body: await detailsOf(ctx, schedule),
	};
}

async function detailsOf(ctx: Context, schedule: Schedule): Promise<JsonObject> {
	const calendars = await calendarsOf(ctx, schedule);
	return details(ctx, schedule, { spec: await specOf(ctx, schedule), calendars });
}

export function details(
	ctx: Context,
	schedule: Schedule,
	{ spec, calendars }: { spec: RunSpec; calendars: Calendars },
): JsonObject {
	const presented = presentScheduleDetails(schedule, spec, calendars);
	return { ...presented, links: links(ctx, schedule.id) };
}

const changed = {
	200: {
		description: 'The schedule as it is now.',
		schema: scheduleDetailsSchema,
		headers: { etag: 'Its revision.' },
	},
};

/** What may be wrong with a schedule that is made or changed. */
const SPEC_ERRORS: readonly ErrorCode[] = [
	'INVALID_TIMING',
	'INVALID_PARAMETERS',
	'INVALID_POLICIES',
	'INTERVAL_TOO_SMALL',
	'ACTION_UNKNOWN',
	'FORMAT_UNKNOWN',
	'FORMAT_UNSUITABLE',
	'CHANNEL_UNKNOWN',
	'DESTINATION_UNKNOWN',
	'TEMPLATE_INVALID',
	'PATH_INVALID',
	'FILE_ROOT_FORBIDDEN',
	'EGRESS_BLOCKED',
	'NOT_FOUND',
];

export const SCHEDULE_ROUTES = [
	keyRoute({
		id: 'createSchedule',
		method: 'post',
		path: '/{capability}/schedule',
		tag: 'Schedules',
		summary: 'Schedule an action of a capability',
		description:
			'The timing is one of `timing`, `time` (one shot) and `frequency` (recurring). The schedule is stored ' +
			'with its timer before the answer is sent. Secrets that were made for it are shown this once.',
		scopes: ['schedules:write'],
		makesWork: true,
		params: z.strictObject({ capability: capabilityNameSchema }),
		body: { kind: 'json', schema: scheduleInputSchema },
		answers: {
			201: {
				description: 'Accepted and stored.',
				schema: acceptedSchema,
				headers: { location: 'The schedule.', etag: 'Its revision.' },
			},
		},
		errors: SPEC_ERRORS,
		example: {
			params: { capability: 'reports' },
			body: {
				action: 'daily-sales',
				parameters: { region: 'EU' },
				timing: { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' },
				delivery: { mode: 'pull', format: 'csv', link: { expiresIn: '24h', maxUses: 5 } },
				callback: 'https://example.org/done',
			},
		},
		handle: ({ ctx, actor, params: { capability }, body, once }) =>
			once(
				(request) => acceptSchedule(ctx, actor, capability, body, request),
				(answer: AcceptedSchedule) => accepted(ctx, answer),
			),
	}),
	keyRoute({
		id: 'listSchedules',
		method: 'get',
		path: '/v1/schedules',
		tag: 'Schedules',
		summary: 'List schedules',
		scopes: ['schedules:read'],
		query: z.strictObject({
			...pageQuery,
			status: z.enum(SCHEDULE_STATES).exclude(['deleted']).optional(),
			capability: nameSchema.optional(),
			name: titleSchema.optional(),
			label: labelSchema.optional(),
		}),
		answers: {
			200: { description: 'Schedules, the newest first.', schema: pageOf(scheduleSchema) },
		},
		example: { query: 'status=active&limit=20' },
		async handle({ ctx, actor, query: { status, capability, name, label, ...page } }) {
			const filter = given({ state: status, capability, name, label });
			const found = await ctx.store.listSchedules(actor.tenant, filter, pageRequest(page));
			const usable = found.items.filter((schedule) => mayUse(actor, schedule.capability));
			const timings = usable.map(({ timing }) => timing);
			const calendars = await calendarsOfAll(ctx, actor.tenant, timings);
			const items = usable.map((schedule) => presentSchedule(schedule, calendars));
			return { status: 200, body: { items, nextCursor: found.nextCursor } };
		},
	}),
	keyRoute({
		id: 'getSchedule',
		method: 'get',
		path: '/v1/schedules/{id}',
		tag: 'Schedules',
		summary: 'Show a schedule with its next occurrences',
		scopes: ['schedules:read'],
		params,
		answers: changed,
		errors: ['NOT_FOUND'],
		handle: async ({ ctx, actor, params: { id } }) => one(ctx, await findSchedule(ctx, actor, id)),
	}),
	keyRoute({
		id: 'updateSchedule',
		method: 'patch',
		path: '/v1/schedules/{id}',
		tag: 'Schedules',
		summary: 'Change a schedule',
		description:
			'A field that is sent replaces all of what was there, null takes it back to its default, and what is not sent stays. Runs that exist keep what they were made of; occurrences that were due before are decided as the schedule was then. A new timing begins with its first occurrence after now, drops skipped and moved occurrences, and brings a completed schedule back to life.',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		body: { kind: 'json', schema: schedulePatchSchema },
		answers: {
			200: {
				description: 'The schedule as it is now, and what is new.',
				schema: updatedSchema,
				headers: { etag: 'Its revision.' },
			},
		},
		errors: ['CONFLICT', ...SPEC_ERRORS],
		example: {
			body: { frequency: 'every 30m', parameters: { region: 'US' }, name: null },
		},
		async handle({ ctx, actor, params: { id }, ifMatch, body }) {
			const { schedule, told } = await updateSchedule(ctx, actor, { id, ifMatch }, body);
			const { changed: fields, droppedOverrides, warnings, secrets } = told;
			const reply = await one(ctx, schedule);
			const shown = Object.keys(secrets).length === 0 ? {} : { secrets };
			const more = { changed: fields, droppedOverrides, warnings, ...shown };
			return { ...reply, body: { ...(reply.body as JsonObject), ...more } };
		},
	}),
	keyRoute({
		id: 'deleteSchedule',
		method: 'delete',
		path: '/v1/schedules/{id}',
		tag: 'Schedules',
		summary: 'Delete a schedule',
		description:
			'Nothing more fires. Runs that have not begun are cancelled; one that is running goes on.',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		answers: { 204: { description: 'It is gone.' } },
		errors: ['NOT_FOUND', 'CONFLICT'],
		async handle({ ctx, actor, params: { id }, ifMatch }) {
			await removeSchedule(ctx, actor, { id, ifMatch });
			return { status: 204 };
		},
	}),
	keyRoute({
		id: 'pauseSchedule',
		method: 'post',
		answerKept: true,
		path: '/v1/schedules/{id}/pause',
		tag: 'Schedules',
		summary: 'Pause a schedule',
		description:
			'What falls into the pause waits for what is said when it is resumed. Runs that exist go on. Pausing twice changes nothing.',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		answers: changed,
		errors: ['NOT_FOUND', 'CONFLICT'],
		async handle({ ctx, actor, params: { id }, ifMatch }) {
			return one(ctx, (await pauseSchedule(ctx, actor, { id, ifMatch })).schedule);
		},
	}),
	keyRoute({
		id: 'resumeSchedule',
		method: 'post',
		answerKept: true,
		path: '/v1/schedules/{id}/resume',
		tag: 'Schedules',
		summary: 'Resume a paused schedule',
		description:
			'`backlog` says what the occurrences of the pause become. Also for schedules that paused themselves after failures. Resuming one that is active changes nothing.',
		scopes: ['schedules:write'],
		params,
		body: { kind: 'json', schema: resumeInputSchema, optional: true },
		conditional: true,
		answers: changed,
		errors: ['NOT_FOUND', 'CONFLICT'],
		example: { body: { backlog: 'latest' } },
		async handle({ ctx, actor, params: { id }, ifMatch, body: { backlog } }) {
			return one(ctx, (await resumeSchedule(ctx, actor, { id, ifMatch, backlog })).schedule);
		},
	}),
	keyRoute({
		id: 'triggerSchedule',
		method: 'post',
		path: '/v1/schedules/{id}/trigger',
		tag: 'Schedules',
		summary: 'Run a schedule now, beside its timing',
		description:
			'Whatever its state. The run waits for a run of the schedule that is not over, unless `overlap` is `allow_all`.',
		scopes: ['runs:execute'],
		makesWork: true,
		params,
		body: { kind: 'json', schema: triggerInputSchema, optional: true },
		example: { body: { parameters: { region: 'US' } } },
		answers: {
			202: {
				description: 'The run is queued.',
				schema: runSchema,
				headers: { location: 'The run.' },
			},
		},
		errors: ['NOT_FOUND', 'CONFLICT', 'ACTION_UNKNOWN', 'INVALID_PARAMETERS'],
		handle: ({ ctx, actor, params: { id }, body: { parameters }, once }) =>
			once(
				(request) => triggerSchedule(ctx, actor, { id, parameters }, request),
				(run: Run) => runQueued(run, ctx),
			),
	}),
];
