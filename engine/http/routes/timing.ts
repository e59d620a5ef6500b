import type { TimingInput } from '../../contract/timing.ts';
import { timingInputSchema } from '../../contract/timing.ts';
import { lintSchema, previewSchema, simulationSchema } from '../../contract/answers-timing.ts';
import { simulateInputSchema } from '../../contract/simulate-requests.ts';
import { lintInputSchema, previewInputSchema } from '../../contract/timing-requests.ts';
import { namedCalendars } from '../../pipeline/calendars.ts';
import type { Context } from '../../pipeline/context.ts';
import type { PreviewContext } from '../../pipeline/preview.ts';
import { lintRequest, previewTiming } from '../../pipeline/preview.ts';
import { simulateRequest, simulationSource } from '../../pipeline/simulate.ts';
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
		answerKept: true,
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
		answerKept: true,
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
	keyRoute({
		id: 'simulate',
		method: 'post',
		answerKept: true,
		path: '/v1/simulate',
		tag: 'Timing',
		summary: 'Tell what would become of schedules, if',
		description:
			'Plays schedules (made up, or by `scheduleId`) from one instant to another: how long runs take and how ' +
			'often they fail, outages of the engine, clocks that are set, pauses. The decisions are those of the ' +
			'engine; nothing is touched. At most 10,000 instants.',
		scopes: ['schedules:read'],
		body: { kind: 'json', schema: simulateInputSchema },
		answers: {
			200: {
				description: 'What each instant would become, and totals of each schedule.',
				schema: simulationSchema,
			},
		},
		errors: ['INVALID_TIMING', 'INTERVAL_TOO_SMALL', 'SIMULATION_TOO_LARGE', 'NOT_FOUND'],
		example: {
			body: {
				schedules: [
					{ name: 'sync', frequency: 'every 15m', duration: '20m', policies: { timeout: '1h' } },
				],
				from: '2027-03-01T00:00:00Z',
				to: '2027-03-01T06:00:00Z',
				outages: [{ from: '2027-03-01T02:00:00Z', to: '2027-03-01T03:10:00Z' }],
			},
		},
		handle: async ({ ctx, actor, body }) => ({
			status: 200,
			body: await simulateRequest(body, simulationSource(ctx, actor)),
		}),
	}),
];
