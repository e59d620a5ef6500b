import type { ChangeStream, Document } from 'mongodb';

import type { EventDraft } from '../../contract/event.ts';
import type { RunId } from '../../contract/ids.ts';
import type { Signal } from '../shared/signal.ts';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { createEvents } from './events.ts';

/** How often the log is looked at where the server tells of no changes: milliseconds. */
const LOOK_EVERY = 250;
/** Batches may become visible this much later than their instant says: milliseconds. */
const LATE = 1_000;
/** How many of the batches seen last are remembered. */
const REMEMBERED = 5_000;

/**
 * Brings word of what other engines wrote, by their events: through a change stream where the server has them (a
 * replica set or a sharded cluster), else by looking. Nothing depends on it but how soon somebody hears.
 */
export interface Watch {
	start(): void;
	stop(): Promise<void>;
}

export function createWatch(
	{ db, clock, onFault }: Pick<Context, 'db' | 'clock' | 'onFault'>,
	{ events, heard }: { events: ReturnType<typeof createEvents>; heard: (signal: Signal) => void },
): Watch {
	let stream: ChangeStream<Doc, Document> | null = null;
	let timer: NodeJS.Timeout | null = null;
	let stopped = true;
	const seen = new Set<string>();

	function tell(docs: readonly Doc[]): void {
		if (docs.length === 0) return;
		const signal = signalOf(docs);
		events.announce(signal.tenants);
		heard(signal);
	}

	function follow(): void {
		const foreign = { operationType: 'insert', 'fullDocument.by': { $ne: events.by } };
		stream = db.of('events').watch<Doc, Document>([{ $match: foreign }]);
		stream.on('change', (change) => {
			tell([change['fullDocument'] as Doc]);
		});
		// A server without an oplog, or one that has dropped what came next.
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
					if (!stopped) onFault({ where: 'watch', id: 'events', error });
				})
				.finally(lookLater);
		}, LOOK_EVERY);
		timer.unref();
	}

	async function look(): Promise<void> {
		const since = clock.now() - LATE;
		const docs = await db
			.of('events')
			.find({ at: { $gte: since }, by: { $ne: events.by } })
			.sort({ at: 1 })
			.toArray();
		const fresh = docs.filter(({ _id }) => !seen.has(_id));
		for (const { _id } of fresh) seen.add(_id);
		for (const id of seen) {
			if (seen.size <= REMEMBERED) break;
			seen.delete(id);
		}
		tell(fresh);
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

const ENDS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.expired'];

function signalOf(docs: readonly Doc[]): Signal {
	const tenants = new Set<string>();
	const ended: RunId[] = [];
	const cancelled: RunId[] = [];
	for (const doc of docs) {
		tenants.add(doc['tenant'] as string);
		for (const { type, subject } of JSON.parse(doc['items'] as string) as EventDraft[]) {
			const id = subject['runId'] as RunId | undefined;
			if (id === undefined || !ENDS.includes(type)) continue;
			ended.push(id);
			if (type === 'run.cancelled') cancelled.push(id);
		}
	}
	return { work: true, tenants, ended, cancelled };
}
