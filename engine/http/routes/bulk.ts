import { z } from 'zod';

import { bulkSchema } from '../../contract/answers-backfills.ts';
import { nameSchema } from '../../contract/names.ts';
import { resumeInputSchema } from '../../contract/schedule.ts';
import { pauseSchedule, resumeSchedule } from '../../pipeline/acts.ts';
import type { BulkResult } from '../../pipeline/bulk.ts';
import { changeMany } from '../../pipeline/bulk.ts';
import { labelSchema } from '../lists.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const selection = {
	label: labelSchema,
	capability: nameSchema.optional().describe('Only schedules of this capability.'),
};

const answers = {
	200: { description: 'How many there were, and which were changed.', schema: bulkSchema },
};

function told({ matched, changed, failed }: BulkResult): Reply {
	return { status: 200, body: { matched, changed: changed.length, ids: changed, failed } };
}

export const BULK_ROUTES = [
	keyRoute({
		id: 'pauseSchedules',
		method: 'post',
		answerKept: true,
		path: '/v1/schedules/pause',
		tag: 'Schedules',
		summary: 'Pause all schedules with a label',
		description: 'Each for itself. Doing it again changes nothing more.',
		scopes: ['schedules:write'],
		body: {
			kind: 'json',
			schema: z.strictObject(selection).meta({ id: 'PauseSelectionInput' }),
		},
		answers,
		example: { body: { label: 'team:bi' } },
		handle: async ({ ctx, actor, body }) =>
			told(
				await changeMany(ctx, actor, body, {
					wanted: ({ state }) => state === 'active',
					act: (id) => pauseSchedule(ctx, actor, { id }),
				}),
			),
	}),
	keyRoute({
		id: 'resumeSchedules',
		method: 'post',
		answerKept: true,
		path: '/v1/schedules/resume',
		tag: 'Schedules',
		summary: 'Resume all paused schedules with a label',
		description:
			'Each for itself, those that paused themselves after failures too. Doing it again changes nothing more.',
		scopes: ['schedules:write'],
		body: {
			kind: 'json',
			schema: z
				.strictObject({ ...selection, ...resumeInputSchema.shape })
				.meta({ id: 'ResumeSelectionInput' }),
		},
		answers,
		example: { body: { label: 'team:bi', backlog: 'latest' } },
		handle: async ({ ctx, actor, body }) =>
			told(
				await changeMany(ctx, actor, body, {
					wanted: ({ state }) => state === 'paused',
					act: (id) => resumeSchedule(ctx, actor, { id, backlog: body.backlog }),
				}),
			),
	}),
];
