import type { Store, StoreCounts } from '../store.port.ts';
import type { Context } from './context.ts';
import { is } from './documents.ts';
import { TIMER_NAMES } from './timers.ts';

/** An answer that took long is good for this many times as long: counting never takes more than a part of the time. */
const SPARED = 20;

/**
 * How many rows are in each state, counted by an index of tenant and state. Counts that were kept by the writes
 * would be wrong after a write whose effects are carried out twice.
 */
export function createCounts({ db, clock }: Pick<Context, 'db' | 'clock'>): Pick<Store, 'counts'> {
	const kept = new Map<string, { until: number; counts: Promise<StoreCounts> }>();

	async function byState(
		name: 'schedules' | 'runs' | 'deliveries',
		tenant: string | undefined,
	): Promise<Record<string, number>> {
		// Of all tenants: the same index, from end to end, and no documents.
		const match = { tenant: tenant === undefined ? { $gte: '' } : is(tenant) };
		const rows = await db.run(async () =>
			db
				.of(name)
				.aggregate<{ _id: string; n: number }>([
					{ $match: match },
					{ $group: { _id: '$state', n: { $sum: 1 } } },
				])
				.toArray(),
		);
		return Object.fromEntries(rows.map(({ _id, n }) => [_id, n]));
	}

	async function count(tenant: string | undefined): Promise<StoreCounts> {
		const [schedules, runs, deliveries, timers] = await Promise.all([
			byState('schedules', tenant),
			byState('runs', tenant),
			byState('deliveries', tenant),
			db.run(async () => db.timers().countDocuments({ name: { $in: [...TIMER_NAMES] } })),
		]);
		return { schedules, runs, deliveries, timers };
	}

	return {
		async counts(tenant) {
			const key = tenant ?? '';
			const began = clock.monotonic();
			const known = kept.get(key);
			if (known !== undefined && known.until > began) return known.counts;
			const counts = count(tenant);
			await counts;
			const took = clock.monotonic() - began;
			if (took > 50) kept.set(key, { until: began + took * (1 + SPARED), counts });
			else kept.delete(key);
			return counts;
		},
	};
}
