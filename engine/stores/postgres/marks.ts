import type { Queryable } from './database.ts';

export type Mark = 'runsPrunedUntil' | 'ledgerPrunedUntil' | 'checkedAt' | 'eventBase';

export async function setMark(on: Queryable, name: Mark, value: number): Promise<void> {
	await on.run(
		`INSERT INTO marks (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		[name, value],
	);
}

export async function getMark(on: Queryable, name: Mark): Promise<number | null> {
	const row = await on.get<[number]>('SELECT value FROM marks WHERE name = $1', [name]);
	return row?.[0] ?? null;
}
