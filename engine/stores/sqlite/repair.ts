import type { DoctorStore } from '../doctor.port.ts';
import { SHARDS } from '../files/blob-files.ts';
import { BELONGING } from '../shared/orphans.ts';
import type { Mending } from '../shared/repair.ts';
import { createRepair as createSharedRepair } from '../shared/repair.ts';
import type { Archive } from '../archive.port.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { ORPHANED_TIMERS } from './healing.ts';

/** Statements that mend; each says how many rows it changed. `?1` is now. */
const STATEMENTS: readonly (Omit<Mending, 'mend'> & { sql: readonly string[] })[] = [
	{
		code: 'ORPHAN',
		message: 'attempts, deliveries, notifications or links of runs that do not exist were removed',
		sql: BELONGING.map(
			({ table, parent, key }) =>
				`DELETE FROM ${table} AS x WHERE NOT EXISTS (SELECT 1 FROM ${parent} p WHERE p.id = x.${key})`,
		),
	},
	{
		code: 'LEASE_ENDLESS',
		message: 'leases without an end were ended: the next sweep takes the work over',
		sql: [
			`UPDATE runs SET leaseUntil = 0, lookAt = 0 WHERE state = 'running' AND leaseUntil IS NULL`,
			`UPDATE deliveries SET leaseUntil = 0 WHERE state = 'sending' AND leaseUntil IS NULL`,
			`UPDATE notifications SET leaseUntil = 0 WHERE state = 'sending' AND leaseUntil IS NULL`,
		],
	},
	{
		code: 'RUN_WAITS_FOR_EVER',
		message: 'runs that waited without a deadline have one now: they end as expired',
		sql: [
			`UPDATE runs SET deadlineAt = ?1, lookAt = ?1
				WHERE state = 'waiting' AND held = 0 AND deadlineAt IS NULL`,
		],
	},
	{
		code: 'TIMER_WITHOUT_WORK',
		message: 'timers of what does not ask for one were removed',
		sql: ORPHANED_TIMERS.map((where) => `DELETE FROM agenda_jobs AS j WHERE ${where}`),
	},
];

export function createRepair(
	{ db, write }: Context,
	parts: Pick<Store, 'healTimers'> &
		Pick<DoctorStore, 'doctor'> & {
			archive: Pick<Archive, 'rebuild'>;
			/** Removes files of one folder that nothing refers to. */
			sweepFiles: () => number;
		},
): Pick<DoctorStore, 'repair'> {
	const { healTimers, doctor, archive, sweepFiles } = parts;
	const rows = STATEMENTS.map(({ code, message, sql }): Mending => {
		const mend: Mending['mend'] = (now) =>
			write(() => {
				let count = 0;
				for (const one of sql) {
					const values = one.includes('?1') ? [now] : [];
					count += Number(db.sql(one).run(...values).changes);
				}
				return count;
			});
		return { code, message, mend };
	});
	const files: Mending = {
		code: 'BLOB_UNREFERENCED',
		message: 'files that nothing refers to were removed',
		async mend() {
			let count = 0;
			for (let shard = 0; shard < SHARDS; shard++) {
				count += sweepFiles();
				// The disk is worked on here, folder by folder: others have their turn between.
				await new Promise(setImmediate);
			}
			return count;
		},
	};
	return createSharedRepair({
		doctor,
		healTimers,
		rebuild: () => archive.rebuild(),
		mendings: rows,
		bytes: files,
	});
}
