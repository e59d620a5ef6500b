import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import { keyOf } from './documents.ts';

/**
 * Names that only one may have at a time. A name is reserved before what bears it is written, under an `_id` made of
 * it, and given back after that is gone. A reservation whose holder never came is free after a while.
 */
export interface Names {
	/** @returns whether the holder has it now */
	reserve(name: string, holder: string): Promise<boolean>;
	release(names: readonly { name: string; holder: string }[]): Promise<void>;
}

const ABANDONED = 60_000;

export function nameOf(kind: 'destination' | 'calendar', tenant: string, name: string): string {
	return keyOf(kind, String(tenant), String(name));
}

/** @param isThere whether the holder has come, by its id */
export function createNames(
	{ db, clock }: Pick<Context, 'db' | 'clock'>,
	isThere: (kind: string, holder: string) => Promise<boolean>,
): Names {
	return {
		async reserve(name, holder) {
			for (let tries = 0; tries < 5; tries++) {
				const at = clock.now();
				const kind = String((JSON.parse(name) as string[])[0]);
				await db.run(async () =>
					db
						.of('names')
						.updateOne({ _id: name }, { $setOnInsert: { holder, at, kind } }, { upsert: true }),
				);
				const doc = await db.run(async () => db.of('names').findOne({ _id: name }));
				if (doc === null) continue;
				if (doc['holder'] === holder) return true;
				if (Number(doc['at']) > at - ABANDONED || (await isThere(kind, String(doc['holder'])))) {
					return false;
				}
				const filter = { _id: name, holder: doc['holder'], at: doc['at'] } as Partial<Doc>;
				await db.run(async () => db.of('names').updateOne(filter, { $set: { holder, at } }));
			}
			return false;
		},
		async release(names) {
			if (names.length === 0) return;
			await db.run(async () =>
				db
					.of('names')
					.bulkWrite(
						names.map(({ name, holder }) => ({ deleteOne: { filter: { _id: name, holder } } })),
					),
			);
		},
	};
}
