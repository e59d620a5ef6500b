import type { Instant } from '../../contract/time.ts';
import type { Waiting } from '../shared/admit.ts';
import { admit, isSettled } from '../shared/admit.ts';
import type { Database } from './database.ts';

/**
 * The runs that wait for concurrency keys, in tiers: those of one key with the same limit and the same
 * priority are alike but for their readiness. A tier is open while fewer runs than its limit hold the key;
 * `open_tiers` lists those, so that a claim reads nothing that must wait.
 *
 * A run is admitted by its own limit: where runs with different limits share a key, one of limit 1 begins
 * only while nobody holds it, one of limit 5 beside up to four others.
 */
export interface Tiers {
	/** Something of the key changed: who holds it, or who waits for it. */
	refresh(tenant: string, concurrencyKey: string): void;
	/** Whether a tier of the tenant is open and has a run that is ready. */
	anyOpen(tenant: string, now: Instant): boolean;
	/** The tenant's runs that may begin now, all together: by priority, readiness, age. Their `seq`. */
	claimable(tenant: string, now: Instant, limit: number): number[];
}

type Tier = [limit: number, rank: number, readyAt: Instant];
type OpenTier = [
	tenant: string,
	concurrencyKey: string,
	limit: number,
	rank: number,
	readyAt: Instant,
];

const LOWEST_RANK = 1000;

export function createTiers(db: Database): Tiers {
	/** At most as many as the highest limit. */
	function holders(tenant: string, concurrencyKey: string): number {
		const row = db
			.rows<[number]>(
				`SELECT count(*) FROM keyed_runs INDEXED BY keyed_runs_holding
				WHERE tenant = ? AND concurrencyKey = ? AND (state = 'running' OR state = 'waiting')`,
			)
			.get(tenant, concurrencyKey);
		return row?.[0] ?? 0;
	}

	/** One look into the index for each tier and one more: mostly there is one. */
	function openTiersOf(tenant: string, concurrencyKey: string): Tier[] {
		const following = db.rows<Tier>(
			`SELECT concurrencyLimit, rank, readyAt FROM keyed_runs INDEXED BY keyed_runs_queued
			WHERE tenant = ? AND concurrencyKey = ? AND state = 'queued' AND blocked = 0
			AND (concurrencyLimit, rank) > (?, ?) ORDER BY concurrencyLimit, rank, readyAt LIMIT 1`,
		);
		const open: Tier[] = [];
		let tier = following.get(tenant, concurrencyKey, holders(tenant, concurrencyKey), LOWEST_RANK);
		while (tier !== undefined) {
			open.push(tier);
			tier = following.get(tenant, concurrencyKey, tier[0], tier[1]);
		}
		return open;
	}

	function waitingIn(
		[tenant, key, limit, rank]: OpenTier,
		now: Instant,
		most: number,
	): [number, Instant][] {
		return db
			.rows<[seq: number, readyAt: Instant]>(
				`SELECT seq, readyAt FROM keyed_runs INDEXED BY keyed_runs_queued
				WHERE tenant = ? AND concurrencyKey = ? AND concurrencyLimit = ? AND rank = ?
				AND state = 'queued' AND blocked = 0 AND readyAt <= ? ORDER BY readyAt, seq LIMIT ?`,
			)
			.all(tenant, key, limit, rank, now, most);
	}

	function waitingOf(open: readonly OpenTier[], now: Instant, limit: number): Waiting[] {
		const keys = new Map<string, { held: number }>();
		return open.flatMap((tier) => {
			const [tenant, concurrencyKey, tierLimit, rank] = tier;
			const name = `${tenant}\n${concurrencyKey}`;
			let key = keys.get(name);
			if (key === undefined) keys.set(name, (key = { held: holders(tenant, concurrencyKey) }));
			const most = Math.min(limit, tierLimit - key.held);
			return waitingIn(tier, now, most).map(([seq, readyAt]) => ({
				seq,
				rank,
				readyAt,
				limit: tierLimit,
				key,
			}));
		});
	}

	return {
		refresh(tenant, concurrencyKey) {
			const before = db
				.rows<Tier>(
					`SELECT concurrencyLimit, rank, readyAt FROM open_tiers
					WHERE tenant = ? AND concurrencyKey = ?`,
				)
				.all(tenant, concurrencyKey);
			const after = openTiersOf(tenant, concurrencyKey);
			const remove = db.sql(
				`DELETE FROM open_tiers
				WHERE tenant = ? AND concurrencyKey = ? AND concurrencyLimit = ? AND rank = ?`,
			);
			const put = db.sql(
				`INSERT OR REPLACE INTO open_tiers (tenant, concurrencyKey, concurrencyLimit, rank, readyAt)
				VALUES (?, ?, ?, ?, ?)`,
			);
			for (const [limit, rank] of before) {
				if (!after.some((tier) => tier[0] === limit && tier[1] === rank)) {
					remove.run(tenant, concurrencyKey, limit, rank);
				}
			}
			for (const tier of after) {
				if (!before.some((old) => old.every((value, at) => value === tier[at]))) {
					put.run(tenant, concurrencyKey, ...tier);
				}
			}
		},

		anyOpen(tenant, now) {
			const row = db
				.rows(
					`SELECT 1 FROM open_tiers INDEXED BY open_tiers_tenant
					WHERE tenant = ? AND readyAt <= ? LIMIT 1`,
				)
				.get(tenant, now);
			return row !== undefined;
		},

		claimable(tenant, now, limit) {
			const read = db.rows<OpenTier>(
				`SELECT tenant, concurrencyKey, concurrencyLimit, rank, readyAt
				FROM open_tiers INDEXED BY open_tiers_tenant
				WHERE tenant = ? AND readyAt <= ? ORDER BY rank, readyAt LIMIT ?`,
			);
			// Tiers of one key compete for its slots, so as many tiers as are asked for may hold fewer runs.
			for (let most = limit; most > 0; most *= 2) {
				const open = read.all(tenant, now, most);
				const admitted = admit(waitingOf(open, now, limit), limit);
				if (open.length < most) return admitted.map(({ seq }) => seq);
				const [, , , rank = 0, readyAt = 0] = open[most - 1] ?? [];
				if (isSettled(admitted, { wanted: limit, last: { rank, readyAt } }))
					return admitted.map(({ seq }) => seq);
			}
			return [];
		},
	};
}
