import type { Database } from './database.ts';

export type Mark = 'runsPrunedUntil' | 'ledgerPrunedUntil' | 'checkedAt';

/** Inside a write. */
export function setMark(db: Database, name: Mark, value: number): void {
	db.sql(
		`INSERT INTO marks (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
	).run(name, value);
}

export function getMark(db: Database, name: Mark): number | null {
	return db.rows<[number]>('SELECT value FROM marks WHERE name = ?').get(name)?.[0] ?? null;
}
