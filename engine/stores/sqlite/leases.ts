import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

const LEASED = {
	run: { table: 'runs', set: 'leaseUntil = ?1, lookAt = ?1', state: 'running' },
	delivery: { table: 'deliveries', set: 'leaseUntil = ?1', state: 'sending' },
	notification: { table: 'notifications', set: 'leaseUntil = ?1', state: 'sending' },
} as const;

export function createLeases({ db, write }: Context): Pick<Store, 'renewLeases'> {
	return {
		renewLeases: (kind, held, leaseUntil) =>
			write(() => {
				const { table, set, state } = LEASED[kind];
				const statement = db.sql(
					`UPDATE ${table} SET ${set} WHERE id = ?2 AND epoch = ?3 AND state = '${state}'`,
				);
				const renewed = new Set<string>();
				for (const { id, epoch } of held) {
					if (statement.run(leaseUntil, id, epoch).changes === 1) renewed.add(id);
				}
				return renewed;
			}),
	};
}

/** The columns that a claim sets, for a row that is found again by `seq` in the state that it leaves. */
export function claimStatement(table: string, to: string): string {
	return `UPDATE ${table} SET state = '${to}', owner = ?, leaseUntil = ?, epoch = epoch + 1,
		attempt = attempt + 1 WHERE seq = ? AND state = ?`;
}
