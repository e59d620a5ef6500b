import { z } from 'zod';

import { actedSchema } from '../../contract/answers-schedules.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import type { Changed } from '../../pipeline/change-schedule.ts';
import type { Context } from '../../pipeline/context.ts';
import type { ActedOn } from '../../pipeline/occurrence-acts.ts';
import {
	moveInputSchema,
	moveOccurrence,
	skipInputSchema,
	skipOccurrences,
	unskipInputSchema,
	unskipOccurrences,
} from '../../pipeline/occurrence-acts.ts';
import { revisionTag } from '../preconditions.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';
import { details } from './schedules.ts';

const params = z.strictObject({ id: idSchema('schedule') });

function acted(ctx: Context, { schedule, told }: Changed<ActedOn>): Reply {
	return {
		status: 200,
		headers: { etag: revisionTag(schedule.revision) },
		body: { occurrences: told.occurrences, schedule: details(ctx, schedule, told) },
	};
}

const shared = {
	tag: 'Schedules' as const,
	method: 'post' as const,
	scopes: ['schedules:write'] as const,
	params,
	conditional: true,
	answers: {
		200: {
			description: 'What it was done to, and the schedule as it is now.',
			schema: actedSchema,
			headers: { etag: 'Its revision.' },
		},
	},
	errors: [
		'NOT_FOUND',
		'CONFLICT',
		'OCCURRENCE_UNKNOWN',
		'OCCURRENCE_DECIDED',
	] as const satisfies ErrorCode[],
};

export const SCHEDULE_ACT_ROUTES = [
	keyRoute({
		...shared,
		id: 'skipOccurrences',
		path: '/v1/schedules/{id}/skip',
		summary: 'Skip the next occurrences, or a named one',
		description:
			'They become `skipped_by_user` when they are due. Skipping a named one twice changes nothing.',
		body: { kind: 'json', schema: skipInputSchema, optional: true },
		example: { body: { at: '2027-12-24T08:00:00Z' } },
		handle: ({ ctx, actor, params: { id }, ifMatch, body, once }) =>
			once(
				(request) => skipOccurrences(ctx, actor, { id, ifMatch, wish: body }, request),
				(answer: Changed<ActedOn>) => acted(ctx, answer),
			),
	}),
	keyRoute({
		...shared,
		id: 'unskipOccurrences',
		path: '/v1/schedules/{id}/unskip',
		summary: 'Take back that occurrences are to be skipped',
		description: 'Only while they are not due yet: an outcome is for ever.',
		body: { kind: 'json', schema: unskipInputSchema, optional: true },
		example: { body: { at: '2027-12-24T08:00:00Z' } },
		handle: ({ ctx, actor, params: { id }, ifMatch, body, once }) =>
			once(
				(request) => unskipOccurrences(ctx, actor, { id, ifMatch, wish: body }, request),
				(answer: Changed<ActedOn>) => acted(ctx, answer),
			),
	}),
	keyRoute({
		...shared,
		id: 'moveOccurrence',
		path: '/v1/schedules/{id}/move',
		summary: 'Move the next occurrence, or a named one, to another instant',
		description:
			'It runs at `to` under `movedFrom`; where it was it becomes `skipped_by_user`. One that was moved can be moved on, or back.',
		body: { kind: 'json', schema: moveInputSchema },
		example: { body: { at: '2027-12-24T08:00:00Z', to: '2027-12-23T15:00:00Z' } },
		handle: ({ ctx, actor, params: { id }, ifMatch, body, once }) =>
			once(
				(request) => moveOccurrence(ctx, actor, { id, ifMatch, wish: body }, request),
				(answer: Changed<ActedOn>) => acted(ctx, answer),
			),
	}),
];
