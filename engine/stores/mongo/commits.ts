import { randomBytes } from 'node:crypto';

import type { AnyBulkWriteOperation, UpdateFilter } from 'mongodb';

import type { Clock } from '../../clock.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { Change } from './conditional-writes.ts';
import { createConditionalWrites } from './conditional-writes.ts';
import type { CollectionName, Database } from './database.ts';
import type { Doc, Entry, Root } from './documents.ts';
import type { Effect, EffectKind, Handlers, Pending } from './effects.ts';
import { STAGES } from './effects.ts';
import { isDuplicate } from './storage-error.ts';

/*
 * How a write of many documents is one commit without a transaction.
 *
 *   1. What may be left lying about is written first: bytes under their hash, specs under theirs, results.
 *   2. One document, the root, is changed by one conditional update, and takes in the same update an entry into its
 *      `outbox`: all that follows. That update is the commit; before it nothing has happened, after it all has.
 *   3. The effects are carried out, in the order of STAGES.
 *   4. The entry is taken out of the outbox, soon.
 *
 * A crash before 2 leaves what retention removes. A crash after 2 leaves an entry; `heal`, called by the sweeper of
 * any engine, carries it out again, and so does whoever needs to see the effects now (`help`). Carrying out
 * is idempotent, so the order of 3 is free but for what readers may see in between, and several may do it.
 *
 * Whoever loses the reply to 2 does the same update again: it names the version `v` that was read, so it is made
 * once, and the token that it leaves in `w` says by whom.
 */

export interface Commits {
	/**
	 * Makes the changes whose documents are as they were read, and carries out what follows from them.
	 * @returns for each, whether it was made
	 */
	change(into: CollectionName, changes: readonly Change[]): Promise<boolean[]>;
	/** Adds a document and carries out what follows. @returns false when its `_id` is there already */
	insert(into: CollectionName, doc: Doc, effects: Effect[]): Promise<boolean>;
	/** Carries effects out that belong to no document: the journal holds them meanwhile. */
	journal(effects: Effect[]): Promise<void>;
	/**
	 * Carries out what a document that was read says is not known to be, but for its events: those are for who wrote
	 * it, or the sweeper, so that nobody hears of them twice. @returns whether there was any
	 */
	help(into: CollectionName, docs: readonly (Doc | null)[]): Promise<boolean>;
	/** The same of documents whose entries are older than `olderThan`. @returns how many */
	heal(olderThan: number, limit: number): Promise<number>;
	/** For all kinds, once, before anything is written. */
	handle(handlers: Handlers): void;
	/** Waits until entries that are carried out are taken out. */
	settled(): Promise<void>;
}

/** Collections whose documents can be roots. */
const ROOTS = [
	'runs',
	'schedules',
	'deliveries',
	'notifications',
	'backfills',
	'idempotency',
	'journal',
	'keys',
	'capabilities',
	'destinations',
	'calendars',
	'links',
	'artifacts',
	'shared',
] as const satisfies CollectionName[];

/** A bulk write is cut there. */
const BULK = 500;

interface Carried {
	into: CollectionName;
	id: string;
	entry: Entry;
	effects: Effect[];
}

export function createCommits(options: {
	db: Database;
	clock: Clock;
	faults: FaultPoints;
}): Commits {
	const { db, clock, faults } = options;
	const me = randomBytes(6).toString('hex');
	let tokens = 0;
	let handlers: Handlers | null = null;
	/** Entries of this process that are being carried out, or are and not yet taken out. */
	const own = new Map<string, Promise<void>>();
	let clearing: Carried[] = [];
	let cleared: Promise<void> = Promise.resolve();

	const { entryOf, write } = createConditionalWrites({ db, clock });
	const newToken = (): string => `${me}-${(tokens++).toString(36)}`;

	/** What this process has just written. */
	async function follow(carried: readonly Carried[]): Promise<void> {
		const done = carryOut(carried);
		for (const { entry } of carried) own.set(entry.id, done);
		try {
			await done;
		} catch (error) {
			for (const { entry } of carried) own.delete(entry.id);
			throw error;
		}
		faults.hit('commit.after');
		clear(carried);
	}

	async function carryOut(carried: readonly Carried[], without?: EffectKind): Promise<void> {
		const pending = new Map<string, Pending<never>[]>();
		for (const { entry, effects } of carried) {
			for (const { kind, of } of effects) {
				if (kind === without) continue;
				const one = { of, token: entry.id, at: entry.at } as Pending<never>;
				const same = pending.get(kind);
				if (same === undefined) pending.set(kind, [one]);
				else same.push(one);
			}
		}
		for (const stage of STAGES) {
			const kinds = stage.filter((kind) => pending.has(kind));
			await Promise.all(kinds.map(async (kind) => handlers?.[kind](pending.get(kind) ?? [])));
		}
	}

	/** In the background: nobody waits for it, and what a crash leaves is carried out again in vain. */
	function clear(carried: readonly Carried[]): void {
		clearing.push(...carried);
		if (clearing.length > carried.length) return;
		cleared = cleared.then(clearAll, clearAll);
		// The sweeper will.
		cleared.catch(() => undefined);
	}

	async function clearAll(): Promise<void> {
		const all = clearing;
		clearing = [];
		const byRoot = Map.groupBy(all, ({ into }) => into);
		for (const [into, list] of byRoot) {
			const operations = list.map(({ id, entry }): AnyBulkWriteOperation<Doc> => {
				if (into === 'journal') return { deleteOne: { filter: { _id: id } } };
				const update = { $pull: { outbox: { id: entry.id } } } as unknown as UpdateFilter<Doc>;
				return { updateOne: { filter: { _id: id }, update } };
			});
			for (let start = 0; start < operations.length; start += BULK) {
				const part = operations.slice(start, start + BULK);
				// Not worth waiting for a majority: one that comes back is carried out again.
				const lazy = { ordered: false, writeConcern: { w: 1 } };
				await db.run(async () => db.of(into).bulkWrite(part, lazy));
			}
			for (const { entry } of list) own.delete(entry.id);
		}
	}

	function entriesOf(into: CollectionName, doc: Doc | null): Carried[] {
		return ((doc as Root | null)?.outbox ?? []).map((entry) => ({
			into,
			id: doc?._id ?? '',
			entry,
			effects: JSON.parse(entry.work) as Effect[],
		}));
	}

	/** In the order of the writes, one after another: later effects may need earlier ones. */
	async function carryOutAll(
		into: CollectionName,
		docs: readonly (Doc | null)[],
		by: (carried: readonly Carried[]) => Promise<void>,
	): Promise<boolean> {
		const lists = docs.map((doc) => entriesOf(into, doc)).filter((list) => list.length > 0);
		const longest = Math.max(0, ...lists.map((list) => list.length));
		for (let n = 0; n < longest; n++) await by(lists.flatMap((list) => list[n] ?? []));
		return longest > 0;
	}

	/** What is under way here is waited for. */
	async function helpWith(carried: readonly Carried[]): Promise<void> {
		const foreign: Carried[] = [];
		for (const one of carried) {
			const under = own.get(one.entry.id);
			const done = await under?.then(
				() => true,
				() => false,
			);
			if (done !== true) foreign.push(one);
		}
		if (foreign.length > 0) await carryOut(foreign, 'events');
	}

	async function insert(into: CollectionName, doc: Doc, effects: Effect[]): Promise<boolean> {
		const token = newToken();
		const entry = effects.length === 0 ? null : entryOf(token, effects);
		const root: Root = { ...doc, v: 1, w: [token], ...(entry === null ? {} : { outbox: [entry] }) };
		faults.hit('commit.before');
		try {
			await db.run(async () => db.of(into).insertOne(root));
		} catch (error) {
			if (!isDuplicate(error)) throw error;
			// Ours, when the reply to it was lost.
			const mine = await db.run(async () => db.of(into).findOne({ _id: doc._id, w: token }));
			if (mine === null) return false;
		}
		faults.hit('commit.sync');
		if (entry !== null) await follow([{ into, id: doc._id, entry, effects }]);
		return true;
	}

	return {
		async change(into, changes) {
			if (changes.length === 0) return [];
			const token = newToken();
			faults.hit('commit.before');
			const made: boolean[] = [];
			for (let start = 0; start < changes.length; start += BULK) {
				made.push(...(await write(into, changes.slice(start, start + BULK), token)));
			}
			faults.hit('commit.sync');
			const carried = changes.flatMap(({ id, effects = [] }, n): Carried[] =>
				made[n] !== true || effects.length === 0
					? []
					: [{ into, id, effects, entry: { id: token, at: clock.now(), work: '' } }],
			);
			if (carried.length > 0) await follow(carried);
			return made;
		},
		insert,
		async journal(effects) {
			if (effects.length === 0) return;
			await insert('journal', { _id: newToken() }, effects);
		},
		help: async (into, docs) => carryOutAll(into, docs, helpWith),
		async heal(olderThan, limit) {
			let healed = 0;
			for (const into of ROOTS) {
				if (healed >= limit) break;
				const docs = await db.run(async () =>
					db
						.of(into)
						.find({ 'outbox.at': { $lt: olderThan } })
						.limit(limit - healed)
						.toArray(),
				);
				for (const doc of docs) {
					// Those that came since are for who wrote them.
					const old = ((doc as Root).outbox ?? []).filter(({ at }) => at < olderThan);
					await carryOutAll(into, [{ ...doc, outbox: old }], async (carried) => {
						await carryOut(carried);
						clear(carried);
					});
					healed++;
				}
			}
			return healed;
		},
		handle(all) {
			handlers = all;
		},
		async settled() {
			do await cleared.catch(() => undefined);
			while (clearing.length > 0);
		},
	};
}
