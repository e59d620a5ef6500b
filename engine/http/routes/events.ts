import type { Request } from 'express';
import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { eventSchema } from '../../contract/answers.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { StoredEvent } from '../../contract/event.ts';
import { shown } from '../../contract/zod-issues.ts';
import { presentEvent, streamEvents } from '../event-stream.ts';
import { pageQuery, pageRequest, placed } from '../lists.ts';
import type { KeyCall } from '../route.ts';
import { keyRoute } from '../route.ts';

const position = z.string().regex(/^evt_[0-9a-z_]{1,60}$/, 'the id of an event');
const OLDEST = 'evt_0';
const query = z.strictObject({
	after: position
		.optional()
		.meta({ description: `Only events after this one; \`${OLDEST}\` begins with the oldest.` }),
	limit: pageQuery.limit,
});

/** Events about keys are for those who govern keys. */
const visibleTo =
	({ scopes }: KeyCall['actor']) =>
	({ type }: StoredEvent): boolean =>
		!type.startsWith('key.') || scopes.has('admin') || scopes.has('audit:read');

const known = (after: string | undefined): string | null =>
	after === OLDEST ? null : (after ?? null);

const LAST_SEEN = 'header Last-Event-ID';

const resumes = ({ headers }: Request): boolean => (headers['last-event-id'] ?? '') !== '';

/** Where the stream begins: what a reconnecting reader saw last, else what the URL says, else now. */
async function start({
	ctx,
	actor,
	request,
	query: { after },
}: KeyCall<unknown, z.output<typeof query>>) {
	const seen = request.headers['last-event-id'];
	if (!resumes(request)) {
		return after === undefined ? ctx.store.lastEventId(actor.tenant) : known(after);
	}
	if (position.safeParse(seen).success) return known(String(seen));
	throw inputError('INVALID_REQUEST', {
		path: LAST_SEEN,
		expected: 'the id of an event',
		received: shown(seen),
	});
}

export const EVENT_ROUTES = [
	keyRoute({
		id: 'readEvents',
		method: 'get',
		path: '/v1/events',
		tag: 'Events',
		summary: 'Follow what happens, or read a page of it',
		description:
			'Server-sent events as they are committed, from now or after `Last-Event-ID` or `?after=`. ' +
			'With `Accept: application/json` a page of what has happened, oldest first; poll with the last id as `?after=`.',
		scopes: ['runs:read', 'audit:read'],
		query,
		headers: [{ name: 'last-event-id', description: 'Where a reader that was cut off goes on.' }],
		answers: {
			200: { description: 'Events.', schema: pageOf(eventSchema), media: ['text/event-stream'] },
		},
		errors: ['NOT_ACCEPTABLE'],
		example: { query: 'after=evt_0' },
		async handle(call) {
			const { ctx, actor, request } = call;
			// a key for some capabilities cannot be shown what happens in all of the tenant
			if (actor.capabilities !== undefined) {
				throw new CapError(
					'FORBIDDEN',
					'a key that may use only some capabilities cannot read all events',
				);
			}
			const visible = visibleTo(actor);
			const wanted = request.accepts(['text/event-stream', 'application/json']);
			if (wanted === false) {
				throw new CapError(
					'NOT_ACCEPTABLE',
					'header Accept: expected text/event-stream or application/json',
				);
			}
			if (wanted === 'text/event-stream' && request.method === 'GET') {
				const after = await start(call);
				return streamEvents(call, { after, visible }).catch((error: unknown) => {
					throw resumes(request) ? placed(error, { after: LAST_SEEN }) : error;
				});
			}
			const { limit } = pageRequest(call.query);
			const events = await ctx.store.readEvents(actor.tenant, known(call.query.after), limit);
			const nextCursor = events.length === limit ? (events.at(-1)?.id ?? null) : null;
			return { status: 200, body: { items: events.filter(visible).map(presentEvent), nextCursor } };
		},
	}),
];
