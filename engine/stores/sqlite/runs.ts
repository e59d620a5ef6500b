import type { Run } from '../../contract/run.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { claimStatement } from './leases.ts';
import { once } from './once.ts';
import { attemptRows, runRows } from './rows.ts';
import type { RunGates } from './run-gates.ts';
import { FREE, KEYED } from './run-gates.ts';
import { listRuns } from './run-lists.ts';
import { settleEach } from './settle-each.ts';
import type { SettleRun } from './settle-run.ts';
import type { createSpecs } from './specs.ts';

type Runs = Pick<
	Store,
	| 'addRuns'
	| 'claimRuns'
	| 'settleRuns'
	| 'listExpiredRuns'
	| 'listDueRuns'
	| 'getRun'
	| 'getRunById'
	| 'listRuns'
	| 'activeRunsOf'
> & {
	/** Inside a write. */
	insertRun(tx: Transaction, run: Run): void;
	/** Of a schedule, oldest first. */
	unfinishedOf(scheduleId: string): Run[];
	attemptsOf(runId: string): ReturnType<typeof attemptRows.fromRow>[];
};

const SELECT = `SELECT ${runRows.columns}`;

export function createRuns(
	context: Context,
	parts: { gates: RunGates; settle: SettleRun; specs: ReturnType<typeof createSpecs> },
): Runs {
	const { db, write } = context;
	const { gates, settle, specs } = parts;

	function insertRun(tx: Transaction, run: Run): void {
		const gate = gates.gateOf(run);
		db.sql(insertStatement).run(...runRows.toRow(run), gate);
		if (run.concurrencyKey !== null) gates.refresh(run.tenant, run.concurrencyKey);
		tx.tally('run', run.tenant, null, run.state);
	}

	function unfinishedOf(scheduleId: string): Run[] {
		return db
			.rows(
				`${SELECT} FROM runs INDEXED BY runs_unfinished WHERE scheduleId = ?
				AND scheduleId IS NOT NULL AND state IN ('queued', 'running', 'waiting', 'retrying')
				ORDER BY seq`,
			)
			.all(scheduleId)
			.map(runRows.fromRow);
	}

	return {
		insertRun,

		addRuns: (add, record) =>
			write((tx) =>
				once(context, record, () => {
					for (const spec of add.specs) specs.insert(spec);
					for (const settlement of add.settle) settle(tx, settlement);
					for (const run of add.runs) insertRun(tx, run);
					tx.events(add.events);
					return add.runs;
				}),
			),

		claimRuns: (request, events) =>
			write((tx) => claimed(tx, candidates(db, request), request, events)),

		settleRuns: (settlements) =>
			write((tx) =>
				settleEach(context, tx, settlements, {
					where: 'settleRuns',
					idOf: ({ runId }) => runId,
					settle: (settlement) => settle(tx, settlement),
				}),
			),

		async listExpiredRuns(now, limit, except) {
			return db
				.rows(
					`${SELECT} FROM runs INDEXED BY runs_running WHERE state = 'running'
					AND (leaseUntil < ? OR owner <> ?) ORDER BY leaseUntil LIMIT ?`,
				)
				.all(now, except ?? null, limit)
				.map(runRows.fromRow);
		},

		async listDueRuns(now, limit) {
			const retrying = db
				.rows(
					`${SELECT} FROM runs INDEXED BY runs_retrying WHERE state = 'retrying' AND readyAt <= ?
					ORDER BY readyAt LIMIT ?`,
				)
				.all(now, limit);
			const waiting = db
				.rows(
					`${SELECT} FROM runs INDEXED BY runs_waiting WHERE state = 'waiting' AND held = 0
					AND deadlineAt <= ? ORDER BY deadlineAt LIMIT ?`,
				)
				.all(now, limit - retrying.length);
			return [...retrying, ...waiting].map(runRows.fromRow);
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
			return unfinishedOf(scheduleId).filter((run) => run.tenant === tenant);
		},

		unfinishedOf,

		attemptsOf: (runId) =>
			db
				.rows(`SELECT ${attemptRows.columns} FROM run_attempts WHERE runId = ? ORDER BY epoch`)
				.all(runId)
				.map(attemptRows.fromRow),
	};

	function claimed(
		tx: Transaction,
		found: Candidate[],
		{ now, owner, leaseUntil }: ClaimRequest,
		events: ClaimEvents,
	): Run[] {
		const update = db.sql(CLAIM);
		return found.map(({ seq, run }) => {
			update.run(owner, leaseUntil, now, seq);
			run.state = 'running';
			run.owner = owner;
			run.leaseUntil = leaseUntil;
			run.epoch += 1;
			run.attempt += 1;
			run.startedAt = now;
			run.deadlineAt = null;
			if (run.concurrencyKey !== null) gates.refresh(run.tenant, run.concurrencyKey);
			tx.tally('run', run.tenant, 'queued', 'running');
			tx.events([events.run(run)]);
			return run;
		});
	}
}

const insertStatement = runRows.insertInto('runs').replace(') VALUES (', ', gate) VALUES (?, ');
const CLAIM = claimStatement('runs', `'queued'`, 'running', ', startedAt = ?, deadlineAt = NULL');

interface Candidate {
	seq: number;
	run: Run;
}

/** The queued runs to be claimed, by readiness and then by age. */
function candidates(db: Context['db'], { now, limit }: ClaimRequest): Candidate[] {
	const seqAt = runRows.columns.split(', ').length;
	const toCandidate = (row: readonly unknown[]): Candidate => ({
		seq: row[seqAt] as number,
		run: runRows.fromRow(row),
	});
	const found = db
		.rows(
			`${SELECT}, seq FROM runs INDEXED BY runs_queued
			WHERE state = 'queued' AND gate = ${FREE} AND readyAt <= ? ORDER BY readyAt, seq LIMIT ?`,
		)
		.all(now, limit)
		.map(toCandidate);
	const open = db
		.rows<[string, string]>(
			'SELECT tenant, concurrencyKey FROM run_gates WHERE readyAt <= ? ORDER BY readyAt LIMIT ?',
		)
		.all(now, limit);
	if (open.length === 0) return found;
	const first = db.rows(
		`${SELECT}, seq FROM runs INDEXED BY runs_gated WHERE tenant = ? AND concurrencyKey = ?
		AND state = 'queued' AND gate = ${KEYED} AND readyAt <= ? ORDER BY readyAt, seq LIMIT 1`,
	);
	for (const [tenant, key] of open) {
		const row = first.get(tenant, key, now);
		if (row !== undefined) found.push(toCandidate(row));
	}
	found.sort((a, b) => a.run.readyAt - b.run.readyAt || a.seq - b.seq);
	return found.slice(0, limit);
}
