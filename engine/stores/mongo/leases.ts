import { randomBytes } from 'node:crypto';

import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Fields } from './documents.ts';

const LEASED = {
	run: { into: 'runs', key: '_id', field: 'look', state: 'running' },
	delivery: { into: 'deliveries', key: 'id', field: 'leased', state: 'sending' },
	notification: { into: 'notifications', key: 'id', field: 'leased', state: 'sending' },
} as const;

export function createLeases({ db }: Context): Pick<Store, 'renewLeases'> {
	return {
		/**
		 * One update for all that are in the same epoch (mostly one or two), each document by itself; who has
		 * not got its mark was fenced. Renewing twice is harmless.
		 */
		async renewLeases(kind, held, leaseUntil) {
			const { into, key, field, state } = LEASED[kind];
			const byEpoch = Map.groupBy(held, ({ epoch }) => epoch);
			const mark = randomBytes(9).toString('base64url');
			const renewed = new Set<string>();
			for (const [epoch, items] of byEpoch) {
				const ids = items.map(({ id }) => String(id));
				const filter: Fields = { [key]: { $in: ids }, epoch: { $eq: epoch }, state };
				const update = {
					$set: { leaseUntil, [field]: leaseUntil, renewal: mark },
					$inc: { v: 1 },
				} as never;
				const { matchedCount } = await db.run(async () => db.of(into).updateMany(filter, update));
				if (matchedCount === ids.length) {
					for (const id of ids) renewed.add(id);
					continue;
				}
				const found = await db.run(async () =>
					db
						.of(into)
						.find({ ...filter, renewal: mark })
						.project<Fields>({ [key]: 1 })
						.toArray(),
				);
				for (const doc of found) renewed.add(doc[key] as string);
			}
			return renewed;
		},
	};
}
