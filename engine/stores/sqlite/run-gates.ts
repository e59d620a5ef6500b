import type { Run, RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Database } from './database.ts';
import { claimableAt } from '../shared/look-at.ts';
import { createTiers } from './run-tiers.ts';

/**
 * Which queued runs with a key may be claimed, kept up to date at every write so that a claim never has to
 * look through runs that must wait, however many share a key.
 *
 * - `serialKey`: one at a time in the order of insertion. The oldest unfinished run of a key is its head; all
 *   others are `blocked`. When the head ends, the next becomes head.
 * - `concurrencyKey`: a run may begin while fewer runs than its limit hold the key, that is, are in `running`
 *   or `waiting`. How many do is counted from their rows, never kept as a number: no crash and no lost lease
 *   can leave a slot taken. See run-tiers.ts.
 *
 * A head without a concurrencyKey waits for nothing but its turn, as a run without keys does: then its
 * `lookAt` says so. All other queued runs with a key are found by the rows here alone. Without a concurrencyKey
 * nobody asks for the state in a row here, which therefore stays `queued` when the run is claimed.
 */
export interface RunGates {
	/** Of a run that is about to be inserted: whether another is before it under its serial key. */
	isBlocked(run: Run): boolean;
	inserted(seq: number, run: Run, blocked: boolean): void;
	/**
	 * A run with a key changed its state or readiness, or is about to: what follows for the others.
	 * @returns whether the run itself, when queued, must wait for a key
	 */
	move(seq: number, to: { state: RunState; readyAt: Instant }): boolean;
	/** The same of one with a serial key only that was claimed, so that it was the head, and is over. */
	headEnded(seq: number, of: { tenant: string; serialKey: string }): void;
	/** Whether anything of the tenant may wait for a key that it can have. */
	anyOpen(tenant: string, now: Instant): boolean;
	/** The tenant's runs that wait for a key and may have it now, in the order of claims: their `seq`. */
	claimable(tenant: string, now: Instant, limit: number): number[];
}

type Keyed = [
	tenant: string,
	serialKey: string | null,
	concurrencyKey: string | null,
	blocked: number,
];

const TERMINAL: readonly RunState[] = ['succeeded', 'failed', 'cancelled', 'expired'];

export function createRunGates(db: Database): RunGates {
	const tiers = createTiers(db);

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
			.rows<[seq: number, concurrencyKey: string | null, readyAt: Instant, rank: number]>(
				`SELECT seq, concurrencyKey, readyAt, rank FROM keyed_runs INDEXED BY keyed_runs_serial
				WHERE tenant = ? AND serialKey = ? AND blocked = 1 ORDER BY seq LIMIT 1`,
			)
			.get(tenant, serialKey);
		if (next === undefined || hasHead(tenant, serialKey)) return;
		const [seq, concurrencyKey, readyAt, rank] = next;
		db.sql('UPDATE keyed_runs SET blocked = 0 WHERE seq = ?').run(seq);
		if (concurrencyKey !== null) {
			tiers.refresh(tenant, concurrencyKey);
		} else {
			const lookAt = claimableAt({ readyAt, priority: -rank });
			db.sql('UPDATE runs SET lookAt = ? WHERE seq = ?').run(lookAt, seq);
		}
	}

	return {
		isBlocked: ({ tenant, serialKey }) => serialKey !== null && hasHead(tenant, serialKey),

		inserted(seq, run, blocked) {
			const { tenant, serialKey, concurrencyKey, concurrencyLimit, priority, state, readyAt } = run;
			db.sql(
				`INSERT INTO keyed_runs
				(seq, tenant, serialKey, concurrencyKey, concurrencyLimit, rank, state, readyAt, blocked)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			).run(
				seq,
				tenant,
				serialKey,
				concurrencyKey,
				concurrencyLimit,
				-priority,
				state,
				readyAt,
				Number(blocked),
			);
			if (concurrencyKey !== null) tiers.refresh(tenant, concurrencyKey);
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
			if (concurrencyKey !== null) tiers.refresh(tenant, concurrencyKey);
			if (over && blocked === 0 && serialKey !== null) promote(tenant, serialKey);
			return concurrencyKey !== null || blocked === 1;
		},

		// Half of what `move` takes, which asks for the row that it deletes.
		headEnded(seq, { tenant, serialKey }) {
			const { changes } = db.sql('DELETE FROM keyed_runs WHERE seq = ?').run(seq);
			if (changes === 1) promote(tenant, serialKey);
		},

		anyOpen: (tenant, now) => tiers.anyOpen(tenant, now),
		claimable: (tenant, now, limit) => tiers.claimable(tenant, now, limit),
	};
}
