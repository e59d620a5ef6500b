import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

const LEASED = {
	run: { table: 'runs', state: 'running' },
	delivery: { table: 'deliveries', state: 'sending' },
	notification: { table: 'notifications', state: 'sending' },
} as const;

export function createLeases({ db, write }: Context): Pick<Store, 'renewLeases'> {
	return {
		renewLeases: (kind, held, leaseUntil) =>
			write(() => {
				const { table, state } = LEASED[kind];
				const statement = db.sql(
					`UPDATE ${table} SET leaseUntil = ? WHERE id = ? AND epoch = ? AND state = '${state}'`,
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
export function claimStatement(table: string, from: string, to: string, more = ''): string {
	return `UPDATE ${table} SET state = '${to}', owner = ?, leaseUntil = ?, epoch = epoch + 1,
		attempt = attempt + 1${more} WHERE seq = ? AND state = ${from}`;
}
