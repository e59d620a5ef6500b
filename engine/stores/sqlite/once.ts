import type { IdempotencyRecord, Once } from '../store.port.ts';
import type { Context } from './context.ts';
import { idempotencyRows } from './rows.ts';

/**
 * Runs the work unless an earlier write under the same key is there, and remembers it: inside a write, so
 * that the record and what it guards are one commit. Work that throws leaves neither.
 */
export function once<T>(
	{ db, clock }: Context,
	record: IdempotencyRecord | undefined,
	work: () => T,
): Once<T> {
	const earlier = record === undefined ? null : findIdempotent(db, record, clock.now());
	if (earlier !== null) return { replayed: true, earlier };
	const value = work();
	if (record !== undefined) remember(db, record);
	return { replayed: false, value };
}

export function findIdempotent(
	db: Context['db'],
	{ tenant, key }: { tenant: string; key: string },
	now: number,
): IdempotencyRecord | null {
	const row = db
		.rows(
			`SELECT ${idempotencyRows.columns} FROM idempotency
			WHERE tenant = ? AND key = ? AND expiresAt > ?`,
		)
		.get(tenant, key, now);
	return row === undefined ? null : idempotencyRows.fromRow(row);
}

function remember(db: Context['db'], record: IdempotencyRecord): void {
	// The one that may be there has expired.
	db.sql(idempotencyRows.insertOrReplace).run(...idempotencyRows.toRow(record));
}
