import { once } from 'node:events';

import type { Clock } from '../clock.ts';
import type { StoredEvent } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Duration } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import type { Store } from '../stores/store.port.ts';
import { goneSignal } from './gone.ts';
import type { KeyCall } from './route.ts';
import { ANSWERED } from './route.ts';

const HEARTBEAT = 15_000;
const BATCH = 200;

export interface EventStreamOptions {
	/** The event after which to begin; null for all that are kept. */
	after: string | null;
	/** Whether the reader may see it. */
	visible: (event: StoredEvent) => boolean;
}

/**
 * Sends the tenant's events as they are committed (server-sent events), until the reader or the server
 * goes. Reads from the outbox only what the reader has taken: a slow reader costs no memory.
 */
export async function streamEvents(
	{ ctx, actor, response }: KeyCall,
	{ after, visible }: EventStreamOptions,
): Promise<typeof ANSWERED> {
	const signal = goneSignal(response);
	const feed = follow(ctx.store, { tenant: actor.tenant, after, signal });
	// read before the first byte is sent: a position that is none still becomes a problem
	let next = await feed.next();
	response.setHeader('content-type', 'text/event-stream; charset=utf-8');
	response.setHeader('x-accel-buffering', 'no');
	response.write('retry: 2000\n\n');
	const stopHeartbeat = repeat(ctx.clock, HEARTBEAT, () => {
		if (!response.writableEnded) response.write(':\n\n');
	});
	try {
		for (; next.done !== true; next = await feed.next()) {
			const text = next.value.filter(visible).map(serverSent).join('');
			if (response.writableEnded) break;
			if (text !== '' && !response.write(text)) await drained(response, signal);
		}
	} finally {
		stopHeartbeat();
		await feed.return(undefined);
	}
	response.end();
	return ANSWERED;
}

/** Batches of what has been committed since, in order; waits where there is nothing more. */
async function* follow(
	store: Store,
	{ tenant, after, signal }: { tenant: string; after: string | null; signal: AbortSignal },
): AsyncGenerator<StoredEvent[], void> {
	let change = Promise.withResolvers<void>();
	const changed = (): void => {
		change.resolve();
	};
	const unsubscribe = store.onEvents((tenants) => {
		if (tenants.has(tenant)) changed();
	});
	signal.addEventListener('abort', changed, { once: true });
	try {
		for (let last = after; !signal.aborted;) {
			// renewed before reading, so that no commit between is missed
			change = Promise.withResolvers<void>();
			const events = await store.readEvents(tenant, last, BATCH);
			last = events.at(-1)?.id ?? last;
			yield events;
			if (events.length < BATCH) await change.promise;
		}
	} finally {
		unsubscribe();
		signal.removeEventListener('abort', changed);
	}
}

function repeat(clock: Clock, every: Duration, call: () => void): () => void {
	let cancel = clock.after(every, tick);
	return () => {
		cancel();
	};
	function tick(): void {
		cancel = clock.after(every, tick);
		call();
	}
}

async function drained(response: KeyCall['response'], signal: AbortSignal): Promise<void> {
	try {
		await once(response, 'drain', { signal });
	} catch {
		// the reader has gone; the loop sees that by itself
	}
}

const serverSent = (event: StoredEvent): string =>
	`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(presentEvent(event))}\n\n`;

export function presentEvent({ id, type, at, subject, data }: StoredEvent): JsonObject {
	return { id, type, at: toIso(at), subject, ...(data === undefined ? {} : { data }) };
}
