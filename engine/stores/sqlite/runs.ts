import type { RunSettlement } from '../../contract/change.ts';
import type { Run } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { createGather } from './gather.ts';
import { lookAtOf, RANKED } from '../shared/look-at.ts';
import { createSharing } from '../shared/sharing.ts';
import { noSchedule } from '../shared/no-schedule.ts';
import { once } from './once.ts';
import { attemptRows, runRows } from './rows.ts';
import type { RunGates } from './run-gates.ts';
import { listRuns } from './run-lists.ts';
import { settleEach } from './settle-each.ts';
import type { SettleRun } from './settle-run.ts';
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
	/** Inside a write. */
	insertRun(tx: Transaction, run: Run): void;
	/** Of a schedule, without those of backfills, oldest first; all of them unless `limit` is given. */
	unfinishedOf(scheduleId: string, limit?: number): Run[];
	attemptsOf(runId: string): ReturnType<typeof attemptRows.fromRow>[];
}

/** Rolls the write back. */
class NotApplied extends Error {}

export function createRuns(
	context: Context,
	parts: { gates: RunGates; settle: SettleRun; specs: ReturnType<typeof createSpecs> },
): Runs {
	const { db, write, timers } = context;
	const { gates, settle, specs } = parts;

	function insertRun(tx: Transaction, run: Run): void {
		const keyed = run.serialKey !== null || run.concurrencyKey !== null;
		const blocked = keyed && gates.isBlocked(run);
		const lookAt = lookAtOf(run, blocked || run.concurrencyKey !== null);
		const { lastInsertRowid } = db.sql(INSERT).run(...runRows.toRow(run), lookAt);
		if (keyed && lookAt !== null) gates.inserted(Number(lastInsertRowid), run, blocked);
		if (run.slaState === 'pending') timers.set('run.sla', run.id, run.slaDueAt ?? 0);
		tx.tally('run', run.tenant, null, run.state);
	}

	function unfinishedOf(scheduleId: string, limit = -1): Run[] {
		return db.rows(UNFINISHED).all(scheduleId, limit).map(runRows.fromRow);
	}

	function demandSchedule({ tenant, id }: Pick<Schedule, 'tenant' | 'id'>): void {
		const found = db
			.rows(`SELECT 1 FROM schedules WHERE id = ? AND tenant = ? AND state <> 'deleted'`)
			.get(id, tenant);
		if (found === undefined) throw noSchedule(id);
	}

	return {
		insertRun,
		unfinishedOf,

		port: {
			addRuns: (add, record) =>
				write((tx) =>
					once(context, record, () => {
						if (add.schedule !== undefined) demandSchedule(add.schedule);
						for (const spec of add.specs) specs.insert(spec);
						for (const settlement of add.settle) settle(tx, settlement);
						for (const run of add.runs) insertRun(tx, run);
						tx.events(add.events);
						for (const settlement of add.end ?? []) settle(tx, settlement);
						return add.runs;
					}),
				),

			claimRuns: (request, events) => write((tx) => claim(tx, request, events)),

			settleRuns: createGather(write, (tx, settlements: readonly RunSettlement[]) =>
				settleEach(context, tx, settlements, {
					where: 'settleRuns',
					idOf: ({ runId }) => runId,
					settle: (settlement) => settle(tx, settlement),
				}),
			),

			async settleOnce(settlements, record) {
				try {
					return await write((tx) =>
						once(context, record, () => {
							if (!settlements.map((settlement) => settle(tx, settlement)).every(Boolean)) {
								throw new NotApplied();
							}
							return settlements.map(() => true);
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
				return db
					.rows(
						`${SELECT} FROM runs INDEXED BY runs_watched WHERE state = 'running'
					AND lookAt IS NOT NULL AND state <> 'queued' AND (lookAt < ? OR owner <> ?) ORDER BY lookAt LIMIT ?`,
					)
					.all(now, except ?? null, limit)
					.map(runRows.fromRow);
			},

			async listDueRuns(now, limit) {
				const due = db.rows(
					`${SELECT} FROM runs INDEXED BY runs_watched
				WHERE state = ? AND state <> 'queued' AND lookAt <= ?
				ORDER BY lookAt LIMIT ?`,
				);
				const retrying = due.all('retrying', now, limit);
				const waiting = due.all('waiting', now, limit - retrying.length);
				return [...retrying, ...waiting].map(runRows.fromRow);
			},

			async listSlaDue(now, limit) {
				return db
					.rows(
						`${SELECT} FROM runs INDEXED BY runs_sla WHERE slaState = 'pending' AND slaDueAt <= ?
					ORDER BY slaDueAt LIMIT ?`,
					)
					.all(now, limit)
					.map(runRows.fromRow);
			},

			async getRun(tenant, id) {
				const row = db.rows(`${SELECT} FROM runs WHERE id = ? AND tenant = ?`).get(id, tenant);
				return row === undefined ? null : runRows.fromRow(row);
			},

			async getRunById(id) {
				const row = db.rows(`${SELECT} FROM runs WHERE id = ?`).get(id);
				return row === undefined ? null : runRows.fromRow(row);
			},

			async listRuns(tenant, filter, page) {
				return listRuns(db, tenant, filter, page);
			},

			async activeRunsOf(tenant, scheduleId) {
				return db
					.rows(
						`${SELECT} FROM runs INDEXED BY runs_unfinished
						WHERE scheduleId = ? AND tenant = ? AND lookAt IS NOT NULL ORDER BY seq`,
					)
					.all(scheduleId, tenant)
					.map(runRows.fromRow);
			},
		},

		attemptsOf: (runId) =>
			db
				.rows(`SELECT ${attemptRows.columns} FROM run_attempts WHERE runId = ? ORDER BY epoch`)
				.all(runId)
				.map(attemptRows.fromRow),
	};

	function claim(
		tx: Transaction,
		{ now, limit: most, owner, leaseUntil, share }: ClaimRequest,
		events: ClaimEvents,
	): Run[] {
		const limit = typeof most === 'number' ? most : most();
		const sharing = createSharing<Candidate>({ tenants: readyTenants(now), limit, share });
		for (let wanted = sharing.next(); wanted !== null; wanted = sharing.next()) {
			sharing.found(
				new Map([...wanted].map(([tenant, some]) => [tenant, candidates(tenant, now, some)])),
			);
		}
		const found = sharing.all().sort(inOrder).slice(0, limit);
		if (found.length === 0) return [];
		const seqs = JSON.stringify(found.map(({ seq }) => seq));
		db.sql(CLAIM).run(owner, leaseUntil, now, leaseUntil, seqs);
		return found.map(({ seq, run }) => {
			run.state = 'running';
			run.owner = owner;
			run.leaseUntil = leaseUntil;
			run.epoch += 1;
			run.attempt += 1;
			run.startedAt = now;
			run.deadlineAt = null;
			// With a serial key only, its row there stays as it is.
			if (run.concurrencyKey !== null) gates.move(seq, run);
			tx.tally('run', run.tenant, 'queued', 'running');
			tx.events([events.run(run)]);
			return run;
		});
	}

	/** Those that may have something to be claimed: a look into the index for each that has queued runs. */
	function readyTenants(now: Instant): string[] {
		const following = db.rows<[tenant: string, lookAt: Instant]>(NEXT_TENANT);
		const ready: string[] = [];
		for (let next = following.get(''); next !== undefined; next = following.get(next[0])) {
			const [tenant, lookAt] = next;
			if (lookAt <= now || hasUrgent(tenant) || gates.anyOpen(tenant, now)) ready.push(tenant);
		}
		return ready;
	}

	function hasUrgent(tenant: string): boolean {
		return db.rows(HIGHEST_BELOW).get(tenant, HIGHEST + 1) !== undefined;
	}

	/** The tenant's queued runs to be claimed: by priority, then by readiness, then by age. */
	function candidates(tenant: string, now: Instant, limit: number): Candidate[] {
		const ask = { tenant, now };
		const found = ranked(ask, { below: HIGHEST + 1, above: 0, limit });
		found.push(...plain(ask, limit - found.length));
		found.push(...ranked(ask, { below: 0, above: -HIGHEST - 1, limit: limit - found.length }));
		const keyed = gates.claimable(tenant, now, limit);
		if (keyed.length > 0) {
			const bySeq = db.rows(`${SELECT}, seq FROM runs WHERE seq = ?`);
			for (const seq of keyed) {
				const row = bySeq.get(seq);
				if (row !== undefined) found.push(toCandidate(row));
			}
			found.sort(inOrder);
		}
		return found.slice(0, limit);
	}

	/** Those of priority 0. */
	function plain({ tenant, now }: Ask, limit: number): Candidate[] {
		if (limit <= 0) return [];
		return db.rows(PLAIN).all(tenant, now, limit).map(toCandidate);
	}

	/** Those of any other priority between two, one priority after another: two looks at the index for each. */
	function ranked(
		{ tenant, now }: Ask,
		{ below, above, limit }: { below: number; above: number; limit: number },
	): Candidate[] {
		const found: Candidate[] = [];
		if (limit <= 0) return found;
		const highest = db.rows<[priority: number]>(HIGHEST_BELOW);
		let priority = highest.get(tenant, below)?.[0];
		while (priority !== undefined && priority > above && found.length < limit) {
			const ready = db.rows(RANKED_RUNS).all(tenant, priority, now, limit - found.length);
			found.push(...ready.map(toCandidate));
			priority = highest.get(tenant, priority)?.[0];
		}
		return found;
	}
}

interface Ask {
	tenant: string;
	now: Instant;
}

/** Of priorities. */
const HIGHEST = 100;
const NEXT_TENANT = `SELECT tenant, lookAt FROM runs INDEXED BY runs_queued
	WHERE state = 'queued' AND tenant > ? ORDER BY tenant, lookAt LIMIT 1`;
/** Its condition is that of the index, written out: SQLite does not look into parameters. */
const IS_RANKED = `lookAt = ${RANKED}`;
const HIGHEST_BELOW = `SELECT priority FROM runs INDEXED BY runs_urgent
	WHERE ${IS_RANKED} AND tenant = ? AND priority < ? ORDER BY priority DESC LIMIT 1`;

const SELECT = `SELECT ${runRows.columns}`;
const UNFINISHED = `${SELECT} FROM runs INDEXED BY runs_unfinished
	WHERE scheduleId = ? AND backfillId IS NULL AND lookAt IS NOT NULL ORDER BY seq LIMIT ?`;
const PLAIN = `${SELECT}, seq FROM runs INDEXED BY runs_queued
	WHERE tenant = ? AND state = 'queued' AND lookAt <= ? ORDER BY lookAt, seq LIMIT ?`;
const RANKED_RUNS = `${SELECT}, seq FROM runs INDEXED BY runs_urgent
	WHERE ${IS_RANKED} AND tenant = ? AND priority = ? AND readyAt <= ? ORDER BY readyAt, seq LIMIT ?`;
const INSERT = runRows.insert.replace(') VALUES (', ', lookAt) VALUES (?, ');
/** One statement for the batch: the cost of a claim is in the calls. */
const CLAIM = `UPDATE runs SET state = 'running', owner = ?, leaseUntil = ?, epoch = epoch + 1,
	attempt = attempt + 1, startedAt = ?, deadlineAt = NULL, lookAt = ?
	WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'queued'`;
const SEQ_AT = runRows.columns.split(', ').length;

interface Candidate {
	seq: number;
	run: Run;
}

function toCandidate(row: readonly unknown[]): Candidate {
	return { seq: row[SEQ_AT] as number, run: runRows.fromRow(row) };
}

function inOrder(a: Candidate, b: Candidate): number {
	return b.run.priority - a.run.priority || a.run.readyAt - b.run.readyAt || a.seq - b.seq;
}
