import type { AnyBulkWriteOperation } from 'mongodb';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { CollectionName, Database } from './database.ts';
import type { Doc, Entry, Fields } from './documents.ts';
import type { Effect } from './effects.ts';

/** A conditional change of one document. */
export interface Change {
	id: string;
	/** The version that was read. */
	v: number;
	/** The state that it leaves and the lease that it holds, as they were read. */
	where?: Fields;
	set?: Fields;
	unset?: readonly string[];
	/** Appended to arrays. */
	push?: Fields;
	effects?: Effect[];
}

/** How many tokens a document remembers. */
const REMEMBERED = 8;
/** The most that the effects of one write may take; a document may have 16 MB. */
const MOST_WORK = 12_000_000;

export interface ConditionalWrites {
	/** What follows from a write, as its document keeps it. */
	entryOf: (token: string, effects: readonly Effect[]) => Entry;
	/** @returns for each, whether it was made */
	write: (into: CollectionName, changes: readonly Change[], token: string) => Promise<boolean[]>;
}

/** The updates that are commits: see commits.ts. */
export function createConditionalWrites({
	db,
	clock,
}: {
	db: Database;
	clock: Clock;
}): ConditionalWrites {
	function entryOf(token: string, effects: readonly Effect[]): Entry {
		const work = JSON.stringify(effects);
		if (work.length > MOST_WORK) {
			throw new CapError('CONFLICT', `one write has ${work.length} characters of consequences`);
		}
		return { id: token, at: clock.now(), work };
	}

	function operationOf(change: Change, token: string): AnyBulkWriteOperation<Doc> {
		const { id, v, where = {}, set = {}, unset = [], push = {}, effects = [] } = change;
		const entry = effects.length === 0 ? {} : { outbox: entryOf(token, effects) };
		const update = {
			$set: set,
			$inc: { v: 1 },
			$unset: Object.fromEntries(unset.map((field) => [field, ''])),
			$push: { w: { $each: [token], $slice: -REMEMBERED }, ...push, ...entry },
		};
		const used = Object.entries(update).filter(([, fields]) => Object.keys(fields).length > 0);
		return {
			updateOne: {
				filter: { _id: { $eq: id }, v: { $eq: v }, ...where },
				update: Object.fromEntries(used),
			},
		};
	}

	/** @returns for each, whether it was made */
	async function write(
		into: CollectionName,
		changes: readonly Change[],
		token: string,
	): Promise<boolean[]> {
		const operations = changes.map((change) => operationOf(change, token));
		// Answers say how many were matched, not which. All or, of one, none: that is mostly enough.
		let again = false;
		const { matchedCount } = await db.run(async () => {
			if (again) return { matchedCount: -1 };
			again = true;
			return db.of(into).bulkWrite(operations, { ordered: false });
		});
		if (matchedCount === changes.length) return changes.map(() => true);
		if (matchedCount === 0) return changes.map(() => false);
		// The reply was lost: the same again, which changes nothing that was changed.
		if (matchedCount < 0) {
			await db.run(async () => db.of(into).bulkWrite(operations, { ordered: false }));
		}
		const made = await db.run(async () =>
			db
				.of(into)
				.find({ _id: { $in: changes.map(({ id }) => id) }, w: token })
				.project<Doc>({ _id: 1 })
				.toArray(),
		);
		const ids = new Set(made.map(({ _id }) => _id));
		return changes.map(({ id }) => ids.has(id));
	}

	return { entryOf, write };
}
