import type { Store } from '../store.port.ts';
import type { Gathered } from './committer.ts';
import type { Context } from './context.ts';
import { TIMER_NAMES } from './timers.ts';

interface Counts {
	port: Pick<Store, 'counts'>;
	/** The last statements of a commit. */
	append(gathered: Gathered): void;
}

/** How many rows are in each state: kept by every commit, so that asking costs nothing. */
export function createCounts({ db }: Pick<Context, 'db'>): Counts {
	return {
		append({ tallies }) {
			const upsert = db.sql(
				`INSERT INTO tallies (tenant, kind, state, count) VALUES (?, ?, ?, ?)
				ON CONFLICT (tenant, kind, state) DO UPDATE SET count = count + excluded.count`,
			);
			for (const [key, count] of tallies) {
				const [kind = '', tenant = '', state = ''] = key.split('|');
				if (count !== 0) upsert.run(tenant, kind, state, count);
			}
		},

		port: {
			async counts(tenant) {
				const of = tenant === undefined ? '' : 'WHERE tenant = ?';
				const rows = db
					.rows<[kind: string, state: string, count: number]>(
						`SELECT kind, state, sum(count) FROM tallies ${of} GROUP BY kind, state`,
					)
					.all(...(tenant === undefined ? [] : [tenant]));
				const byState = (wanted: string): Record<string, number> =>
					Object.fromEntries(
						rows
							.filter(([kind, , n]) => kind === wanted && n !== 0)
							.map(([, state, n]) => [state, n]),
					);
				const timers = db
					.rows<[number]>(
						`SELECT count(*) FROM agenda_jobs WHERE name IN (${TIMER_NAMES.map(() => '?').join(', ')})`,
					)
					.get(...TIMER_NAMES)?.[0];
				return {
					schedules: byState('schedule'),
					runs: byState('run'),
					deliveries: byState('delivery'),
					timers: timers ?? 0,
				};
			},
		},
	};
}
