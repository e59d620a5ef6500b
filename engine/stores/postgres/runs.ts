import type { RunSettlement } from '../../contract/change.ts';
import type { Run } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { lookAtOf, RANKED } from '../shared/look-at.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { createSharing } from '../shared/sharing.ts';
import { createGather } from './gather.ts';
import { INTO } from './inserts.ts';
import { noSchedule } from '../shared/no-schedule.ts';
import { once } from './once.ts';
import { attemptRows, runRows } from './rows.ts';
import { isKeyed } from './run-gates.ts';
import type { RunGates } from './run-gates.ts';
import { listRuns } from './run-lists.ts';
import type { SettleRuns } from './settle-run.ts';
import type { createSpecs } from './specs.ts';
import type { Transaction } from './transaction.ts';
import { insertOf } from './transaction.ts';

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
	/** Inside a write. */
	insertRuns(tx: Transaction, runs: readonly Run[]): Promise<void>;
	/**
	 * Inside a write: of schedules, without those of backfills, oldest first; as many as are asked for.
	 * @returns by schedule
	 */
	unfinishedOf(
		tx: Transaction,
		wanted: readonly { scheduleId: string; most: number }[],
	): Promise<Map<string, Run[]>>;
	attemptsOf(runId: string): Promise<ReturnType<typeof attemptRows.fromRow>[]>;
}

/** Rolls the write back. */
class NotApplied extends Error {}

const SELECT = `SELECT ${runRows.columns}`;
/**
 * The queued runs to be claimed that wait for no key, so many of each tenant: by priority, then by readiness, then
 * by age. What another engine has in its hands just now is left to it.
 */
const CANDIDATES = [
	[`lookAt = ${RANKED} AND priority > 0 AND readyAt <= $1`, 'priority DESC, readyAt, seq'],
	[`state = 'queued' AND lookAt <= $1`, 'lookAt, seq'],
	[`lookAt = ${RANKED} AND priority < 0 AND readyAt <= $1`, 'priority DESC, readyAt, seq'],
].map(
	([where = '', order = '']) =>
		`SELECT run.* FROM unnest($2::text[], $3::bigint[]) AS wanted (tenant, most),
		LATERAL (${SELECT}, seq FROM runs WHERE tenant = wanted.tenant AND ${where}
			ORDER BY ${order} LIMIT wanted.most FOR UPDATE SKIP LOCKED) run`,
);
const CLAIM = `UPDATE runs SET state = 'running', owner = $1, leaseUntil = $2, epoch = epoch + 1,
	attempt = attempt + 1, startedAt = $3, deadlineAt = NULL, lookAt = $2
	WHERE seq = ANY($4::bigint[])`;
/** The tenants that may have something to be claimed: a look into the index for each that has queued runs. */
const READY_TENANTS = `WITH RECURSIVE queued (tenant, lookAt) AS (
		(SELECT tenant, lookAt FROM runs WHERE state = 'queued' ORDER BY tenant, lookAt LIMIT 1)
		UNION ALL
		SELECT following.* FROM queued, LATERAL (SELECT tenant, lookAt FROM runs
			WHERE state = 'queued' AND tenant > queued.tenant ORDER BY tenant, lookAt LIMIT 1) following
	)
	SELECT tenant FROM queued WHERE lookAt <= $1
	OR EXISTS (SELECT 1 FROM runs WHERE tenant = queued.tenant AND lookAt = ${RANKED} AND readyAt <= $1)
	OR EXISTS (SELECT 1 FROM open_tiers WHERE tenant = queued.tenant AND readyAt <= $1)`;
const SEQ_AT = runRows.fields.length;

interface Candidate {
	seq: number;
	run: Run;
}

async function isAny(on: Queryable, now: Instant): Promise<boolean> {
	return (await on.get(READY_TENANTS, [now])) !== undefined;
}

function toCandidate(row: readonly unknown[]): Candidate {
	return { seq: row[SEQ_AT] as number, run: runRows.fromRow(row) };
}

export function createRuns(
	context: Context,
	parts: { gates: RunGates; settle: SettleRuns; specs: ReturnType<typeof createSpecs> },
): Runs {
	const { db, write, onFault } = context;
	const { gates, settle, specs } = parts;
	/** Whether the last claim left something behind, as far as it could tell. */
	let mayBeMore = false;

	async function insertRuns(tx: Transaction, runs: readonly Run[]): Promise<void> {
		await gates.lock(tx, runs);
		if (runs.some(isKeyed)) await insertTogether(tx, runs);
		else for (const run of runs) tx.insert(INTO.runs, run);
		for (const run of runs) {
			if (run.slaState === 'pending') tx.setTimer('run.sla', run.id, run.slaDueAt ?? 0);
			tx.tally('run', run.tenant, null, run.state);
		}
	}

	/** Those with a key need their numbers; all are inserted together, so that the order of numbers is that of insertion. */
	async function insertTogether(tx: Transaction, runs: readonly Run[]): Promise<void> {
		const keyed = runs.filter(isKeyed);
		const blocked = await gates.enter(tx, keyed);
		const lookAt = (run: Run): Instant | null =>
			lookAtOf(run, run.concurrencyKey !== null || blocked.has(run));
		// those before them
		await tx.flush();
		const { sql, values } = insertOf(
			{
				codec: runRows,
				extra: { columns: [['lookAt', 'bigint']], values: (run) => [lookAt(run)] },
				suffix: 'RETURNING id, seq',
			},
			runs,
		);
		const seqs = new Map(await tx.rows<[id: string, seq: number]>(sql, values));
		gates.inserted(
			tx,
			keyed
				.filter((run) => lookAt(run) !== null)
				.map((run) => ({ seq: seqs.get(run.id) ?? 0, run, blocked: blocked.has(run) })),
		);
	}

	/** Locked against its deletion, and against nothing else: occurrences and failures that are counted go on. */
	async function demandSchedule(
		tx: Transaction,
		{ tenant, id }: Pick<Schedule, 'tenant' | 'id'>,
	): Promise<void> {
		const found = await tx.get(
			`SELECT 1 FROM schedules WHERE id = $1 AND tenant = $2 AND state <> 'deleted' FOR KEY SHARE`,
			[id, tenant],
		);
		if (found === undefined) throw noSchedule(id);
	}

	return {
		insertRuns,

		async unfinishedOf(tx, wanted) {
			const found = new Map<string, Run[]>();
			if (wanted.length === 0) return found;
			const rows = await tx.rows(
				`SELECT r.* FROM unnest($1::text[], $2::bigint[]) AS s (id, most),
				LATERAL (${SELECT} FROM runs
					WHERE scheduleId = s.id AND (backfillId IS NULL) AND lookAt IS NOT NULL
					ORDER BY seq LIMIT s.most) r`,
				[wanted.map(({ scheduleId }) => scheduleId), wanted.map(({ most }) => most)],
			);
			for (const row of rows) {
				const run = runRows.fromRow(row);
				const of = found.get(run.scheduleId ?? '');
				if (of === undefined) found.set(run.scheduleId ?? '', [run]);
				else of.push(run);
			}
			return found;
		},

		port: {
			addRuns: (add, record) =>
				write((tx) =>
					once(context, tx, record, async () => {
						if (add.schedule !== undefined) await demandSchedule(tx, add.schedule);
						specs.insert(tx, add.specs);
						await settle(tx, add.settle);
						await insertRuns(tx, add.runs);
						tx.events(add.events);
						await settle(tx, add.end ?? []);
						return add.runs;
					}),
				),

			async claimRuns(request, events) {
				// Most looks find nothing; those take no part in a commit. While there is plenty, the claim is in the very
				// commit in which its hands became free.
				if (!mayBeMore && !(await isAny(db, request.now))) return [];
				return write((tx) => claim(tx, request, events));
			},

			settleRuns: createGather(write, (tx, settlements: readonly RunSettlement[]) =>
				tx.each(
					settlements,
					(items) => settle(tx, items),
					({ runId }, error) => {
						onFault({ where: 'settleRuns', id: runId, error });
						return false;
					},
				),
			),

			async settleOnce(settlements, record) {
				try {
					return await write((tx) =>
						once(context, tx, record, async () => {
							const applied = await settle(tx, settlements);
							if (!applied.every(Boolean)) throw new NotApplied();
							return applied;
						}),
					);
				} catch (error) {
					if (error instanceof NotApplied) {
						return { replayed: false, value: settlements.map(() => false) };
					}
					throw error;
				}
			},

			async listExpiredRuns(now, limit, except) {
				const rows = await db.rows(
					`${SELECT} FROM runs WHERE state = 'running' AND lookAt IS NOT NULL
					AND (lookAt < $1 OR owner <> $2) ORDER BY lookAt LIMIT $3`,
					[now, except ?? null, limit],
				);
				return rows.map(runRows.fromRow);
			},

			async listDueRuns(now, limit) {
				const rows = await db.rows(
					`(${SELECT} FROM runs WHERE state = 'retrying' AND lookAt <= $1 ORDER BY lookAt LIMIT $2)
					UNION ALL
					(${SELECT} FROM runs WHERE state = 'waiting' AND lookAt <= $1 ORDER BY lookAt LIMIT $2)
					LIMIT $2`,
					[now, limit],
				);
				return rows.map(runRows.fromRow);
			},

			async listSlaDue(now, limit) {
				const rows = await db.rows(
					`${SELECT} FROM runs WHERE slaState = 'pending' AND slaDueAt <= $1
					ORDER BY slaDueAt LIMIT $2`,
					[now, limit],
				);
				return rows.map(runRows.fromRow);
			},

			async getRun(tenant, id) {
				const row = await db.get(`${SELECT} FROM runs WHERE id = $1 AND tenant = $2`, [id, tenant]);
				return row === undefined ? null : runRows.fromRow(row);
			},

			async getRunById(id) {
				const row = await db.get(`${SELECT} FROM runs WHERE id = $1`, [id]);
				return row === undefined ? null : runRows.fromRow(row);
			},

			listRuns: (tenant, filter, page) => listRuns(db, tenant, filter, page),

			async activeRunsOf(tenant, scheduleId) {
				const rows = await db.rows(
					`${SELECT} FROM runs WHERE scheduleId = $1 AND tenant = $2 AND lookAt IS NOT NULL
					ORDER BY seq`,
					[scheduleId, tenant],
				);
				return rows.map(runRows.fromRow);
			},
		},

		async attemptsOf(runId) {
			const rows = await db.rows(
				`SELECT ${attemptRows.columns} FROM run_attempts WHERE runId = $1 ORDER BY epoch`,
				[runId],
			);
			return rows.map(attemptRows.fromRow);
		},
	};

	async function claim(
		tx: Transaction,
		request: ClaimRequest,
		events: ClaimEvents,
	): Promise<Run[]> {
		const { now, limit: most, owner, leaseUntil, share } = request;
		const limit = typeof most === 'number' ? most : most();
		if (limit <= 0) return [];
		// What earlier writes of this commit have added, too.
		await tx.flush();
		const tenants = (await tx.rows<[string]>(READY_TENANTS, [now])).map(([tenant]) => tenant);
		const sharing = createSharing<Candidate>({ tenants, limit, share });
		for (let wanted = sharing.next(); wanted !== null; wanted = sharing.next()) {
			sharing.found(await candidates(tx, now, wanted));
		}
		const found = sharing.all().sort(inOrder).slice(0, limit);
		mayBeMore = found.length === limit;
		if (found.length === 0) return [];
		const keyed = found.filter(({ run }) => isKeyed(run));
		await gates.lock(
			tx,
			keyed.map(({ run }) => run),
		);
		tx.later(CLAIM, [owner, leaseUntil, now, found.map(({ seq }) => seq)]);
		for (const { run } of found) {
			run.state = 'running';
			run.owner = owner;
			run.leaseUntil = leaseUntil;
			run.epoch += 1;
			run.attempt += 1;
			run.startedAt = now;
			run.deadlineAt = null;
			tx.tally('run', run.tenant, 'queued', 'running');
			tx.events([events.run(run)]);
		}
		await gates.move(
			tx,
			found
				.filter(({ run }) => isKeyed(run))
				.map(({ seq, run: { state, readyAt } }) => ({ seq, state, readyAt })),
		);
		return found.map(({ run }) => run);
	}

	/** By tenant, in order. */
	async function candidates(
		tx: Transaction,
		now: Instant,
		wanted: ReadonlyMap<string, number>,
	): Promise<Map<string, Candidate[]>> {
		const values = [now, [...wanted.keys()], [...wanted.values()]];
		const [seqs, ...free] = await Promise.all([
			gates.claimable(tx, now, wanted),
			...CANDIDATES.map((sql) => tx.rows(sql, values)),
		]);
		const found = free.flat();
		if (seqs.length > 0) {
			const rows = await tx.rows(
				`${SELECT}, seq FROM runs WHERE seq = ANY($1::bigint[]) AND state = 'queued'
				ORDER BY seq FOR UPDATE SKIP LOCKED`,
				[seqs],
			);
			found.push(...rows);
		}
		const byTenant = Map.groupBy(found.map(toCandidate), ({ run }) => run.tenant);
		for (const [tenant, list] of byTenant) {
			byTenant.set(tenant, list.sort(inOrder).slice(0, wanted.get(tenant)));
		}
		return byTenant;
	}
}

function inOrder(a: Candidate, b: Candidate): number {
	return b.run.priority - a.run.priority || a.run.readyAt - b.run.readyAt || a.seq - b.seq;
}
