import type { Archive } from '../archive.port.ts';
import type { DoctorStore } from '../doctor.port.ts';
import type { Mending } from '../shared/repair.ts';
import { createRepair as createSharedRepair } from '../shared/repair.ts';
import type { Store } from '../store.port.ts';
import type { BlobTable } from './blobs.ts';
import { UNREFERENCED } from './blobs.ts';
import type { Context } from './context.ts';
import { ORPHANED_TIMERS } from './healing.ts';
import type { Transaction } from './transaction.ts';

/** How many blobs are removed in one go. */
const BLOBS = 1_000;

const ofNoRun = (table: string): string =>
	`DELETE FROM ${table} x WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = x.runId)`;

/** Each in one transaction, which sees the work of engines as it was committed, whole. */
const MENDINGS: readonly (Omit<Mending, 'mend'> & {
	mend: (tx: Transaction, now: number) => Promise<number>;
})[] = [
	{
		code: 'ORPHAN',
		message: 'attempts, deliveries, notifications or links of runs that do not exist were removed',
		async mend(tx) {
			const deliveries = await tx.rows<[id: string, tenant: string, state: string]>(
				`${ofNoRun('deliveries')} RETURNING id, tenant, state`,
			);
			for (const [, tenant, state] of deliveries) tx.tally('delivery', tenant, state, null);
			let count = deliveries.length;
			count += await tx.run(
				`DELETE FROM delivery_attempts x WHERE NOT EXISTS
					(SELECT 1 FROM deliveries d WHERE d.id = x.deliveryId)`,
			);
			for (const table of ['run_attempts', 'notifications', 'links']) {
				count += await tx.run(ofNoRun(table));
			}
			return count;
		},
	},
	{
		code: 'LEASE_ENDLESS',
		message: 'leases without an end were ended: the next sweep takes the work over',
		async mend(tx) {
			const runs = await tx.run(
				`UPDATE runs SET leaseUntil = 0, lookAt = 0 WHERE state = 'running' AND leaseUntil IS NULL`,
			);
			const others = ['deliveries', 'notifications'].map(async (table) =>
				tx.run(`UPDATE ${table} SET leaseUntil = 0 WHERE state = 'sending' AND leaseUntil IS NULL`),
			);
			return (await Promise.all(others)).reduce((sum, n) => sum + n, runs);
		},
	},
	{
		code: 'RUN_WAITS_FOR_EVER',
		message: 'runs that waited without a deadline have one now: they end as expired',
		mend: async (tx, now) =>
			tx.run(
				`UPDATE runs SET deadlineAt = $1::bigint, lookAt = $1::bigint
				WHERE state = 'waiting' AND NOT held AND deadlineAt IS NULL`,
				[now],
			),
	},
	{
		code: 'TIMER_WITHOUT_WORK',
		message: 'timers of what does not ask for one were removed',
		async mend(tx) {
			let count = 0;
			for (const where of ORPHANED_TIMERS) {
				count += await tx.run(
					`DELETE FROM agenda_jobs WHERE id IN
						(SELECT id FROM agenda_jobs j WHERE ${where} FOR UPDATE SKIP LOCKED)`,
				);
			}
			return count;
		},
	},
];

export function createRepair(
	{ db, write }: Context,
	parts: Pick<Store, 'healTimers'> &
		Pick<DoctorStore, 'doctor'> & {
			archive: Pick<Archive, 'rebuild'>;
			blobs: Pick<BlobTable, 'sweep'>;
		},
): Pick<DoctorStore, 'repair'> {
	const { healTimers, doctor, archive, blobs } = parts;
	return createSharedRepair({
		doctor,
		healTimers,
		rebuild: () => archive.rebuild(),
		mendings: MENDINGS.map(({ code, message, mend }) => {
			return { code, message, mend: (now) => write(async (tx) => mend(tx, now)) };
		}),
		bytes: {
			code: 'BLOB_UNREFERENCED',
			message: 'bytes that nothing refers to were removed',
			async mend() {
				for (let total = 0; ;) {
					const rows = await db.rows<[string]>(
						`SELECT sha256 FROM blobs b WHERE stagedAt IS NULL AND ${UNREFERENCED} LIMIT ${BLOBS}`,
					);
					const names = rows.map(([sha256]) => sha256);
					const removed = names.length === 0 ? 0 : await blobs.sweep(names, 0);
					total += removed;
					// Those that stay are in somebody's hands just now.
					if (removed === 0) return total;
				}
			},
		},
	});
}
