import type { RunSettlement } from '../../contract/change.ts';
import type { AttemptRecord, Run } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import { noSchedule } from '../shared/no-schedule.ts';
import type { IdempotencyRecord, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Doc, Fields, Root } from './documents.ts';
import { is } from './documents.ts';
import type { Effect, PackedSettlement, Pending } from './effects.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { createGather } from './gather.ts';
import { gateId, runDoc } from './look-at.ts';
import { create, findIdempotent, removeExpired } from './once.ts';
import type { createResults } from './results.ts';
import { runRows } from './rows.ts';
import { createClaimRuns } from './run-claims.ts';
import type { RunGates } from './run-gates.ts';
import { listRuns } from './run-lists.ts';
import type { SettleRuns } from './settle-run.ts';
import type { createSpecs } from './specs.ts';

interface Runs {
	port: Pick<
		Store,
		| 'addRuns'
		| 'claimRuns'
		| 'settleRuns'
		| 'settleOnce'
		| 'listExpiredRuns'
		| 'listDueRuns'
		| 'listSlaDue'
		| 'getRun'
		| 'getRunById'
		| 'listRuns'
		| 'activeRunsOf'
	>;
	/** What inserting it takes. */
	effectsOf(run: Run): Effect[];
	insert: (pending: Pending<'run'>[]) => Promise<void>;
	settlePacked: (pending: readonly { of: PackedSettlement }[]) => Promise<void>;
	/** By schedule, without those of backfills, oldest first: `limit` each, or all. */
	unfinishedOf(scheduleIds: readonly string[], limit?: number): Promise<Map<string, Run[]>>;
	withAttempts(tenant: string, id: string): Promise<{ run: Run; attempts: AttemptRecord[] } | null>;
}

export function createRuns(
	context: Context,
	parts: {
		gates: RunGates;
		settle: SettleRuns;
		specs: ReturnType<typeof createSpecs>;
		results: ReturnType<typeof createResults>;
	},
): Runs {
	const { db, commits, nextSeq } = context;
	const { gates, settle, specs, results } = parts;

	async function find(filter: Fields, sort: Record<string, 1 | -1>, limit: number): Promise<Run[]> {
		if (limit <= 0) return [];
		const docs = await db.run(async () =>
			db.of('runs').find(filter).sort(sort).limit(limit).toArray(),
		);
		return docs.map(runRows.fromDoc);
	}

	function effectsOf(run: Run): Effect[] {
		const { id, tenant, serialKey, slaState, slaDueAt } = run;
		const made = [effect('run', { run, seq: nextSeq() })];
		if (slaState === 'pending') {
			made.push(effect('timer', { name: 'run.sla', key: id, at: slaDueAt ?? 0 }));
		}
		if (serialKey !== null) made.push(effect('serial', { gate: gateId(tenant, serialKey) }));
		return made;
	}

	async function one(filter: Fields): Promise<Run | null> {
		const doc = await db.run(async () => db.of('runs').findOne(filter));
		return doc === null ? null : runRows.fromDoc(doc);
	}

	const settleRuns = createGather<RunSettlement, boolean>(async (settlements) =>
		settle(settlements.map((settlement) => ({ settlement }))),
	);

	async function perSchedule(ids: readonly string[], limit: number): Promise<Run[]> {
		const filter = { backfillId: null, open: true };
		const found = await find(
			{ scheduleId: { $in: [...ids] }, ...filter },
			{ seq: 1 },
			Math.min(ids.length * limit, 100_000) + 1,
		);
		if (found.length <= ids.length * limit) return found;
		const each = ids.map(async (scheduleId) => find({ scheduleId, ...filter }, { seq: 1 }, limit));
		return (await Promise.all(each)).flat();
	}

	/**
	 * What is added for a schedule is a change of its document, so it is either there before the schedule is deleted, or
	 * never. @returns what an earlier request under the same key was answered
	 */
	async function addFor(
		{ tenant, id }: Pick<Schedule, 'tenant' | 'id'>,
		effects: readonly Effect[],
		record: IdempotencyRecord | undefined,
	): Promise<IdempotencyRecord | null> {
		const all = record === undefined ? [...effects] : [effect('once', record), ...effects];
		for (;;) {
			const doc = (await db.run(async () =>
				db.of('schedules').findOne({ _id: is(id) as never, tenant: is(tenant) }),
			)) as Root | null;
			// What the same request did in the version that was read is known then; what it does later changes the version.
			await commits.help('schedules', [doc]);
			if (record !== undefined) {
				const earlier = await findIdempotent(context, record, context.clock.now());
				if (earlier !== null) return earlier;
				await removeExpired(context, record);
			}
			if (doc === null || doc['state'] === 'deleted') throw noSchedule(id);
			const made = await commits.change('schedules', [{ id, v: doc.v, effects: all }]);
			if (made[0] === true) return null;
		}
	}

	return {
		effectsOf,

		async insert(pending) {
			await db.run(async () =>
				db.of('runs').bulkWrite(
					pending.map(({ of: { run, seq } }) => {
						const { _id, ...fields } = runDoc(run, seq);
						return {
							updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true },
						};
					}),
					{ ordered: false },
				),
			);
		},

		async settlePacked(pending) {
			await settle(pending.map(({ of }) => ({ settlement: of as RunSettlement })));
		},

		async unfinishedOf(scheduleIds, limit = 100_000) {
			const byId = new Map<string, Run[]>(scheduleIds.map((id) => [id, []]));
			if (scheduleIds.length === 0) return byId;
			const found = await perSchedule(scheduleIds, limit);
			for (const run of found) {
				const list = byId.get(run.scheduleId ?? '');
				if (list !== undefined && list.length < limit) list.push(run);
			}
			return byId;
		},

		/** With what is known of it, in full: what follows from its last write is carried out first. */
		async withAttempts(tenant, id) {
			const doc = await db.run(async () =>
				db.of('runs').findOne({ _id: is(id) as never, tenant: is(tenant) }),
			);
			if (doc === null) return null;
			await commits.help('runs', [doc]);
			return { run: runRows.fromDoc(doc), attempts: attemptsOf(doc) };
		},

		port: {
			async addRuns(add, record) {
				await specs.write(add.specs);
				const settlements = [...add.settle, ...(add.end ?? [])];
				const written = await results.writeResults(settlements);
				const fault = written.find((error) => error !== null);
				if (fault !== undefined) throw fault;
				const effects = [
					...eventsEffect(add.events),
					...add.settle.map((settlement) => effect('settle', packed(settlement))),
					...add.runs.flatMap(effectsOf),
					...(add.end ?? []).map((settlement) => effect('end', packed(settlement))),
				];
				const { runs: value, schedule } = add;
				if (schedule === undefined) {
					return create(context, { record, root: null, value, effects });
				}
				const earlier = await addFor(schedule, effects, record);
				return earlier === null ? { replayed: false, value } : { replayed: true, earlier };
			},

			claimRuns: createClaimRuns(context, gates),

			settleRuns: async (settlements) => settleRuns(settlements),

			/**
			 * Of several, all are looked at before the first is applied, and each is conditional; what changes in between
			 * is reported as not applied. (The API settles one at a time.)
			 */
			async settleOnce(settlements, record) {
				const now = context.clock.now();
				const find = async () =>
					record === undefined ? null : findIdempotent(context, record, now);
				const earlier = await find();
				if (earlier !== null) return { replayed: true, earlier };
				const also = record === undefined ? [] : [effect('once', record)];
				const first = settlements.map((settlement, n) =>
					n === 0 ? { settlement, also } : { settlement },
				);
				const applied = await settle(first);
				if (applied.every(Boolean)) return { replayed: false, value: applied };
				// Another one under the same key may have won.
				const won = await find();
				if (won !== null && applied[0] !== true) return { replayed: true, earlier: won };
				return { replayed: false, value: applied };
			},

			async listExpiredRuns(now, limit, except) {
				const lost =
					except === undefined
						? { look: { $lt: now } }
						: { $or: [{ look: { $lt: now } }, { owner: { $ne: except } }] };
				return find({ state: 'running', ...lost }, { look: 1 }, limit);
			},

			async listDueRuns(now, limit) {
				const retrying = await find({ state: 'retrying', look: { $lte: now } }, { look: 1 }, limit);
				const rest = limit - retrying.length;
				const waiting = await find({ state: 'waiting', look: { $lte: now } }, { look: 1 }, rest);
				return [...retrying, ...waiting];
			},

			listSlaDue: async (now, limit) => find({ sla: { $lte: now } }, { sla: 1 }, limit),
			getRun: async (tenant, id) => one({ _id: is(id), tenant: is(tenant) }),
			getRunById: async (id) => one({ _id: is(id) }),
			listRuns: async (tenant, filter, page) => listRuns(db, { tenant, filter, page }),
			activeRunsOf: async (tenant, scheduleId) =>
				find({ scheduleId: is(scheduleId), tenant: is(tenant), open: true }, { seq: 1 }, 100_000),
		},
	};
}

/** Its bytes were written before. */
export function packed({ result, ...settlement }: RunSettlement): PackedSettlement {
	return result === undefined ? settlement : { ...settlement, result: { record: result.record } };
}

function attemptsOf(doc: Doc): AttemptRecord[] {
	const kept = doc['attempts'] as { epoch: number; text: string }[];
	return kept
		.toSorted((a, b) => a.epoch - b.epoch)
		.map(({ text }) => JSON.parse(text) as AttemptRecord);
}
