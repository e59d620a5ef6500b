import { once } from 'node:events';

import type { StoredEvent } from '../contract/event.ts';
import { toIso } from '../contract/time.ts';
import type { JsonObject } from '../contract/json.ts';
import { ANSWERED } from './route.ts';
import type { KeyCall } from './route.ts';

const HEARTBEAT = 15_000;
const BATCH = 200;

export interface EventStreamOptions {
	/** The event after which to begin; null for all that are kept. */
	after: string | null;
	/** Whether the reader may see it. */
	visible(event: StoredEvent): boolean;
}

/**
 * Sends the tenant's events as they are committed (server-sent events), until the reader or the server
 * goes. Reads from the outbox only what the reader has taken: a slow reader costs no memory.
 */
export async function streamEvents(
	{ ctx, actor, response, signal }: KeyCall,
	{ after, visible }: EventStreamOptions,
): Promise<typeof ANSWERED> {
	response.setHeader('content-type', 'text/event-stream; charset=utf-8');
	response.setHeader('x-accel-buffering', 'no');
	response.write('retry: 2000\n\n');

	let wake: () => void = () => undefined;
	let dirty = true;
	const poke = (): void => {
		dirty = true;
		wake();
	};
	const unsubscribe = ctx.store.onEvents((tenants) => {
		if (tenants.has(actor.tenant)) poke();
	});
	signal.addEventListener('abort', poke, { once: true });
	response.once('finish', poke);
	const stopHeartbeat = repeat((call) => ctx.clock.after(HEARTBEAT, call), () => response.write(':\n\n'));
	const open = (): boolean => !signal.aborted && !response.writableEnded;
	try {
		let last = after;
		while (open()) {
			dirty = false;
			const events = await ctx.store.readEvents(actor.tenant, last, BATCH);
			last = events.at(-1)?.id ?? last;
			const text = events.filter(visible).map(serverSent).join('');
			if (open() && text !== '' && !response.write(text)) await drained(response, signal);
			if (events.length === BATCH || isDirty()) continue;
			await new Promise<void>((resolve) => {
				wake = resolve;
				if (isDirty() || !open()) resolve();
			});
		}
	} finally {
		unsubscribe();
		stopHeartbeat();
		signal.removeEventListener('abort', poke);
	}
	response.end();
	return ANSWERED;

	function isDirty(): boolean {
		return dirty;
	}
}

function repeat(after: (call: () => void) => () => void, call: () => void): () => void {
	let cancel = after(tick);
	return () => {
		cancel();
	};
	function tick(): void {
		call();
		cancel = after(tick);
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
