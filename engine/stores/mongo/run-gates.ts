import type { Run } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Context } from './context.ts';
import type { Doc, Root } from './documents.ts';
import type { Pending } from './effects.ts';
import { derivedOf, holderOf, holdsKey } from './look-at.ts';
import { runRows } from './rows.ts';

/**
 * Which queued runs with a key may be claimed.
 *
 * - `serialKey`: one at a time in the order of insertion. The document of a key in `serials` names its head, the only
 *   run of the key that is not `blocked`. A head stays head until it is over, and the update that puts the oldest
 *   of the others in its place names it: so there is never a second. A run is inserted blocked; who inserted
 *   or ended one then sees to the head (`promote`), and the sweeper does where nobody did.
 * - `concurrencyKey`: a run may begin while fewer runs than its limit hold the key, that is, are in `running` or
 *   `waiting`. The document of a key in `gates` lists its holders. One is added before the run is claimed and
 *   taken away after it let go, so the list is never too short; one that is too many, after a crash in
 *   between, is taken out by the sweeper (`healGates`), which first sees to it that the claim cannot happen
 *   any more.
 */
export interface RunGates {
	promote: (pending: Pending<'serial'>[]) => Promise<void>;
	release: (pending: Pending<'release'>[]) => Promise<void>;
	/** The runs that wait for a concurrency key and may have it now, with how many hold it. */
	claimable(now: Instant, limit: number): Promise<Gated[]>;
	/** Adds holders. @returns the keys for which that worked */
	enter(
		entering: ReadonlyMap<string, readonly Run[]>,
		gates: ReadonlyMap<string, Gate>,
	): Promise<Set<string>>;
	/** Frees heads and slots that a crash left. @returns how many */
	heal(limit: number): Promise<number>;
}

export interface Gate {
	id: string;
	v: number;
	holders: string[];
}

export interface Gated {
	doc: Root;
	gate: Gate;
}

/** A holder whose claim has not come within this time never had one, or is to have none. */
const PENDING = 30_000;

export function createRunGates({
	db,
	commits,
	clock,
	nextSeq,
}: Omit<Context, 'onFault'>): RunGates {
	async function unblock(id: string): Promise<boolean> {
		for (;;) {
			const doc = await db.run(async () => db.of('runs').findOne({ _id: id, blocked: true }));
			if (doc === null) return false;
			const { set, unset } = derivedOf(runRows.fromDoc(doc), false);
			const { v } = doc as Root;
			const change = { id, v, set, unset: [...unset, 'blocked'] };
			if ((await commits.change('runs', [change]))[0] === true) return true;
		}
	}

	async function oldestOpen(serial: string): Promise<string | null> {
		const doc = await db.run(async () =>
			db
				.of('runs')
				.find({ serial, open: true })
				.sort({ seq: 1 })
				.limit(1)
				.project<Doc>({ _id: 1 })
				.next(),
		);
		return doc?._id ?? null;
	}

	/** Sees to it that the key has a head, if it has open runs. @returns whether anything was amiss */
	async function promote(serial: string): Promise<boolean> {
		for (;;) {
			const doc = await db.run(async () => db.of('serials').findOne({ _id: serial }));
			const head = (doc?.['head'] as string | undefined) ?? null;
			if (head !== null) {
				const open = await db.run(async () => db.of('runs').findOne({ _id: head, open: true }));
				if (open !== null) return unblock(head);
			}
			const next = await oldestOpen(serial);
			if (next === null) {
				if (head === null) return false;
				await db.run(async () => db.of('serials').deleteOne({ _id: serial, head }));
				// Who inserted a run meanwhile may have seen the old head.
				if ((await oldestOpen(serial)) === null) return false;
				continue;
			}
			// The head is named: whoever was slower finds another one there.
			if (head === null) {
				await db.run(async () =>
					db
						.of('serials')
						.updateOne({ _id: serial }, { $setOnInsert: { head: next } }, { upsert: true }),
				);
			} else {
				await db.run(async () =>
					db.of('serials').updateOne({ _id: serial, head }, { $set: { head: next } }),
				);
			}
		}
	}

	async function readGates(ids: readonly string[]): Promise<Map<string, Gate>> {
		const docs = await db.run(async () =>
			db
				.of('gates')
				.find({ _id: { $in: [...ids] } })
				.toArray(),
		);
		return new Map(docs.map((doc) => [doc._id, gateOf(doc)]));
	}

	async function waitingFor(gate: Gate, now: Instant, limit: number): Promise<Gated[]> {
		const docs = await db.run(async () =>
			db
				.of('runs')
				.find({
					wait: gate.id,
					state: 'queued',
					readyAt: { $lte: now },
					concurrencyLimit: { $gt: gate.holders.length },
				})
				.sort({ priority: -1, readyAt: 1, seq: 1 })
				.limit(limit)
				.toArray(),
		);
		return docs.map((doc) => ({ doc: doc as Root, gate }));
	}

	/** Whether a holder is one no more; one whose claim is still to come is kept from coming. */
	async function isGone(holder: string, gate: Doc): Promise<boolean> {
		const [id = '', epoch = '0'] = holder.split('#');
		const doc = await db.run(async () => db.of('runs').findOne({ _id: id }));
		if (doc === null) return true;
		const run = runRows.fromDoc(doc);
		if (run.epoch === Number(epoch)) return !holdsKey(run);
		if (run.epoch > Number(epoch)) return true;
		if (Number(gate['at']) > clock.now() - PENDING) return false;
		return (await commits.change('runs', [{ id, v: (doc as Root).v }]))[0] === true;
	}

	async function healGate(doc: Doc): Promise<number> {
		const gone: string[] = [];
		for (const holder of gateOf(doc).holders) if (await isGone(holder, doc)) gone.push(holder);
		for (const holder of gone) await leave(doc._id, holder);
		if (gateOf(doc).holders.length === gone.length) {
			await db.run(async () => db.of('gates').deleteOne({ _id: doc._id, holders: { $size: 0 } }));
		}
		return gone.length;
	}

	async function leave(gate: string, holder: string): Promise<void> {
		const update = { $pull: { holders: holder }, $inc: { v: 1 } } as never;
		await db.run(async () => db.of('gates').updateOne({ _id: gate, holders: holder }, update));
	}

	return {
		async promote(pending) {
			const serials = new Set(pending.map(({ of }) => of.gate));
			await Promise.all([...serials].map(async (serial) => promote(serial)));
		},

		async release(pending) {
			await db.run(async () =>
				db.of('gates').bulkWrite(
					pending.map(({ of: { gate, holder } }) => ({
						updateOne: {
							filter: { _id: gate, holders: holder },
							update: { $pull: { holders: holder }, $inc: { v: 1 } } as never,
						},
					})),
					{ ordered: false },
				),
			);
		},

		async claimable(now, limit) {
			// A look into the index for each key, however many runs wait for it.
			const ids = (await db.run(async () => db.of('runs').distinct('wait'))).filter(
				(id): id is string => typeof id === 'string',
			);
			if (ids.length === 0) return [];
			const gates = await readGates(ids);
			const found: Gated[] = [];
			for (let start = 0; start < ids.length; start += 20) {
				const part = ids.slice(start, start + 20).map(async (id) => {
					return waitingFor(gates.get(id) ?? { id, v: 0, holders: [] }, now, limit);
				});
				found.push(...(await Promise.all(part)).flat());
			}
			return found;
		},

		async enter(entering, gates) {
			const entered = new Set<string>();
			const one = async (id: string, runs: readonly Run[]): Promise<void> => {
				const holders = runs.map((run) => holderOf({ id: run.id, epoch: run.epoch + 1 }));
				const v = gates.get(id)?.v ?? 0;
				if (v === 0) {
					const doc = { _id: id, v: nextSeq(), holders, at: clock.now() };
					const filter = { _id: id };
					const { upsertedCount } = await db.run(async () =>
						db.of('gates').updateOne(filter, { $setOnInsert: doc as never }, { upsert: true }),
					);
					if (upsertedCount === 1) entered.add(id);
					return;
				}
				const update = {
					$push: { holders: { $each: holders } },
					$inc: { v: 1 },
					$set: { at: clock.now() },
				} as never;
				const { matchedCount } = await db.run(async () =>
					db.of('gates').updateOne({ _id: id, v }, update),
				);
				if (matchedCount === 1) entered.add(id);
			};
			await Promise.all([...entering].map(async ([id, runs]) => one(id, runs)));
			return entered;
		},

		async heal(limit) {
			let healed = 0;
			const gates = await db.run(async () => db.of('gates').find({}).limit(10_000).toArray());
			for (const doc of gates) if (healed < limit) healed += await healGate(doc);
			const blocked = await db.run(async () => db.of('runs').distinct('serial', { blocked: true }));
			for (const serial of blocked as string[]) {
				if (healed < limit && (await promote(serial))) healed++;
			}
			return healed;
		},
	};
}

function gateOf(doc: Doc): Gate {
	return {
		id: doc._id,
		v: Number(doc['v']),
		holders: (doc['holders'] as string[] | undefined) ?? [],
	};
}
