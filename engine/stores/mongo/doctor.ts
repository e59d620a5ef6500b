import type { Instant } from '../../contract/time.ts';
import { problem, TOLERANCE } from '../shared/finding.ts';
import type { Finding, Store } from '../store.port.ts';
import type { MongoBlobs } from './blobs.ts';
import type { CollectionName } from './database.ts';
import type { Context } from './context.ts';
import type { Doc, Fields } from './documents.ts';
import type { Reference } from './doctor-checks.ts';
import { CHECKS, REFERENCES } from './doctor-checks.ts';
import { getMark } from './marks.ts';
import { orphanedTimers } from './orphaned-timers.ts';
import { timerId } from './timers.ts';

const WINDOW = 1_000;

/** Looks at every document: for an engine that is not busy. */
export function createDoctor({ db }: Context, blobs: MongoBlobs): Pick<Store, 'doctor'> {
	const count = async (name: CollectionName, filter: Fields): Promise<number> =>
		db.run(async () => db.of(name).countDocuments(filter));

	/** Calls with the documents, some at a time. */
	async function windows(
		name: CollectionName,
		{ where, fields }: { where: Fields; fields: readonly string[] },
		look: (docs: Doc[]) => Promise<number>,
	): Promise<number> {
		const projection = Object.fromEntries(fields.map((field) => [field, 1]));
		let found = 0;
		const docs: Doc[] = [];
		for await (const doc of db.of(name).find(where).project<Doc>(projection)) {
			docs.push(doc);
			if (docs.length === WINDOW) found += await look(docs.splice(0));
		}
		return found + (await look(docs));
	}

	async function dangling({ in: name, field, of, where = {} }: Reference): Promise<number> {
		return windows(name, { where, fields: [field] }, async (docs) => {
			const ids = docs.map((doc) => doc[field] as string);
			const there = await db.run(async () =>
				db
					.of(of)
					.find({ _id: { $in: ids } })
					.project<Doc>({ _id: 1 })
					.toArray(),
			);
			const known = new Set(there.map(({ _id }) => _id));
			return ids.filter((id) => !known.has(id)).length;
		});
	}

	async function withoutTimer(): Promise<number> {
		const where = { state: 'active', dueAt: { $gt: 0 } };
		return windows('schedules', { where, fields: ['_id'] }, async (docs) => {
			const ids = docs.map(({ _id }) => timerId('schedule.due', _id));
			const there = await db.run(async () =>
				db.timers().countDocuments({ _id: { $in: ids }, nextRunAt: { $gt: new Date(0) } }),
			);
			return docs.length - there;
		});
	}

	async function timersForNothing(): Promise<number> {
		let count = 0;
		for await (const { keys } of orphanedTimers({ db })) count += keys.length;
		return count;
	}

	/** Keys that are held by runs that do not, by more than may, or that nobody may have although nobody has them. */
	async function gates(): Promise<number> {
		const held = await db.run(async () => db.of('gates').find({}).toArray());
		let wrong = 0;
		for (const doc of held) {
			const holders = doc['holders'] as string[];
			const ids = holders.map((holder) => holder.split('#')[0] ?? '');
			const holding = { _id: { $in: ids }, state: { $in: ['running', 'waiting'] } };
			wrong += holders.length - (await count('runs', holding));
		}
		const blocked = await db.run(async () => db.of('runs').distinct('serial', { blocked: true }));
		for (const serial of blocked) {
			const heads = await count('runs', { serial, open: true, blocked: null });
			if (heads !== 1) wrong++;
		}
		return wrong;
	}

	/** Ledger and runs must agree on what fired, as far back as neither was pruned. */
	async function ledger(): Promise<Finding[]> {
		const fired = {
			outcome: 'fired',
			decidedAt: { $gte: (await getMark(db, 'runsPrunedUntil')) ?? 0 },
		};
		const named = await dangling({
			code: '',
			message: '',
			in: 'occurrences',
			field: 'runId',
			of: 'runs',
			where: { ...fired, runId: { $gt: '' } },
		});
		const unnamed = await count('occurrences', { ...fired, runId: null });
		const made = {
			trigger: { $in: ['schedule', 'catch_up'] },
			createdAt: { $gte: (await getMark(db, 'ledgerPrunedUntil')) ?? 0 },
			nominalAt: { $gt: 0 },
		};
		const fields = ['scheduleId', 'nominalAt'];
		const unlisted = await windows('runs', { where: made, fields }, async (docs) => {
			const ids = docs.map(({ _id }) => _id);
			const scheduleId = { $in: docs.map((doc) => doc['scheduleId']) };
			const nominalAt = { $in: docs.map((doc) => doc['nominalAt']) };
			return (
				docs.length - (await count('occurrences', { scheduleId, nominalAt, runId: { $in: ids } }))
			);
		});
		return [
			problem(
				'OCCURRENCE_WITHOUT_RUN',
				'the ledger says fired, but there is no run',
				named + unnamed,
			),
			problem('RUN_WITHOUT_OCCURRENCE', 'runs of an occurrence that the ledger lacks', unlisted),
		];
	}

	async function stuckBackfills(): Promise<number> {
		const where = { state: { $in: ['running', 'cancelling'] } };
		return windows('backfills', { where, fields: ['_id'] }, async (docs) => {
			const open = { backfillId: { $in: docs.map(({ _id }) => _id) }, open: true };
			const there = await db.run(async () => db.of('runs').distinct('backfillId', open));
			return docs.length - there.length;
		});
	}

	return {
		async doctor(now: Instant) {
			const late = now - TOLERANCE;
			const found: Finding[] = [];
			for (const { severity, code, message, in: name, where } of CHECKS) {
				found.push({ severity, code, message, count: await count(name, where(late)) });
			}
			for (const reference of REFERENCES) {
				found.push(problem(reference.code, reference.message, await dangling(reference)));
			}
			found.push(
				problem(
					'SCHEDULE_WITHOUT_TIMER',
					'active schedules have no timer; the sweeper sets it',
					await withoutTimer(),
				),
				{
					severity: 'notice',
					code: 'TIMER_WITHOUT_WORK',
					message: 'timers of what does not ask for one; they are removed once they are due',
					count: await timersForNothing(),
				},
				problem(
					'RUN_GATE_SHUT',
					'keys of runs are held by others than the runs that hold them',
					await gates(),
				),
				problem(
					'BACKFILL_STUCK',
					'backfills are not over although all of their runs are',
					await stuckBackfills(),
				),
				...(await ledger()),
				problem(
					'BLOB_FILE_MISSING',
					'files of results or artifacts are missing or cut',
					await blobs.missing(),
				),
			);
			return found.filter(({ count: n }) => n > 0);
		},
	};
}
