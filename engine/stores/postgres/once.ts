import type { IdempotencyRecord, Once } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import type { Queryable, SqlValue } from './database.ts';
import { idempotencyRows } from './rows.ts';

/**
 * Runs the work unless an earlier write under the same key is there: inside a write, so that the record and
 * what it guards are one commit, and work that throws leaves neither. The record goes first: of two engines
 * that get the same request, the second waits for the first to commit, and finds its record.
 */
export async function once<T>(
	{ clock }: Pick<Context, 'clock'>,
	tx: Transaction,
	record: IdempotencyRecord | undefined,
	work: () => Promise<T>,
): Promise<Once<T>> {
	const earlier = record === undefined ? null : await remember(tx, record, clock.now());
	if (earlier !== null) return { replayed: true, earlier };
	return { replayed: false, value: await work() };
}

/** @returns the earlier one; null when this one is kept now. One that has expired gives way. */
async function remember(
	tx: Transaction,
	record: IdempotencyRecord,
	now: number,
): Promise<IdempotencyRecord | null> {
	const { tenant, key, fingerprint, expiresAt, response } = record;
	const values: SqlValue[] = [tenant, key, fingerprint, expiresAt, response, now];
	const kept = await tx.run(
		`INSERT INTO idempotency AS i (tenant, key, fingerprint, expiresAt, response)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, key) DO UPDATE SET fingerprint = excluded.fingerprint,
			expiresAt = excluded.expiresAt, response = excluded.response
		WHERE i.expiresAt <= $6`,
		values,
	);
	return kept === 1 ? null : findIdempotent(tx, record, now);
}

export async function findIdempotent(
	on: Queryable,
	{ tenant, key }: { tenant: string; key: string },
	now: number,
): Promise<IdempotencyRecord | null> {
	const row = await on.get(
		`SELECT ${idempotencyRows.columns} FROM idempotency
		WHERE tenant = $1 AND key = $2 AND expiresAt > $3`,
		[tenant, key, now],
	);
	return row === undefined ? null : idempotencyRows.fromRow(row);
}
