import { lintSchema, previewSchema } from '../../contract/answers-timing.ts';
import type { TimingInput } from '../../contract/timing.ts';
import { timingInputSchema } from '../../contract/timing.ts';
import { lintInputSchema, previewInputSchema } from '../../contract/timing-requests.ts';
import { namedCalendars } from '../../pipeline/calendars.ts';
import type { Context } from '../../pipeline/context.ts';
import type { PreviewContext } from '../../pipeline/preview.ts';
import { lintRequest, previewTiming } from '../../pipeline/preview.ts';
import { keyRoute } from '../route.ts';

/* Questions about timing. They touch nothing. */

async function previewContext(
	ctx: Context,
	tenant: string,
	timing: TimingInput | undefined,
): Promise<PreviewContext> {
	const { clock, settings } = ctx;
	return {
		now: clock.now(),
		smallestInterval: settings.smallestInterval,
		calendars: await namedCalendars(ctx, tenant, timing),
		concurrency: settings.concurrency,
	};
}

export const TIMING_ROUTES = [
	keyRoute({
		id: 'previewTiming',
		method: 'post',
		path: '/v1/timing/preview',
		tag: 'Timing',
		summary: 'Show when a timing is due, before there is a schedule',
		scopes: ['schedules:read'],
		body: { kind: 'json', schema: previewInputSchema },
		answers: { 200: { description: 'The next instants.', schema: previewSchema } },
		errors: ['INVALID_TIMING', 'INTERVAL_TOO_SMALL'],
		example: {
			body: {
				timing: { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' },
				count: 5,
				viewerTimeZone: 'America/New_York',
			},
		},
		handle: async ({ ctx, actor, body }) => ({
			status: 200,
			body: previewTiming(body, await previewContext(ctx, actor.tenant, body.timing)),
		}),
	}),
	keyRoute({
		id: 'lintTiming',
		method: 'post',
		path: '/v1/timing/lint',
		tag: 'Timing',
		summary: 'Tell what is wrong with a timing and its policies, and what may surprise',
		description: 'Errors are the answer here: the status is 200 when there are some, too.',
		scopes: ['schedules:read'],
		body: { kind: 'json', schema: lintInputSchema },
		answers: { 200: { description: 'Errors and warnings.', schema: lintSchema } },
		example: { body: { timing: { cron: '0 9 31 * *' }, policies: { overlap: 'skip' } } },
		handle: async ({ ctx, actor, body }) => {
			const timing = timingInputSchema.safeParse(body.timing).data;
			return {
				status: 200,
				body: lintRequest(body, await previewContext(ctx, actor.tenant, timing)),
			};
		},
	}),
];
