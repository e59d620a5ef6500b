import { lookAtOf } from '../shared/look-at.ts';
import {
	attemptRows,
	backfillRows,
	calendarRows,
	deliveryAttemptRows,
	deliveryRows,
	destinationRows,
	keyRows,
	ledgerRows,
	linkRows,
	notificationRows,
	runRows,
	scheduleRows,
} from './rows.ts';
import type { BulkInsert } from './transaction.ts';
import type { Run } from '../../contract/run.ts';
import type { Delivery } from '../../contract/run.ts';

/** How each kind of record is written. */
const plain = <T>(codec: BulkInsert<T>['codec']): BulkInsert<T> => ({ codec });

export const INTO = {
	keys: plain(keyRows),
	destinations: plain(destinationRows),
	calendars: plain(calendarRows),
	schedules: plain(scheduleRows),
	ledger: plain(ledgerRows),
	backfills: plain(backfillRows),
	links: plain(linkRows),
	notifications: plain(notificationRows),
	/** Without keys: those with one need their number at once, see runs.ts. */
	runs: {
		codec: runRows,
		extra: { columns: [['lookAt', 'bigint']], values: (run) => [lookAtOf(run, false)] },
	} satisfies BulkInsert<Run>,
	/** One that was recorded when it ended is not changed by what comes later in its epoch. */
	attempts: { codec: attemptRows, suffix: 'ON CONFLICT DO NOTHING' },
	deliveryAttempts: { codec: deliveryAttemptRows, suffix: 'ON CONFLICT DO NOTHING' },
	/** A run has one delivery to each target, whoever comes first. */
	deliveries: {
		codec: deliveryRows,
		extra: {
			columns: [['artifactSha256', 'text']],
			values: ({ artifact }) => [artifact?.sha256 ?? null],
		},
		suffix: 'ON CONFLICT (runId, targetKey) DO NOTHING RETURNING tenant, state',
		returned(tx, rows) {
			for (const [tenant, state] of rows as readonly [string, string][]) {
				tx.tally('delivery', tenant, null, state);
			}
		},
	} satisfies BulkInsert<Delivery>,
} as const;
