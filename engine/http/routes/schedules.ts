import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { runSchema } from '../../contract/answers-runs.ts';
import {
	acceptedSchema,
	scheduleDetailsSchema,
	scheduleSchema,
} from '../../contract/answers-schedules.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import { CapError } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import { capabilityNameSchema, nameSchema, titleSchema } from '../../contract/names.ts';
import type { Run } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import { SCHEDULE_STATES, scheduleInputSchema } from '../../contract/schedule.ts';
import type { AcceptedSchedule } from '../../pipeline/accept.ts';
import { acceptSchedule } from '../../pipeline/accept.ts';
import { mayUse } from '../../pipeline/access.ts';
import {
	findSchedule,
	pauseSchedule,
	removeSchedule,
	resumeSchedule,
	triggerSchedule,
} from '../../pipeline/acts.ts';
import type { Context } from '../../pipeline/context.ts';
import { presentSchedule, presentScheduleDetails } from '../../pipeline/present.ts';
import { given, pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { KeyCall, Reply } from '../route.ts';
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
	{ schedule, upcoming, warnings, secrets }: AcceptedSchedule,
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
			nextOccurrences: upcoming,
			warnings,
			links: links(ctx, schedule.id),
			...(Object.keys(secrets).length === 0 ? {} : { secrets }),
		},
	};
}

async function one(ctx: Context, schedule: Schedule): Promise<Reply> {
	const spec = (await ctx.store.getSpecs([schedule.specId])).get(schedule.specId);
	if (spec === undefined) throw new CapError('INTERNAL', `the spec of ${schedule.id} is missing`);
	return {
		status: 200,
		headers: { etag: revisionTag(schedule.revision) },
		body: {
			...presentScheduleDetails(schedule, spec, NO_CALENDARS),
			links: links(ctx, schedule.id),
		},
	};
}

/** `?label=team:bi` */
const labelSchema = z
	.string()
	.max(264)
	.regex(/^[^:]+:/, 'a label like team:bi')
	.transform((text) => ({
		key: text.slice(0, text.indexOf(':')),
		value: text.slice(text.indexOf(':') + 1),
	}))
	.meta({ description: 'A label and its value: `team:bi`.' });

const act =
	(change: typeof pauseSchedule) =>
	async ({ ctx, actor, params: { id }, ifMatch }: KeyCall<z.output<typeof params>>) =>
		one(ctx, await change(ctx, actor, id, ifMatch));

const changed = {
	200: {
		description: 'The schedule as it is now.',
		schema: scheduleDetailsSchema,
		headers: { etag: 'Its revision.' },
	},
};

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
		errors: [
			'INVALID_TIMING',
			'INVALID_PARAMETERS',
			'INVALID_POLICIES',
			'INTERVAL_TOO_SMALL',
			'ACTION_UNKNOWN',
			'FORMAT_UNKNOWN',
			'CHANNEL_UNKNOWN',
			'DESTINATION_UNKNOWN',
			'TEMPLATE_INVALID',
			'PATH_INVALID',
			'FILE_ROOT_FORBIDDEN',
			'EGRESS_BLOCKED',
			'NOT_FOUND',
		],
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
			return {
				status: 200,
				body: { items: usable.map(presentSchedule), nextCursor: found.nextCursor },
			};
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
			await removeSchedule(ctx, actor, id, ifMatch);
			return { status: 204 };
		},
	}),
	keyRoute({
		id: 'pauseSchedule',
		method: 'post',
		path: '/v1/schedules/{id}/pause',
		tag: 'Schedules',
		summary: 'Pause a schedule',
		description:
			'What falls into the pause is written into the ledger as `skipped_paused`. Pausing twice changes nothing.',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		answers: changed,
		errors: ['NOT_FOUND', 'CONFLICT'],
		handle: act(pauseSchedule),
	}),
	keyRoute({
		id: 'resumeSchedule',
		method: 'post',
		path: '/v1/schedules/{id}/resume',
		tag: 'Schedules',
		summary: 'Resume a paused schedule',
		scopes: ['schedules:write'],
		params,
		conditional: true,
		answers: changed,
		errors: ['NOT_FOUND', 'CONFLICT'],
		handle: act(resumeSchedule),
	}),
	keyRoute({
		id: 'triggerSchedule',
		method: 'post',
		path: '/v1/schedules/{id}/trigger',
		tag: 'Schedules',
		summary: 'Run a schedule now, beside its timing',
		scopes: ['runs:execute'],
		makesWork: true,
		params,
		answers: {
			202: {
				description: 'The run is queued.',
				schema: runSchema,
				headers: { location: 'The run.' },
			},
		},
		errors: ['NOT_FOUND', 'CONFLICT'],
		handle: ({ ctx, actor, params: { id }, once }) =>
			once(
				(request) => triggerSchedule(ctx, actor, id, request),
				(run: Run) => runQueued(run, ctx),
			),
	}),
];
