import { lintSchema, previewSchema } from '../../contract/answers-timing.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import { lintInputSchema, previewInputSchema } from '../../contract/timing-requests.ts';
import type { Context } from '../../pipeline/context.ts';
import type { PreviewContext } from '../../pipeline/preview.ts';
import { lintRequest, previewTiming } from '../../pipeline/preview.ts';
import { keyRoute } from '../route.ts';

/* Questions about timing. They touch nothing. */

const previewContext = ({ clock, settings }: Context): PreviewContext => ({
	now: clock.now(),
	smallestInterval: settings.smallestInterval,
	calendars: NO_CALENDARS,
	concurrency: settings.concurrency,
});

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
		handle: ({ ctx, body }) =>
			Promise.resolve({ status: 200, body: previewTiming(body, previewContext(ctx)) }),
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
		handle: ({ ctx, body }) =>
			Promise.resolve({ status: 200, body: lintRequest(body, previewContext(ctx)) }),
	}),
];
