import type { ChangeStream, Document } from 'mongodb';

import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { createEvents } from './events.ts';

/** How often the log is looked at while somebody listens, where the server tells of no changes: milliseconds. */
const LOOK_EVERY = 500;

/**
 * Brings word of events that other engines wrote: by a change stream where the server has them (a replica set or a
 * sharded cluster), else by looking. Nothing depends on it but how soon a listener hears.
 */
export interface Watch {
	start(): void;
	stop(): Promise<void>;
}

export function createWatch(
	{ db, onFault }: Pick<Context, 'db' | 'onFault'>,
	events: ReturnType<typeof createEvents>,
): Watch {
	let stream: ChangeStream<Doc, Document> | null = null;
	let timer: NodeJS.Timeout | null = null;
	let stopped = true;
	let heads: Map<string, number> | null = null;

	function follow(): void {
		const pipeline = [
			{ $match: { operationType: 'insert' } },
			{ $project: { 'fullDocument.tenant': 1 } },
		];
		stream = db.of('events').watch<Doc, Document>(pipeline);
		stream.on('change', (change) => {
			const tenant = (change['fullDocument'] as { tenant?: string } | undefined)?.tenant;
			if (tenant !== undefined) events.announce(new Set([tenant]));
		});
		// A server without oplog, or one that dropped it.
		stream.once('error', () => {
			void stream?.close().catch(() => undefined);
			stream = null;
			lookLater();
		});
	}

	function lookLater(): void {
		if (stopped) return;
		timer = setTimeout(() => {
			look()
				.catch((error: unknown) => {
					onFault({ where: 'watch', id: 'events', error });
				})
				.finally(lookLater);
		}, LOOK_EVERY);
		timer.unref();
	}

	async function look(): Promise<void> {
		if (!events.listening) {
			heads = null;
			return;
		}
		const now = await events.heads();
		const before = heads;
		heads = now;
		if (before === null) return;
		const moved = [...now].filter(([tenant, seq]) => before.get(tenant) !== seq);
		if (moved.length > 0) events.announce(new Set(moved.map(([tenant]) => tenant)));
	}

	return {
		start() {
			stopped = false;
			follow();
		},
		async stop() {
			stopped = true;
			if (timer !== null) clearTimeout(timer);
			const open = stream;
			stream = null;
			await open?.close().catch(() => undefined);
		},
	};
}
