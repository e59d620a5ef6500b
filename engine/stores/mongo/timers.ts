import { createHash } from 'node:crypto';

import type { AnyBulkWriteOperation } from 'mongodb';
import { ObjectId } from 'mongodb';

import type { Instant } from '../../contract/time.ts';
import type { TimerName } from '../store.port.ts';
import type { Context } from './context.ts';
import type { TimerDoc } from './documents.ts';
import type { Pending } from './effects.ts';

/**
 * Our timers among Agenda's rows. A timer's id is made of its name and what it is for, so that setting it twice is one
 * row. A timer only says when to look: one that is late or gone is found by the sweeper, one too many is
 * looked at in vain.
 */
export interface Timers {
	apply: (pending: Pending<'timer'>[]) => Promise<void>;
	set(timers: readonly Setting[]): Promise<void>;
	/** When the earliest is due, of all or of those names. */
	nextAt(names?: readonly TimerName[]): Promise<Instant | null>;
	/** Takes those that are due: others leave them alone for a while. */
	take(name: TimerName, due: { now: Instant; limit: number }): Promise<string[]>;
	/** Whether any is due, taken or not. */
	isDue(name: TimerName, now: Instant): Promise<boolean>;
	/** Removes one that is due for nothing. */
	remove(name: TimerName, key: string): Promise<void>;
}

export interface Setting {
	name: TimerName;
	key: string;
	at: Instant | null;
}

export const TIMER_NAMES = [
	'schedule.due',
	'run.retry',
	'run.deadline',
	'run.sla',
	'delivery.due',
	'notification.due',
] as const satisfies readonly TimerName[];

/** How long a timer that was taken stays taken: its taker died, or is slow. */
const TAKEN = 10_000;

/** Agenda's tools expect an ObjectId; 96 bits of a hash keep names apart. */
export function timerId(name: TimerName, key: string): ObjectId {
	return new ObjectId(createHash('sha256').update(`${name}:${key}`).digest().subarray(0, 12));
}

export function createTimers({ db, nextSeq }: Pick<Context, 'db' | 'nextSeq'>): Timers {
	async function set(timers: readonly Setting[]): Promise<void> {
		if (timers.length === 0) return;
		const operations = timers.map(({ name, key, at }): AnyBulkWriteOperation<TimerDoc> => {
			const _id = timerId(name, key);
			if (at === null) return { deleteOne: { filter: { _id } } };
			return {
				updateOne: {
					filter: { _id },
					update: {
						$set: { name, nextRunAt: dateOf(at), lockedAt: null, data: { key } },
						$setOnInsert: { type: 'normal', priority: 0 } as never,
						$unset: { claim: '' },
					},
					upsert: true,
				},
			};
		});
		await db.run(async () => db.timers().bulkWrite(operations, { ordered: true }));
	}

	return {
		set,
		apply: async (pending) => set(pending.map(({ of }) => of)),

		async nextAt(names = TIMER_NAMES) {
			const doc = await db.run(async () =>
				db
					.timers()
					.find({ name: { $in: [...names] }, nextRunAt: { $gt: new Date(0) } })
					.sort({ nextRunAt: 1 })
					.limit(1)
					.next(),
			);
			return doc?.nextRunAt?.getTime() ?? null;
		},

		async isDue(name, now) {
			const due = { name, nextRunAt: { $lte: new Date(now) } };
			return (await db.run(async () => db.timers().findOne(due))) !== null;
		},

		async take(name, { now, limit }) {
			const free = {
				name,
				nextRunAt: { $lte: new Date(now) },
				$or: [{ lockedAt: null }, { lockedAt: { $lte: new Date(now - TAKEN) } }],
			};
			const found = await db.run(async () =>
				db.timers().find(free).sort({ nextRunAt: 1 }).limit(limit).project({ _id: 1 }).toArray(),
			);
			if (found.length === 0) return [];
			const claim = `${nextSeq()}-${Math.random().toString(36).slice(2)}`;
			const _id = { $in: found.map((doc) => doc['_id'] as ObjectId) };
			await db.run(async () =>
				db.timers().updateMany({ _id, ...free }, { $set: { claim, lockedAt: new Date(now) } }),
			);
			const taken = await db.run(async () =>
				db.timers().find({ _id, claim }).sort({ nextRunAt: 1 }).toArray(),
			);
			return taken.flatMap(({ data }) => data?.key ?? []);
		},

		async remove(name, key) {
			await set([{ name, key, at: null }]);
		},
	};
}

/** What is never is after all that can be written down. */
function dateOf(at: Instant): Date {
	return new Date(Math.min(at, 8_640_000_000_000_000));
}
