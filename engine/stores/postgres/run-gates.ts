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
	/** Runs with a key are about to be inserted, in this order. @returns those behind another with their serial key */
	enter(tx: Transaction, runs: readonly Run[]): Promise<ReadonlySet<Run>>;
	/** They are, with what `enter` said of them. */
	inserted(tx: Transaction, runs: readonly Inserted[]): void;
	/**
	 * Runs changed their state or readiness, or are about to: what follows for them and the others. Those without a
	 * key may be among them.
	 * @returns those that, when queued, must wait for a key
	 */
	move(tx: Transaction, moves: readonly Move[]): Promise<ReadonlySet<number>>;
	/**
	 * The runs that wait for a key and may have it now, so many of each tenant: their `seq`. Keys that another engine
	 * is busy with are left to it.
	 */
	claimable(tx: Transaction, now: Instant, wanted: ReadonlyMap<string, number>): Promise<number[]>;
}

interface Inserted {
	seq: number;
	run: Run;
	blocked: boolean;
}

interface Move {
	seq: number;
	state: RunState;
	readyAt: Instant;
}

export type Keys = Pick<Run, 'tenant' | 'serialKey' | 'concurrencyKey'>;

export function isKeyed({ serialKey, concurrencyKey }: Keys): boolean {
	return serialKey !== null || concurrencyKey !== null;
}

type Keyed = [
	seq: number,
	tenant: string,
	serialKey: string | null,
	concurrencyKey: string | null,
	blocked: boolean,
];

const TERMINAL: readonly RunState[] = ['succeeded', 'failed', 'cancelled', 'expired'];
const KEYS = 'k.seq, k.tenant, k.serialKey, k.concurrencyKey, k.blocked';

const HEADED = `SELECT DISTINCT k.tenant, k.serialKey FROM keyed_runs k
	JOIN unnest($1::text[], $2::text[]) AS u (tenant, serialKey)
	ON k.tenant = u.tenant AND k.serialKey = u.serialKey WHERE NOT k.blocked`;
const INSERT = `INSERT INTO keyed_runs
	(seq, tenant, serialKey, concurrencyKey, concurrencyLimit, rank, state, readyAt, blocked)
	SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
		$7::text[], $8::bigint[], $9::boolean[])`;
const CHANGE = `UPDATE keyed_runs k SET state = u.state, readyAt = u.readyAt
	FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS u (seq, state, readyAt)
	WHERE k.seq = u.seq RETURNING ${KEYS}`;
const REMOVE = `DELETE FROM keyed_runs k WHERE k.seq = ANY($1::bigint[]) RETURNING ${KEYS}`;
/** The oldest of those behind a head that is gone. */
const NEXT = `SELECT following.* FROM unnest($1::text[], $2::text[]) AS u (tenant, serialKey),
	LATERAL (SELECT seq, tenant, concurrencyKey, readyAt, rank FROM keyed_runs k
		WHERE k.tenant = u.tenant AND k.serialKey = u.serialKey AND blocked ORDER BY seq LIMIT 1) following
	WHERE NOT EXISTS (SELECT 1 FROM keyed_runs k
		WHERE k.tenant = u.tenant AND k.serialKey = u.serialKey AND NOT blocked)`;

type Next = [
	seq: number,
	tenant: string,
	concurrencyKey: string | null,
	readyAt: Instant,
	rank: number,
];

/** A key of a tenant, as one text. */
const nameOf = (tenant: string, key: string): string => `${tenant}\n${key}`;

/** Each pair of tenant and key once, as two columns. */
function columnsOf(
	pairs: readonly (readonly [tenant: string, key: string])[],
): [string[], string[]] {
	const once = [...new Map(pairs.map((pair) => [nameOf(...pair), pair])).values()];
	return [once.map(([tenant]) => tenant), once.map(([, key]) => key)];
}

export function createRunGates(): RunGates {
	const tiers = createTiers();

	/** After all that concerns them was sent. */
	function refresh(
		tx: Transaction,
		changed: readonly { tenant: string; concurrencyKey: string | null }[],
	): void {
		const [tenants, keys] = columnsOf(
			changed.flatMap(({ tenant, concurrencyKey }) =>
				concurrencyKey === null ? [] : [[tenant, concurrencyKey] as const],
			),
		);
		keys.forEach((key, at) => {
			tiers.refresh(tx, tenants[at] ?? '', key);
		});
	}

	/** The heads of serial keys are gone: the oldest of the others take their places. */
	async function promote(
		tx: Transaction,
		keys: readonly (readonly [tenant: string, serialKey: string])[],
	): Promise<Next[]> {
		if (keys.length === 0) return [];
		const next = await tx.rows<Next>(NEXT, columnsOf(keys));
		if (next.length === 0) return next;
		tx.later('UPDATE keyed_runs SET blocked = FALSE WHERE seq = ANY($1::bigint[])', [
			next.map(([seq]) => seq),
		]);
		const free = next.filter(([, , concurrencyKey]) => concurrencyKey === null);
		tx.later(
			`UPDATE runs AS r SET lookAt = u.lookAt FROM unnest($1::bigint[], $2::bigint[]) AS u (seq, lookAt)
			WHERE r.seq = u.seq`,
			[
				free.map(([seq]) => seq),
				free.map(([, , , readyAt, rank]) => claimableAt({ readyAt, priority: -rank })),
			],
		);
		return next;
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

		async enter(tx, runs) {
			const serial = runs.flatMap(({ tenant, serialKey }) =>
				serialKey === null ? [] : [[tenant, serialKey] as const],
			);
			const blocked = new Set<Run>();
			if (serial.length === 0) return blocked;
			const rows = await tx.rows<[tenant: string, serialKey: string]>(HEADED, columnsOf(serial));
			const headed = new Set(rows.map((row) => nameOf(...row)));
			for (const run of runs) {
				if (run.serialKey === null || TERMINAL.includes(run.state)) continue;
				const name = nameOf(run.tenant, run.serialKey);
				if (headed.has(name)) blocked.add(run);
				else headed.add(name);
			}
			return blocked;
		},

		inserted(tx, entries) {
			if (entries.length === 0) return;
			const runs = entries.map(({ run }) => run);
			tx.later(INSERT, [
				entries.map(({ seq }) => seq),
				runs.map(({ tenant }) => tenant),
				runs.map(({ serialKey }) => serialKey),
				runs.map(({ concurrencyKey }) => concurrencyKey),
				runs.map(({ concurrencyLimit }) => concurrencyLimit),
				runs.map(({ priority }) => -priority),
				runs.map(({ state }) => state),
				runs.map(({ readyAt }) => readyAt),
				entries.map(({ blocked }) => blocked),
			]);
			refresh(tx, runs);
		},

		async move(tx, moves) {
			const over = moves.filter(({ state }) => TERMINAL.includes(state));
			const others = moves.filter(({ state }) => !TERMINAL.includes(state));
			const [changed, gone] = await Promise.all([
				others.length === 0
					? []
					: tx.rows<Keyed>(CHANGE, [
							others.map(({ seq }) => seq),
							others.map(({ state }) => state),
							others.map(({ readyAt }) => readyAt),
						]),
				over.length === 0 ? [] : tx.rows<Keyed>(REMOVE, [over.map(({ seq }) => seq)]),
			]);
			const promoted = await promote(
				tx,
				gone.flatMap(([, tenant, serialKey, , blocked]) =>
					serialKey === null || blocked ? [] : [[tenant, serialKey] as const],
				),
			);
			const free = new Set(promoted.map(([seq]) => seq));
			const rows = [...changed, ...gone];
			refresh(tx, [
				...rows.map(([, tenant, , concurrencyKey]) => ({ tenant, concurrencyKey })),
				...promoted.map(([, tenant, concurrencyKey]) => ({ tenant, concurrencyKey })),
			]);
			const gated = rows.filter(
				([seq, , , concurrencyKey, blocked]) =>
					concurrencyKey !== null || (blocked && !free.has(seq)),
			);
			return new Set(gated.map(([seq]) => seq));
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
