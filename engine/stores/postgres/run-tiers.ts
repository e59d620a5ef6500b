import type { Instant } from '../../contract/time.ts';
import type { Waiting } from '../shared/admit.ts';
import { admit, isSettled } from '../shared/admit.ts';
import type { Transaction } from './transaction.ts';

/**
 * The runs that wait for concurrency keys, in tiers: those of one key with the same limit and the same
 * priority are alike but for their readiness. A tier is open while fewer runs than its limit hold the key;
 * `open_tiers` lists those, so that a claim reads nothing that must wait.
 *
 * A run is admitted by its own limit: where runs with different limits share a key, one of limit 1 begins
 * only while nobody holds it, one of limit 5 beside up to four others.
 */
export interface Tiers {
	/** Something of the key changed: who holds it, or who waits for it. Under the key's lock. */
	refresh(tx: Transaction, tenant: string, concurrencyKey: string): void;
	/** The tenant's runs that may begin now, all together: by priority, readiness, age. Their `seq`. */
	claimable(
		tx: Transaction,
		ask: { tenant: string; now: Instant; limit: number },
	): Promise<number[]>;
}

type OpenTier = [
	tenant: string,
	concurrencyKey: string,
	limit: number,
	rank: number,
	readyAt: Instant,
];

const HELD = `concurrencyKey IS NOT NULL AND (state = 'running' OR state = 'waiting')`;
const QUEUED = `concurrencyKey IS NOT NULL AND state = 'queued' AND NOT blocked`;

/** The tiers of a key that are open, from one to the next: two looks into the index for each. */
const OPEN_TIERS = `WITH RECURSIVE held AS (
		SELECT count(*) AS n FROM keyed_runs WHERE tenant = $1 AND concurrencyKey = $2 AND ${HELD}
	), tier AS (
		(SELECT concurrencyLimit, rank, readyAt FROM keyed_runs
			WHERE tenant = $1 AND concurrencyKey = $2 AND ${QUEUED}
			AND concurrencyLimit > (SELECT n FROM held)
			ORDER BY concurrencyLimit, rank, readyAt LIMIT 1)
		UNION ALL
		SELECT following.* FROM tier, LATERAL (SELECT concurrencyLimit, rank, readyAt FROM keyed_runs k
			WHERE k.tenant = $1 AND k.concurrencyKey = $2 AND ${QUEUED}
			AND (k.concurrencyLimit, k.rank) > (tier.concurrencyLimit, tier.rank)
			ORDER BY concurrencyLimit, rank, readyAt LIMIT 1) following
	)`;
const REFRESH = `${OPEN_TIERS}, gone AS (
		DELETE FROM open_tiers o WHERE tenant = $1 AND concurrencyKey = $2 AND NOT EXISTS (
			SELECT 1 FROM tier t WHERE t.concurrencyLimit = o.concurrencyLimit AND t.rank = o.rank)
	)
	INSERT INTO open_tiers AS o (tenant, concurrencyKey, concurrencyLimit, rank, readyAt)
	SELECT $1, $2, concurrencyLimit, rank, readyAt FROM tier
	ON CONFLICT (tenant, concurrencyKey, concurrencyLimit, rank)
		DO UPDATE SET readyAt = excluded.readyAt WHERE o.readyAt <> excluded.readyAt`;

/** The name of a concurrency key's lock. */
export function lockName(tenant: string, concurrencyKey: string): string {
	return `concurrency ${tenant} ${concurrencyKey}`;
}

export function createTiers(): Tiers {
	/** Those keys that no other transaction is busy with; they are locked then. */
	async function lockFree(
		tx: Transaction,
		open: readonly OpenTier[],
		known: Map<string, boolean>,
	): Promise<void> {
		const names = [...new Set(open.map(([tenant, key]) => lockName(tenant, key)))].filter(
			(name) => !known.has(name),
		);
		if (names.length === 0) return;
		const rows = await tx.rows<[name: string, locked: boolean]>(
			`SELECT name, pg_try_advisory_xact_lock(hashtextextended(name, 4))
			FROM unnest($1::text[]) AS u (name)`,
			[names],
		);
		for (const [name, locked] of rows) known.set(name, locked);
	}

	async function waitingOf(
		tx: Transaction,
		open: readonly OpenTier[],
		{ now, limit }: { now: Instant; limit: number },
	): Promise<Waiting[]> {
		if (open.length === 0) return [];
		const rows = await tx.rows<
			[tier: number, held: number, seq: number | null, readyAt: Instant | null]
		>(
			`SELECT tier.n, held.n, waiting.seq, waiting.readyAt
			FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
				AS tier (tenant, key, most, rank, n),
			LATERAL (SELECT count(*) AS n FROM keyed_runs
				WHERE tenant = tier.tenant AND concurrencyKey = tier.key AND ${HELD}) held
			LEFT JOIN LATERAL (SELECT seq, readyAt FROM keyed_runs k
				WHERE k.tenant = tier.tenant AND k.concurrencyKey = tier.key
				AND k.concurrencyLimit = tier.most AND k.rank = tier.rank AND ${QUEUED}
				AND k.readyAt <= $5 ORDER BY k.readyAt, k.seq
				LIMIT least($6, greatest(tier.most - held.n, 0))) waiting ON TRUE`,
			[
				open.map(([tenant]) => tenant),
				open.map(([, key]) => key),
				open.map(([, , most]) => most),
				open.map(([, , , rank]) => rank),
				now,
				limit,
			],
		);
		const keys = new Map<string, { held: number }>();
		return rows.flatMap(([at, held, seq, readyAt]) => {
			const [tenant, concurrencyKey, tierLimit, rank] = open[at - 1] ?? ['', '', 0, 0];
			const name = `${tenant}\n${concurrencyKey}`;
			let key = keys.get(name);
			if (key === undefined) keys.set(name, (key = { held }));
			if (seq === null || readyAt === null) return [];
			return [{ seq, rank, readyAt, limit: tierLimit, key }];
		});
	}

	return {
		refresh(tx, tenant, concurrencyKey) {
			tx.later(REFRESH, [tenant, concurrencyKey]);
		},

		async claimable(tx, { tenant, now, limit }) {
			const known = new Map<string, boolean>();
			// Tiers of one key compete for its slots, so as many tiers as are asked for may hold fewer runs.
			for (let most = limit; most > 0; most *= 2) {
				const open = await tx.rows<OpenTier>(
					`SELECT tenant, concurrencyKey, concurrencyLimit, rank, readyAt FROM open_tiers
					WHERE tenant = $1 AND readyAt <= $2 ORDER BY rank, readyAt LIMIT $3`,
					[tenant, now, most],
				);
				await lockFree(tx, open, known);
				const ours = open.filter(([, key]) => known.get(lockName(tenant, key)) === true);
				const admitted = admit(await waitingOf(tx, ours, { now, limit }), limit);
				if (open.length < most) return admitted.map(({ seq }) => seq);
				const [, , , rank = 0, readyAt = 0] = open[most - 1] ?? [];
				if (isSettled(admitted, { wanted: limit, last: { rank, readyAt } }))
					return admitted.map(({ seq }) => seq);
			}
			return [];
		},
	};
}
