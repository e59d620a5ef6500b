import { z } from 'zod';

import { backfillSchema, plannedBackfillSchema } from '../../contract/answers-backfills.ts';
import { pageOf } from '../../contract/answers-parts.ts';
import type { Backfill } from '../../contract/backfill.ts';
import { backfillInputSchema, cancelBackfillInputSchema } from '../../contract/backfill.ts';
import { idSchema } from '../../contract/ids.ts';
import {
	cancelBackfill,
	createBackfill,
	findBackfill,
	listBackfills,
	planBackfill,
} from '../../pipeline/backfill.ts';
import { presentBackfill, presentPastOccurrence } from '../../pipeline/present-backfill.ts';
import { pageQuery, pageRequest } from '../lists.ts';
import { keyRoute } from '../route.ts';

const scheduleParams = z.strictObject({ id: idSchema('schedule') });
const params = z.strictObject({ id: idSchema('backfill') });

const found = { 200: { description: 'The backfill as it is now.', schema: backfillSchema } };

export const BACKFILL_ROUTES = [
	keyRoute({
		id: 'createBackfill',
		method: 'post',
		path: '/v1/schedules/{id}/backfill',
		tag: 'Schedules',
		summary: 'Run the occurrences of a range of the past',
		description:
			'Its runs go beside those of the schedule, at most `concurrency` at a time, and neither count for `overlap` nor for `limit`. With `dryRun` it only tells what would be run.',
		scopes: ['runs:execute'],
		makesWork: true,
		params: scheduleParams,
		body: { kind: 'json', schema: backfillInputSchema },
		answers: {
			200: {
				description: 'With `dryRun`: what would be run.',
				schema: plannedBackfillSchema,
			},
			202: {
				description: 'Its runs are queued.',
				schema: backfillSchema,
				headers: { location: 'The backfill.' },
			},
		},
		errors: ['NOT_FOUND', 'TOO_MANY_OCCURRENCES', 'ACTION_UNKNOWN', 'INVALID_PARAMETERS'],
		example: {
			body: { from: '2027-01-01T00:00:00Z', to: '2027-01-31T23:59:59Z', concurrency: 4 },
		},
		async handle({ ctx, actor, params: { id }, body: input, once }) {
			if (input.dryRun) {
				const { schedule, occurrences } = await planBackfill(ctx, actor, { id, input });
				const { timeZone } = schedule.timing;
				const items = occurrences.map((each) => presentPastOccurrence(each, timeZone));
				return { status: 200, body: { total: items.length, occurrences: items } };
			}
			return once(
				(request) => createBackfill(ctx, actor, { id, input }, request),
				(backfill: Backfill) => ({
					status: 202,
					headers: { location: `${ctx.settings.publicUrl()}/v1/backfills/${backfill.id}` },
					body: presentBackfill(backfill),
				}),
			);
		},
	}),
	keyRoute({
		id: 'listBackfills',
		method: 'get',
		path: '/v1/schedules/{id}/backfills',
		tag: 'Schedules',
		summary: 'List the backfills of a schedule',
		scopes: ['runs:read'],
		params: scheduleParams,
		query: z.strictObject(pageQuery),
		answers: {
			200: { description: 'Backfills, the newest first.', schema: pageOf(backfillSchema) },
		},
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id }, query }) {
			const page = await listBackfills(ctx, actor, id, pageRequest(query));
			return { status: 200, body: { ...page, items: page.items.map(presentBackfill) } };
		},
	}),
	keyRoute({
		id: 'getBackfill',
		method: 'get',
		path: '/v1/backfills/{id}',
		tag: 'Schedules',
		summary: 'Show how far a backfill is',
		scopes: ['runs:read'],
		params,
		answers: found,
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id } }) {
			return { status: 200, body: presentBackfill(await findBackfill(ctx, actor, id)) };
		},
	}),
	keyRoute({
		id: 'cancelBackfill',
		method: 'post',
		answerKept: true,
		path: '/v1/backfills/{id}/cancel',
		tag: 'Schedules',
		summary: 'Cancel a backfill',
		description:
			'What has not begun is cancelled; what runs ends as it will, unless `abort` is true. Cancelling one that is over changes nothing.',
		scopes: ['runs:execute'],
		params,
		body: { kind: 'json', schema: cancelBackfillInputSchema, optional: true },
		answers: found,
		errors: ['NOT_FOUND'],
		example: { body: { abort: true } },
		async handle({ ctx, actor, params: { id }, body: { abort } }) {
			const backfill = await cancelBackfill(ctx, actor, { id, abort });
			return { status: 200, body: presentBackfill(backfill) };
		},
	}),
];
