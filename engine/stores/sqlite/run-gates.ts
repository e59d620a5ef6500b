import type { Run, RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Database } from './database.ts';

/**
 * Which queued runs with a key may be claimed, kept up to date at every write so that a claim never has to
 * look through runs that must wait, however many share a key.
 *
 * - `serialKey`: one at a time in the order of insertion. The oldest unfinished run of a key is its head; all
 *   others are `blocked`. When the head ends, the next becomes head.
 * - `concurrencyKey`: one at a time. A row in `run_gates` says that nobody holds the key (in `running` or
 *   `waiting`) and when the first run that waits for it, and is not blocked, is ready.
 *
 * A head without a concurrencyKey waits for nothing but its instant, as a run without keys does: then its
 * `lookAt` says so. All other queued runs with a key are found by the rows here alone.
 */
export interface RunGates {
	/** A run with a key is about to be inserted. @returns whether it must wait for a key */
	enter(run: Run): boolean;
	inserted(seq: number, run: Run): void;
	/**
	 * A run with a key changed its state or readiness, or is about to: what follows for the others.
	 * @returns whether the run itself, when queued, must wait for a key
	 */
	move(seq: number, to: { state: RunState; readyAt: Instant }): boolean;
	/** The keys that somebody waits for and nobody holds, by readiness: the `seq` of the first run of each. */
	claimable(now: Instant, limit: number): number[];
}

type Keyed = [
	tenant: string,
	serialKey: string | null,
	concurrencyKey: string | null,
	blocked: number,
];

const TERMINAL: readonly RunState[] = ['succeeded', 'failed', 'cancelled', 'expired'];

export function createRunGates(db: Database): RunGates {
	function hasHead(tenant: string, serialKey: string): boolean {
		const head = db
			.rows(
				`SELECT 1 FROM keyed_runs INDEXED BY keyed_runs_serial
				WHERE tenant = ? AND serialKey = ? AND blocked = 0 LIMIT 1`,
			)
			.get(tenant, serialKey);
		return head !== undefined;
	}

	/** The head of a serial key is gone: the oldest of the others takes its place. */
	function promote(tenant: string, serialKey: string): void {
		const next = db
			.rows<[seq: number, concurrencyKey: string | null, readyAt: Instant]>(
				`SELECT seq, concurrencyKey, readyAt FROM keyed_runs INDEXED BY keyed_runs_serial
				WHERE tenant = ? AND serialKey = ? AND blocked = 1 ORDER BY seq LIMIT 1`,
			)
			.get(tenant, serialKey);
		if (next === undefined || hasHead(tenant, serialKey)) return;
		const [seq, concurrencyKey, readyAt] = next;
		db.sql('UPDATE keyed_runs SET blocked = 0 WHERE seq = ?').run(seq);
		if (concurrencyKey !== null) refresh(tenant, concurrencyKey);
		else db.sql('UPDATE runs SET lookAt = ? WHERE seq = ?').run(readyAt, seq);
	}

	/** Opens or shuts a concurrency key as its runs demand. */
	function refresh(tenant: string, concurrencyKey: string): void {
		const readyAt = isHeld(tenant, concurrencyKey) ? undefined : firstReady(tenant, concurrencyKey);
		if (readyAt === undefined) {
			db.sql('DELETE FROM run_gates WHERE tenant = ? AND concurrencyKey = ?').run(
				tenant,
				concurrencyKey,
			);
		} else {
			db.sql(
				`INSERT INTO run_gates (tenant, concurrencyKey, readyAt) VALUES (?, ?, ?)
				ON CONFLICT (tenant, concurrencyKey) DO UPDATE SET readyAt = excluded.readyAt
				WHERE readyAt <> excluded.readyAt`,
			).run(tenant, concurrencyKey, readyAt);
		}
	}

	function isHeld(tenant: string, concurrencyKey: string): boolean {
		const holder = db
			.rows(
				`SELECT 1 FROM keyed_runs INDEXED BY keyed_runs_holding
				WHERE tenant = ? AND concurrencyKey = ? AND (state = 'running' OR state = 'waiting') LIMIT 1`,
			)
			.get(tenant, concurrencyKey);
		return holder !== undefined;
	}

	function firstReady(tenant: string, concurrencyKey: string): Instant | undefined {
		return db
			.rows<[Instant]>(
				`SELECT readyAt FROM keyed_runs INDEXED BY keyed_runs_queued
				WHERE tenant = ? AND concurrencyKey = ? AND state = 'queued' AND blocked = 0
				ORDER BY readyAt LIMIT 1`,
			)
			.get(tenant, concurrencyKey)?.[0];
	}

	return {
		enter: ({ tenant, serialKey, concurrencyKey }) =>
			concurrencyKey !== null || (serialKey !== null && hasHead(tenant, serialKey)),

		inserted(seq, { tenant, serialKey, concurrencyKey, state, readyAt }) {
			const blocked = serialKey !== null && hasHead(tenant, serialKey);
			db.sql(
				`INSERT INTO keyed_runs (seq, tenant, serialKey, concurrencyKey, state, readyAt, blocked)
				VALUES (?, ?, ?, ?, ?, ?, ?)`,
			).run(seq, tenant, serialKey, concurrencyKey, state, readyAt, Number(blocked));
			if (concurrencyKey !== null) refresh(tenant, concurrencyKey);
		},

		move(seq, { state, readyAt }) {
			const over = TERMINAL.includes(state);
			const keys = 'tenant, serialKey, concurrencyKey, blocked';
			const row = over
				? db.rows<Keyed>(`DELETE FROM keyed_runs WHERE seq = ? RETURNING ${keys}`).get(seq)
				: db
						.rows<Keyed>(
							`UPDATE keyed_runs SET state = ?, readyAt = ? WHERE seq = ? RETURNING ${keys}`,
						)
						.get(state, readyAt, seq);
			if (row === undefined) return false;
			const [tenant, serialKey, concurrencyKey, blocked] = row;
			if (concurrencyKey !== null) refresh(tenant, concurrencyKey);
			if (over && blocked === 0 && serialKey !== null) promote(tenant, serialKey);
			return concurrencyKey !== null || blocked === 1;
		},

		claimable(now, limit) {
			const open = db
				.rows<[tenant: string, concurrencyKey: string]>(
					'SELECT tenant, concurrencyKey FROM run_gates WHERE readyAt <= ? ORDER BY readyAt LIMIT ?',
				)
				.all(now, limit);
			const first = db.rows<[number]>(
				`SELECT seq FROM keyed_runs INDEXED BY keyed_runs_queued
				WHERE tenant = ? AND concurrencyKey = ? AND state = 'queued' AND blocked = 0
				ORDER BY readyAt, seq LIMIT 1`,
			);
			return open.flatMap(([tenant, key]) => [...(first.get(tenant, key) ?? [])]);
		},
	};
}
