import type { Database } from './database.ts';
import { is } from './documents.ts';

export type Mark = 'runsPrunedUntil' | 'ledgerPrunedUntil' | 'checkedAt';

export async function setMark(db: Database, name: Mark, value: number): Promise<void> {
	await db.run(async () =>
		db.of('marks').updateOne({ _id: name }, { $max: { value } }, { upsert: true }),
	);
}

export async function getMark(db: Database, name: Mark): Promise<number | null> {
	const doc = await db.run(async () => db.of('marks').findOne({ _id: is(name) as never }));
	return (doc?.['value'] as number | undefined) ?? null;
}
