import { z } from 'zod';

import { forecastSchema } from '../../contract/answers-timing.ts';
import { nameSchema } from '../../contract/names.ts';
import { durationSchema, instantSchema } from '../../contract/time.ts';
import { forecastLoad } from '../../pipeline/forecast.ts';
import type { ForecastQuery, Watcher } from '../../pipeline/forecast.ts';
import { goneSignal } from '../gone.ts';
import { given, labelSchema } from '../lists.ts';
import type { KeyCall } from '../route.ts';
import { ANSWERED, keyRoute } from '../route.ts';

const DAY = 86_400_000;

const query = z.strictObject({
	from: instantSchema.optional().meta({ description: 'Now unless given.' }),
	horizon: durationSchema
		.default(DAY)
		.meta({ description: 'How far ahead; `24h` unless given, at most 10,080 buckets.' }),
	bucket: z.enum(['minute', 'hour']).default('minute'),
	label: labelSchema.optional(),
	capability: nameSchema.optional(),
});

/** Tells how far it is, then the answer, as server-sent events. */
async function streamed(
	call: KeyCall,
	asked: ForecastQuery,
	signal: AbortSignal,
): Promise<typeof ANSWERED> {
	const { ctx, actor, response } = call;
	const send = (event: string, data: unknown): void => {
		if (response.writableEnded || response.destroyed) return;
		if (!response.headersSent) {
			response.setHeader('content-type', 'text/event-stream; charset=utf-8');
			response.setHeader('x-accel-buffering', 'no');
		}
		response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
	};
	const progress: Watcher['progress'] = (state) => {
		send('progress', state);
	};
	send('result', await forecastLoad(ctx, actor, asked, { signal, progress }));
	response.end();
	return ANSWERED;
}

export const FORECAST_ROUTES = [
	keyRoute({
		id: 'forecast',
		method: 'get',
		path: '/v1/forecast',
		tag: 'Timing',
		summary: 'Tell how many occurrences are due when, and what would flatten the peaks',
		description:
			'Counts what all active schedules have to run, by minute or hour: the load, its peaks, who causes them, ' +
			'and jitter that would flatten them. With `Accept: text/event-stream` events of type `progress` come ' +
			'first, then one of type `result`.',
		scopes: ['schedules:read'],
		query,
		answers: {
			200: {
				description: 'The load, bucket by bucket.',
				schema: forecastSchema,
				media: ['text/event-stream'],
			},
		},
		example: { query: 'horizon=24h&bucket=hour' },
		async handle(call) {
			const { from, horizon, bucket, label, capability } = call.query;
			const asked: ForecastQuery = { horizon, bucket, ...given({ from, label, capability }) };
			const signal = goneSignal(call.response);
			const wanted = call.request.accepts(['application/json', 'text/event-stream']);
			if (wanted === 'text/event-stream' && call.request.method === 'GET') {
				return streamed(call, asked, signal);
			}
			return { status: 200, body: await forecastLoad(call.ctx, call.actor, asked, { signal }) };
		},
	}),
];
