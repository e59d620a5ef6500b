import type { Archive } from '../archive.port.ts';
import type { DoctorStore } from '../doctor.port.ts';
import type { Mending } from '../shared/repair.ts';
import { createRepair as createSharedRepair } from '../shared/repair.ts';
import type { Store } from '../store.port.ts';
import type { BlobTable } from './blobs.ts';
import { ABANDONED, GRACE } from './blobs.ts';
import type { Context } from './context.ts';
import { ORPHANED_TIMERS } from './healing.ts';
import type { Transaction } from './transaction.ts';

/** How many keys are found in one go. */
const FOUND = 100_000;
/** How many of them one commit sees to: no statement comes near the server's limit, and engines wait for no row. */
const BATCH = 1_000;

interface Step {
	/** The keys of what is wrong. It may take as long as it takes: it locks nothing. */
	find: string;
	/** What of these is wrong still is mended. */
	mend: (tx: Transaction, keys: readonly string[], now: number) => Promise<number>;
}

/** Rows that refer to what is not there. */
function orphans(table: string, key: string, parent: string): Step & { gone: string } {
	const none = `NOT EXISTS (SELECT 1 FROM ${parent} p WHERE p.id = x.${key})`;
	const gone = `DELETE FROM ${table} x WHERE x.${key} = ANY($1::text[]) AND ${none}`;
	return {
		find: `SELECT DISTINCT x.${key} FROM ${table} x WHERE ${none}`,
		gone,
		mend: async (tx, keys) => tx.run(gone, [keys]),
	};
}

const DELIVERIES = orphans('deliveries', 'runId', 'runs');

/** @param set may use `$2`, which is now */
function changed(table: string, where: string, set: string): Step {
	const sql = `UPDATE ${table} SET ${set} WHERE id = ANY($1::text[]) AND ${where}`;
	return {
		find: `SELECT id FROM ${table} WHERE ${where}`,
		mend: async (tx, keys, now) => tx.run(sql, sql.includes('$2') ? [keys, now] : [keys]),
	};
}

const MENDINGS: readonly (Omit<Mending, 'mend'> & { steps: readonly Step[] })[] = [
	{
		code: 'ORPHAN',
		message: 'attempts, deliveries, notifications or links of runs that do not exist were removed',
		steps: [
			{
				find: DELIVERIES.find,
				async mend(tx, keys) {
					const sql = `${DELIVERIES.gone} RETURNING tenant, state`;
					const rows = await tx.rows<[tenant: string, state: string]>(sql, [keys]);
					for (const [tenant, state] of rows) tx.tally('delivery', tenant, state, null);
					return rows.length;
				},
			},
			orphans('delivery_attempts', 'deliveryId', 'deliveries'),
			...['run_attempts', 'notifications', 'links'].map((table) => orphans(table, 'runId', 'runs')),
		],
	},
	{
		code: 'LEASE_ENDLESS',
		message: 'leases without an end were ended: the next sweep takes the work over',
		steps: [
			changed('runs', `state = 'running' AND leaseUntil IS NULL`, 'leaseUntil = 0, lookAt = 0'),
			...['deliveries', 'notifications'].map((table) =>
				changed(table, `state = 'sending' AND leaseUntil IS NULL`, 'leaseUntil = 0'),
			),
		],
	},
	{
		code: 'RUN_WAITS_FOR_EVER',
		message: 'runs that waited without a deadline have one now: they end as expired',
		steps: [
			changed(
				'runs',
				`state = 'waiting' AND NOT held AND deadlineAt IS NULL`,
				'deadlineAt = $2::bigint, lookAt = $2::bigint',
			),
		],
	},
	{
		code: 'TIMER_WITHOUT_WORK',
		message: 'timers of what does not ask for one were removed',
		steps: ORPHANED_TIMERS.map((where): Step => ({
			find: `SELECT j.id::text FROM agenda_jobs j WHERE ${where}`,
			mend: async (tx, keys) =>
				tx.run(
					`DELETE FROM agenda_jobs WHERE id IN (SELECT id FROM agenda_jobs j
						WHERE j.id = ANY($1::uuid[]) AND ${where} FOR UPDATE SKIP LOCKED)`,
					[keys],
				),
		})),
	},
];

export function createRepair(
	{ db, write, clock }: Context,
	parts: Pick<Store, 'healTimers'> &
		Pick<DoctorStore, 'doctor'> & {
			archive: Pick<Archive, 'rebuild'>;
			blobs: Pick<BlobTable, 'sweep'>;
		},
): Pick<DoctorStore, 'repair'> {
	const { healTimers, doctor, archive, blobs } = parts;

	/** Again while there may be more; not for what is in somebody's hands just now. */
	async function inBatches(
		find: { sql: string; values: readonly number[] },
		mend: (keys: readonly string[]) => Promise<number>,
	): Promise<number> {
		for (let total = 0; ;) {
			const rows = await db.patiently((on) =>
				on.rows<[string]>(`${find.sql} LIMIT ${FOUND}`, find.values),
			);
			const keys = rows.map(([key]) => key);
			let mended = 0;
			for (let from = 0; from < keys.length; from += BATCH) {
				mended += await mend(keys.slice(from, from + BATCH));
			}
			total += mended;
			if (mended === 0 || keys.length < FOUND) return total;
		}
	}

	return createSharedRepair({
		doctor,
		healTimers,
		rebuild: () => archive.rebuild(),
		mendings: MENDINGS.map(({ code, message, steps }) => ({
			code,
			message,
			async mend(now) {
				let count = 0;
				for (const { find, mend } of steps) {
					count += await inBatches({ sql: find, values: [] }, (keys) =>
						write((tx) => mend(tx, keys, now)),
					);
				}
				return count;
			},
		})),
		bytes: {
			code: 'BLOB_UNREFERENCED',
			message: 'bytes that nothing refers to were removed',
			mend: () =>
				inBatches(
					{ sql: `SELECT b.sha256 FROM blobs b WHERE ${ABANDONED}`, values: [clock.now() - GRACE] },
					(keys) => blobs.sweep(keys, 0),
				),
		},
	});
}
