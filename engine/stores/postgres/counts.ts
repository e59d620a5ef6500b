import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { TIMER_NAMES } from './timers.ts';
import type { Gathered, Transaction } from './transaction.ts';

/** How many engines write counts without ever waiting for each other. */
const SHARDS = 16;

interface Counts {
	port: Pick<Store, 'counts'>;
	/** Sends one of the last statements of a commit. */
	append(tx: Pick<Transaction, 'later'>, gathered: Gathered): void;
}

/**
 * How many rows are in each state: kept by every commit, so that asking costs nothing. Each engine counts in a
 * shard of its own, picked at random: two that meet in one only wait for each other.
 */
export function createCounts({ db }: Pick<Context, 'db'>): Counts {
	const shard = Math.floor(Math.random() * SHARDS);
	return {
		append(tx, { tallies }) {
			const changed = [...tallies].filter(([, count]) => count !== 0).sort();
			if (changed.length === 0) return;
			const parts = changed.map(([key]) => key.split('|'));
			tx.later(
				`INSERT INTO tallies AS t (tenant, kind, state, shard, count)
				SELECT tenant, kind, state, $5, count
				FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u (kind, tenant, state, count)
				ON CONFLICT (tenant, kind, state, shard) DO UPDATE SET count = t.count + excluded.count`,
				[
					parts.map(([kind = '']) => kind),
					parts.map(([, tenant = '']) => tenant),
					parts.map(([, , state = '']) => state),
					changed.map(([, count]) => count),
					shard,
				],
			);
		},

		port: {
			async counts(tenant) {
				const rows = await db.rows<[kind: string, state: string, count: number]>(
					`SELECT kind, state, sum(count)::bigint FROM tallies
					WHERE $1::text IS NULL OR tenant = $1 GROUP BY kind, state`,
					[tenant ?? null],
				);
				const byState = (wanted: string): Record<string, number> =>
					Object.fromEntries(
						rows
							.filter(([kind, , n]) => kind === wanted && n !== 0)
							.map(([, state, n]) => [state, n]),
					);
				const timers = await db.get<[number]>(
					'SELECT count(*) FROM agenda_jobs WHERE name = ANY($1::text[])',
					[[...TIMER_NAMES]],
				);
				return {
					schedules: byState('schedule'),
					runs: byState('run'),
					deliveries: byState('delivery'),
					timers: timers?.[0] ?? 0,
				};
			},
		},
	};
}
