import type { Instant } from '../../contract/time.ts';
import type { Store, TimerName } from '../store.port.ts';
import type { CollectionName } from './database.ts';
import type { Context } from './context.ts';
import type { Doc, Fields } from './documents.ts';
import type { RunGates } from './run-gates.ts';
import type { Setting, Timers } from './timers.ts';
import { timerId } from './timers.ts';

/** How many documents are looked at in one go. */
const WINDOW = 2_000;
/** How many schedules one call looks at; the first call after opening looks at all. */
const SCHEDULES = 20_000;
/** A timer may be this much later than its schedule: one whose decision failed is put off by that. */
const SLACK = 60_000;
/** Effects that nobody has carried out by then belong to an engine that is gone, or slow. */
const ABANDONED = 15_000;

/** Which documents ask for a timer, and for when. */
const ASKING: Partial<
	Record<
		TimerName,
		{ in: CollectionName; where: (now: Instant) => Fields; at: string; key: string }
	>
> = {
	'run.retry': {
		in: 'runs',
		where: () => ({ state: 'retrying', look: { $gte: 0 } }),
		at: 'look',
		key: '_id',
	},
	'run.deadline': {
		in: 'runs',
		where: () => ({ state: 'waiting', look: { $gte: 0 } }),
		at: 'look',
		key: '_id',
	},
	'run.sla': { in: 'runs', where: () => ({ sla: { $gte: 0 } }), at: 'sla', key: '_id' },
	'delivery.due': {
		in: 'deliveries',
		// The index begins with the priority.
		where: (now) => ({ priority: { $gte: -1_000 }, due: { $gt: now } }),
		at: 'due',
		key: 'id',
	},
	'notification.due': {
		in: 'notifications',
		where: (now) => ({ due: { $gt: now } }),
		at: 'due',
		key: 'id',
	},
};

/** What a timer's document must be like for the timer to make sense. */
export const WANTED: Record<TimerName, { in: CollectionName; where: Fields; key: string }> = {
	'schedule.due': { in: 'schedules', where: { state: 'active' }, key: '_id' },
	'run.retry': { in: 'runs', where: { state: 'retrying' }, key: '_id' },
	'run.deadline': { in: 'runs', where: { state: 'waiting', held: false }, key: '_id' },
	'run.sla': { in: 'runs', where: { slaState: 'pending' }, key: '_id' },
	'delivery.due': { in: 'deliveries', where: { state: { $in: ['pending', 'failed'] } }, key: 'id' },
	'notification.due': {
		in: 'notifications',
		where: { state: { $in: ['pending', 'failed'] } },
		key: 'id',
	},
};

/**
 * What a crash may have left: writes whose effects are not carried out, keys that nobody holds any more, documents
 * without the timer that they ask for, and timers for nothing. It trusts only documents.
 */
export function createHealing(
	{ db, commits, clock }: Context,
	{ timers, gates }: { timers: Timers; gates: Pick<RunGates, 'heal'> },
): Pick<Store, 'healTimers'> {
	/** The schedule that was looked at last; empty at the beginning. */
	let position = '';
	let first = true;

	/** Those of the wanted that are missing, or later than they may be. */
	async function missingOf(wanted: readonly Setting[], slack?: number): Promise<Setting[]> {
		if (wanted.length === 0) return [];
		const ids = wanted.map(({ name, key }) => timerId(name, key));
		const there = await db.run(async () =>
			db
				.timers()
				.find({ _id: { $in: ids } })
				.project<{ _id: unknown; nextRunAt: Date | null }>({ nextRunAt: 1 })
				.toArray(),
		);
		const at = new Map(
			there.map(({ _id, nextRunAt }) => [String(_id), nextRunAt?.getTime() ?? null]),
		);
		const now = clock.now();
		return wanted.filter((one, n) => {
			const found = at.get(String(ids[n])) ?? null;
			if (found === null) return true;
			return slack !== undefined && found > Math.max(one.at ?? 0, now) + slack;
		});
	}

	async function healSchedules(limit: number): Promise<number> {
		let healed = 0;
		for (let seen = 0; (first || seen < SCHEDULES) && healed < limit; seen += WINDOW) {
			const filter = { _id: { $gt: position }, state: 'active', dueAt: { $gt: 0 } };
			const docs = await db.run(async () =>
				db
					.of('schedules')
					.find(filter)
					.sort({ _id: 1 })
					.limit(WINDOW)
					.project<Doc>({ dueAt: 1 })
					.toArray(),
			);
			const wanted = docs.map((doc): Setting => ({
				name: 'schedule.due',
				key: doc._id,
				at: Number(doc['dueAt']),
			}));
			const missing = await missingOf(wanted, SLACK);
			await timers.set(missing);
			healed += missing.length;
			position = docs.at(-1)?._id ?? '';
			if (docs.length < WINDOW) {
				position = '';
				first = false;
				break;
			}
		}
		return healed;
	}

	async function healOthers(limit: number): Promise<number> {
		let healed = 0;
		for (const [name, asking] of Object.entries(ASKING)) {
			if (healed >= limit) break;
			const { at, key } = asking;
			const docs = await db.run(async () =>
				db
					.of(asking.in)
					.find(asking.where(clock.now()))
					.sort({ [at]: 1 })
					.limit(limit)
					.project<Fields>({ [at]: 1, [key]: 1 })
					.toArray(),
			);
			const wanted = docs.map((doc): Setting => ({
				name: name as TimerName,
				key: doc[key] as string,
				at: Number(doc[at]),
			}));
			const missing = (await missingOf(wanted)).slice(0, limit - healed);
			await timers.set(missing);
			healed += missing.length;
		}
		return healed;
	}

	/** Only those that are due do harm: they would be due for ever. */
	async function removeOrphans(limit: number): Promise<number> {
		let removed = 0;
		for (const [name, wanted] of Object.entries(WANTED) as [
			TimerName,
			(typeof WANTED)[TimerName],
		][]) {
			if (removed >= limit) break;
			const due = { name, nextRunAt: { $lte: new Date(clock.now()) } };
			const found = await db.run(async () =>
				db
					.timers()
					.find(due)
					.limit(limit - removed)
					.toArray(),
			);
			const keys = found.flatMap(({ data }) => data?.key ?? []);
			const filter = { [wanted.key]: { $in: keys }, ...wanted.where };
			const rows = await db.run(async () =>
				db
					.of(wanted.in)
					.find(filter)
					.project<Fields>({ [wanted.key]: 1 })
					.toArray(),
			);
			const there = new Set(rows.map((doc) => doc[wanted.key]));
			const gone = keys.filter((key) => !there.has(key));
			await timers.set(gone.map((key) => ({ name, key, at: null })));
			removed += gone.length;
		}
		return removed;
	}

	return {
		async healTimers(limit) {
			const carried = await commits.heal(clock.now() - ABANDONED, limit);
			const freed = await gates.heal(Math.max(0, limit - carried));
			const healed = await healSchedules(Math.max(0, limit - carried - freed));
			const more = await healOthers(Math.max(0, limit - carried - freed - healed));
			const left = limit - carried - freed - healed - more;
			return limit - left + (left > 0 ? await removeOrphans(left) : 0);
		},
	};
}
