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

const DUE = `(state = 'pending' OR state = 'failed')`;

/** As they became due. */
function dueNotifications(columns: string): string {
	return `SELECT ${columns}, seq FROM notifications WHERE ${DUE} AND dueAt <= $1
		ORDER BY dueAt, seq LIMIT $2 FOR UPDATE SKIP LOCKED`;
}

/** One look into the index for each priority in use, and one more: mostly there is one. */
function dueDeliveries(
	columns: string,
	{ limit = '$2', lock = 'FOR UPDATE SKIP LOCKED' } = {},
): string {
	const highest = (where: string): string =>
		`SELECT priority FROM deliveries d WHERE ${DUE} ${where} ORDER BY priority DESC LIMIT 1`;
	return `SELECT found.* FROM (
			WITH RECURSIVE used AS ((${highest('')}) UNION ALL
				SELECT following.* FROM used, LATERAL (${highest('AND d.priority < used.priority')}) following)
			SELECT priority FROM used) used,
		LATERAL (SELECT ${columns}, seq FROM deliveries WHERE ${DUE} AND priority = used.priority
			AND dueAt <= $1 ORDER BY dueAt, seq LIMIT ${limit} ${lock}) found
		ORDER BY found.priority DESC, found.dueAt, found.seq LIMIT ${limit}`;
}

/**
 * Claims rows that are due, each by one engine: what another has in its hands is skipped. The columns are
 * returned as they were before.
 */
export function claimStatement(table: 'deliveries' | 'notifications', columns: string): string {
	const [due, order] =
		table === 'deliveries'
			? [dueDeliveries(columns), 'priority DESC, dueAt, seq']
			: [dueNotifications(columns), 'dueAt, seq'];
	return `WITH due AS MATERIALIZED (${due}),
		claimed AS (UPDATE ${table} t SET state = 'sending', owner = $3, leaseUntil = $4,
			epoch = t.epoch + 1, attempt = t.attempt + 1 FROM due WHERE t.seq = due.seq)
		SELECT ${columns} FROM due ORDER BY ${order}`;
}

/** Whether there may be anything to claim. */
export function dueStatement(table: 'deliveries' | 'notifications'): string {
	return table === 'notifications'
		? `SELECT 1 FROM notifications WHERE ${DUE} AND dueAt <= $1 LIMIT 1`
		: dueDeliveries('priority, dueAt', { limit: '1', lock: '' });
}
