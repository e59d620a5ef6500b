import type { NotificationSettlement } from '../../contract/change.ts';
import type { Notification, NotificationState } from '../../contract/run.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import type { createDestinations } from './destinations.ts';
import { createGather } from './gather.ts';
import { claimStatement } from './leases.ts';
import { notificationRows } from './rows.ts';
import { sendableHolds } from '../shared/sendable-guard.ts';
import { settleEach } from './settle-each.ts';
import { assignments } from './updates.ts';

interface Notifications {
	port: Pick<
		Store,
		| 'claimNotifications'
		| 'settleNotifications'
		| 'listExpiredNotifications'
		| 'releaseNotifications'
	>;
	/** Inside a write. */
	insertNotification(notification: Notification): void;
	ofRun(tenant: string, runId: string): Notification[];
}

const SELECT = `SELECT ${notificationRows.columns}`;
const CLAIM = claimStatement('notifications', 'sending');

export function createNotifications(
	context: Context,
	parts: { destinations: Pick<ReturnType<typeof createDestinations>, 'disable'> },
): Notifications {
	const { db, write, clock, timers } = context;

	/** As for deliveries. */
	function setTimer(id: string, state: NotificationState, dueAt: number): void {
		const waits = (state === 'pending' || state === 'failed') && dueAt > clock.now();
		if (waits) timers.set('notification.due', id, dueAt);
		else timers.remove(id, 'notification.due');
	}

	function settle(tx: Transaction, settlement: NotificationSettlement): boolean {
		const { notificationId, set, disable } = settlement;
		const row = db
			.rows<[number, string, NotificationState, number, number, number | null]>(
				'SELECT seq, tenant, state, epoch, dueAt, leaseUntil FROM notifications WHERE id = ?',
			)
			.get(notificationId);
		if (row === undefined) return false;
		const [seq, tenant, state, epoch, dueAt, leaseUntil] = row;
		if (!sendableHolds({ tenant, state, epoch, leaseUntil }, settlement)) return false;

		const { sql, values } = assignments(notificationRows, set);
		if (sql !== '') {
			const update = db.sql(
				`UPDATE notifications SET ${sql} WHERE seq = ? AND state = ? AND epoch = ?`,
			);
			if (update.run(...values, seq, state, epoch).changes !== 1) return false;
		}
		setTimer(notificationId, set.state ?? state, set.dueAt ?? dueAt);
		if (disable !== undefined) parts.destinations.disable(tenant, disable);
		tx.events(settlement.events);
		return true;
	}

	function claim(
		tx: Transaction,
		{ now, limit: most, owner, leaseUntil }: ClaimRequest,
		events: ClaimEvents,
	): Notification[] {
		const limit = typeof most === 'number' ? most : most();
		const seqAt = notificationRows.columns.split(', ').length;
		const rows = db
			.rows(
				`${SELECT}, seq FROM notifications INDEXED BY notifications_due
				WHERE (state = 'pending' OR state = 'failed') AND dueAt <= ? ORDER BY dueAt, seq LIMIT ?`,
			)
			.all(now, limit);
		const update = db.sql(CLAIM);
		return rows.map((row) => {
			const notification = notificationRows.fromRow(row);
			update.run(owner, leaseUntil, row[seqAt] as number, notification.state);
			timers.remove(notification.id, 'notification.due');
			notification.state = 'sending';
			notification.owner = owner;
			notification.leaseUntil = leaseUntil;
			notification.epoch += 1;
			notification.attempt += 1;
			tx.events([events.notification(notification)]);
			return notification;
		});
	}

	return {
		insertNotification(notification) {
			db.sql(notificationRows.insert).run(...notificationRows.toRow(notification));
			const { id, state, dueAt } = notification;
			if (dueAt > clock.now()) setTimer(id, state, dueAt);
		},

		ofRun: (tenant, runId) =>
			db
				.rows(`${SELECT} FROM notifications WHERE runId = ? AND tenant = ? ORDER BY notifyKey`)
				.all(runId, tenant)
				.map(notificationRows.fromRow),

		port: {
			claimNotifications: (request, events) => write((tx) => claim(tx, request, events)),

			settleNotifications: createGather(
				write,
				(tx, settlements: readonly NotificationSettlement[]) =>
					settleEach(context, tx, settlements, {
						where: 'settleNotifications',
						idOf: ({ notificationId }) => notificationId,
						settle: (settlement) => settle(tx, settlement),
					}),
			),

			async listExpiredNotifications(now, limit, except) {
				return db
					.rows(
						`${SELECT} FROM notifications INDEXED BY notifications_leased WHERE state = 'sending'
					AND (leaseUntil < ? OR owner <> ?) ORDER BY leaseUntil LIMIT ?`,
					)
					.all(now, except ?? null, limit)
					.map(notificationRows.fromRow);
			},

			releaseNotifications: (tenant, runId, now) =>
				write(() => {
					const released = db
						.rows<[string]>(
							`UPDATE notifications SET dueAt = ?
						WHERE runId = ? AND tenant = ? AND state = 'pending' AND dueAt > ? RETURNING id`,
						)
						.all(now, runId, tenant, now);
					for (const [id] of released) timers.remove(id, 'notification.due');
				}),
		},
	};
}
