import type { Run, RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import { claimableAt } from '../shared/look-at.ts';
import { createTiers, lockName } from './run-tiers.ts';
import type { Transaction } from './transaction.ts';

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
 * `lookAt` says so. All other queued runs with a key are found by the rows here alone.
 *
 * What concerns a key is decided under a lock of that key, which the transaction holds until it commits, so
 * that engines do it one after another and each sees what the one before has written.
 */
export interface RunGates {
	/** Runs with a key are about to be inserted, or to change: nobody else touches their keys until the commit. */
	lock(tx: Transaction, runs: readonly Keys[]): Promise<void>;
	/** A run with a key is about to be inserted. @returns whether it must wait for a key */
	enter(tx: Transaction, run: Run): Promise<boolean>;
	inserted(tx: Transaction, seq: number, run: Run): Promise<void>;
	/**
	 * A run with a key changed its state or readiness, or is about to: what follows for the others.
	 * @returns whether the run itself, when queued, must wait for a key
	 */
	move(tx: Transaction, seq: number, to: { state: RunState; readyAt: Instant }): Promise<boolean>;
	/**
	 * The runs that wait for a key and may have it now, so many of each tenant: their `seq`. Keys that another engine
	 * is busy with are left to it.
	 */
	claimable(tx: Transaction, now: Instant, wanted: ReadonlyMap<string, number>): Promise<number[]>;
}

export type Keys = Pick<Run, 'tenant' | 'serialKey' | 'concurrencyKey'>;

type Keyed = [
	tenant: string,
	serialKey: string | null,
	concurrencyKey: string | null,
	blocked: boolean,
];

const TERMINAL: readonly RunState[] = ['succeeded', 'failed', 'cancelled', 'expired'];
const KEYS = 'tenant, serialKey, concurrencyKey, blocked';

export function createRunGates(): RunGates {
	const tiers = createTiers();

	async function hasHead(tx: Transaction, tenant: string, serialKey: string): Promise<boolean> {
		const head = await tx.get(
			'SELECT 1 FROM keyed_runs WHERE tenant = $1 AND serialKey = $2 AND NOT blocked LIMIT 1',
			[tenant, serialKey],
		);
		return head !== undefined;
	}

	/** The head of a serial key is gone: the oldest of the others takes its place. */
	async function promote(tx: Transaction, tenant: string, serialKey: string): Promise<void> {
		const next = await tx.get<
			[seq: number, concurrencyKey: string | null, readyAt: Instant, rank: number]
		>(
			`SELECT seq, concurrencyKey, readyAt, rank FROM keyed_runs
			WHERE tenant = $1 AND serialKey = $2 AND blocked ORDER BY seq LIMIT 1`,
			[tenant, serialKey],
		);
		if (next === undefined || (await hasHead(tx, tenant, serialKey))) return;
		const [seq, concurrencyKey, readyAt, rank] = next;
		await tx.run('UPDATE keyed_runs SET blocked = FALSE WHERE seq = $1', [seq]);
		if (concurrencyKey !== null) {
			await tiers.refresh(tx, tenant, concurrencyKey);
		} else {
			const lookAt = claimableAt({ readyAt, priority: -rank });
			await tx.run('UPDATE runs SET lookAt = $1 WHERE seq = $2', [lookAt, seq]);
		}
	}

	return {
		async lock(tx, runs) {
			const names = new Set<string>();
			for (const { tenant, serialKey, concurrencyKey } of runs) {
				if (serialKey !== null) names.add(`serial ${tenant} ${serialKey}`);
				if (concurrencyKey !== null) names.add(lockName(tenant, concurrencyKey));
			}
			if (names.size === 0) return;
			await tx.run(
				`SELECT pg_advisory_xact_lock(lock) FROM
					(SELECT DISTINCT hashtextextended(name, 4) AS lock FROM unnest($1::text[]) AS u (name)
					ORDER BY lock) locks`,
				[[...names]],
			);
		},

		enter: async (tx, { tenant, serialKey, concurrencyKey }) =>
			concurrencyKey !== null || (serialKey !== null && (await hasHead(tx, tenant, serialKey))),

		async inserted(tx, seq, run) {
			const { tenant, serialKey, concurrencyKey, concurrencyLimit, priority, state, readyAt } = run;
			const blocked = serialKey !== null && (await hasHead(tx, tenant, serialKey));
			await tx.run(
				`INSERT INTO keyed_runs
				(seq, tenant, serialKey, concurrencyKey, concurrencyLimit, rank, state, readyAt, blocked)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				[
					seq,
					tenant,
					serialKey,
					concurrencyKey,
					concurrencyLimit,
					-priority,
					state,
					readyAt,
					blocked,
				],
			);
			if (concurrencyKey !== null) await tiers.refresh(tx, tenant, concurrencyKey);
		},

		async move(tx, seq, { state, readyAt }) {
			const over = TERMINAL.includes(state);
			const row = over
				? await tx.get<Keyed>(`DELETE FROM keyed_runs WHERE seq = $1 RETURNING ${KEYS}`, [seq])
				: await tx.get<Keyed>(
						`UPDATE keyed_runs SET state = $1, readyAt = $2 WHERE seq = $3 RETURNING ${KEYS}`,
						[state, readyAt, seq],
					);
			if (row === undefined) return false;
			const [tenant, serialKey, concurrencyKey, blocked] = row;
			if (concurrencyKey !== null) await tiers.refresh(tx, tenant, concurrencyKey);
			if (over && !blocked && serialKey !== null) await promote(tx, tenant, serialKey);
			return concurrencyKey !== null || blocked;
		},

		async claimable(tx, now, wanted) {
			const open = await tx.rows<[tenant: string]>(
				`SELECT tenant FROM unnest($1::text[]) AS wanted (tenant) WHERE EXISTS
					(SELECT 1 FROM open_tiers o WHERE o.tenant = wanted.tenant AND readyAt <= $2)`,
				[[...wanted.keys()], now],
			);
			const found = await Promise.all(
				open.map(async ([tenant]) =>
					tiers.claimable(tx, { tenant, now, limit: wanted.get(tenant) ?? 0 }),
				),
			);
			return found.flat();
		},
	};
}
