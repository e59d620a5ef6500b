import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { explanationSchema } from '../../contract/answers-timing.ts';
import { occurrenceSchema } from '../../contract/answers-schedules.ts';
import { idSchema } from '../../contract/ids.ts';
import { OUTCOMES } from '../../contract/schedule.ts';
import { instantSchema } from '../../contract/time.ts';
import { explainOccurrence } from '../../pipeline/explain.ts';
import { listOccurrences } from '../../pipeline/occurrences.ts';
import { presentOccurrence } from '../../pipeline/present.ts';
import { given, pageQuery, pageRequest } from '../lists.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('schedule') });

/* What became of the occurrences of one schedule, what is to come, and why. */

export const OCCURRENCE_ROUTES = [
	keyRoute({
		id: 'listOccurrences',
		method: 'get',
		path: '/v1/schedules/{id}/occurrences',
		tag: 'Schedules',
		summary: 'List the occurrences of a schedule, past and to come',
		description:
			'One list: what was decided comes from the ledger, what is to come from the timing (`outcome` is null, ' +
			'`planned` tells what is foreseen). It may have no end: give `to`, or follow `nextCursor` as far as you ' +
			'like. A page may hold fewer than `limit` although more follow. An occurrence that is decided between two ' +
			'pages is on one of them.',
		scopes: ['schedules:read'],
		params,
		query: z.strictObject({
			...pageQuery,
			from: instantSchema.optional(),
			to: instantSchema
				.optional()
				.meta({ description: 'Inclusive. With `order=desc` it is now unless given.' }),
			order: z.enum(['asc', 'desc']).default('asc'),
			outcome: z
				.enum([...OUTCOMES, 'decided', 'planned'])
				.optional()
				.meta({
					description:
						'Only those with this outcome; `decided`: with any, `planned`: with none yet.',
				}),
		}),
		answers: {
			200: { description: 'Occurrences by nominal instant.', schema: pageOf(occurrenceSchema) },
		},
		errors: ['NOT_FOUND'],
		example: { query: 'from=2027-01-01T00:00:00Z' },
		async handle({ ctx, actor, params: { id }, query }) {
			const { from, to, outcome, order, ...page } = query;
			const { schedule, items, nextCursor, decidedBy } = await listOccurrences(ctx, actor, id, {
				...given({ from, to, outcome }),
				...pageRequest(page),
				order,
			});
			return {
				status: 200,
				body: {
					items: items.map((item) => presentOccurrence(schedule, item, decidedBy.get(item))),
					nextCursor,
				},
			};
		},
	}),
	keyRoute({
		id: 'explainOccurrence',
		method: 'get',
		path: '/v1/schedules/{id}/explain',
		tag: 'Schedules',
		summary: 'Tell why an instant of a schedule became what it did, will run, or is no occurrence',
		description:
			'`chain` has the rules in the order in which they are asked, with the values that they used, up to the ' +
			'one that decided (`stopped`). `verdict` is the outcome in the ledger, or for instants without one: ' +
			'`will_run`, `will_skip`, `due` (not decided yet), `no_occurrence`, `unknown` (its row is gone).',
		scopes: ['schedules:read'],
		params,
		query: z.strictObject({
			at: instantSchema.optional().meta({
				description:
					'A nominal instant; unless given the last occurrence that was decided, else the next.',
			}),
		}),
		answers: { 200: { description: 'Why.', schema: explanationSchema } },
		errors: ['NOT_FOUND'],
		example: { query: 'at=2027-03-28T01:30:00Z' },
		handle: async ({ ctx, actor, params: { id }, query: { at } }) => ({
			status: 200,
			body: await explainOccurrence(ctx, actor, id, at),
		}),
	}),
];
