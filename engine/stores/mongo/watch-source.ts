import type { Document } from 'mongodb';
import { MongoServerError } from 'mongodb';

import type { Instant } from '../../contract/time.ts';
import type { Database } from './database.ts';
import type { Doc } from './documents.ts';

/** How a watch reaches the log of events: batches that other engines appended. */
export interface WatchSource {
	/** Follows what is appended from now on. */
	follow(on: {
		/** From here on nothing is missed. */
		opened: () => void;
		heard: (doc: Doc) => void;
		/** It is over; called once at most, and not after `close`. */
		lost: (error: unknown) => void;
	}): { close(): Promise<void> };
	/** What was appended at or after that instant. */
	since(at: Instant): Promise<Doc[]>;
	/** Whether the error says that this server has no change streams, which is no fault. */
	hasNone(error: unknown): boolean;
}

/** `$changeStream` is for replica sets only; no such stage; no such command; not implemented. */
const NO_STREAMS: ReadonlySet<number> = new Set([40573, 40324, 59, 238]);

export function createWatchSource(db: Database, by: string): WatchSource {
	return {
		follow({ opened, heard, lost }) {
			const foreign = { operationType: 'insert', 'fullDocument.by': { $ne: by } };
			// Servers take no other read concern for a stream than the one of a majority.
			const options = { readConcern: { level: 'majority' } } as const;
			const stream = db.of('events').watch<Doc, Document>([{ $match: foreign }], options);
			let over = false;
			const end = (error: unknown): void => {
				if (over) return;
				over = true;
				void stream.close().catch(() => undefined);
				lost(error);
			};
			stream.on('change', (change) => {
				heard(change['fullDocument'] as Doc);
			});
			stream.once('init', opened);
			stream.once('error', end);
			stream.once('close', () => {
				end(new Error('the server ended the change stream'));
			});
			return {
				async close() {
					over = true;
					await stream.close();
				},
			};
		},
		since: async (at) =>
			db
				.of('events')
				.find({ at: { $gte: at }, by: { $ne: by } })
				.sort({ at: 1 })
				.toArray(),
		hasNone: (error) => error instanceof MongoServerError && NO_STREAMS.has(Number(error.code)),
	};
}
