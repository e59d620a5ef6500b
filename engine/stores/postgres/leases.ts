import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

const LEASED = {
	run: { table: 'runs', set: 'leaseUntil = $1, lookAt = $1', state: 'running' },
	delivery: { table: 'deliveries', set: 'leaseUntil = $1', state: 'sending' },
	notification: { table: 'notifications', set: 'leaseUntil = $1', state: 'sending' },
} as const;

/** Rows are locked in the order of their ids before they are changed, so that no two writes wait in a circle. */
function renewal(kind: keyof typeof LEASED): string {
	const { table, set, state } = LEASED[kind];
	return `WITH held AS (SELECT t.seq FROM ${table} t
			JOIN unnest($2::text[], $3::bigint[]) AS u (id, epoch) ON t.id = u.id AND t.epoch = u.epoch
			WHERE t.state = '${state}' ORDER BY t.id FOR UPDATE OF t)
		UPDATE ${table} t SET ${set} FROM held WHERE t.seq = held.seq RETURNING t.id`;
}

export function createLeases({ write }: Context): Pick<Store, 'renewLeases'> {
	return {
		async renewLeases(kind, held, leaseUntil) {
			if (held.length === 0) return new Set();
			const rows = await write((tx) =>
				tx.rows<[string]>(renewal(kind), [
					leaseUntil,
					held.map(({ id }) => id),
					held.map(({ epoch }) => epoch),
				]),
			);
			return new Set(rows.map(([id]) => id));
		},
	};
}

/**
 * Claims rows that are due, each by one engine: what another has in its hands is skipped. The columns are
 * returned as they were before, with `seq`.
 */
export function claimStatement(table: 'deliveries' | 'notifications', columns: string): string {
	return `WITH due AS (SELECT ${columns}, seq FROM ${table}
			WHERE (state = 'pending' OR state = 'failed') AND dueAt <= $1
			ORDER BY dueAt, seq LIMIT $2 FOR UPDATE SKIP LOCKED),
		claimed AS (UPDATE ${table} t SET state = 'sending', owner = $3, leaseUntil = $4,
			epoch = t.epoch + 1, attempt = t.attempt + 1 FROM due WHERE t.seq = due.seq)
		SELECT ${columns} FROM due ORDER BY dueAt, seq`;
}

/** Whether there may be anything to claim. */
export function dueStatement(table: 'deliveries' | 'notifications'): string {
	return `SELECT 1 FROM ${table} WHERE (state = 'pending' OR state = 'failed') AND dueAt <= $1 LIMIT 1`;
}
