import type { NotificationSettlement } from '../../contract/change.ts';
import type { Notification, NotificationState } from '../../contract/run.ts';
import { sendableHolds } from '../shared/sendable-guard.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { createDestinations } from './destinations.ts';
import { createGather } from './gather.ts';
import { INTO } from './inserts.ts';
import { claimStatement, dueStatement } from './leases.ts';
import { notificationRows } from './rows.ts';
import type { Transaction } from './transaction.ts';
import type { RowUpdate } from './updates.ts';
import { updateMany } from './updates.ts';
import { inWaves } from './waves.ts';

interface Notifications {
	port: Pick<
		Store,
		| 'claimNotifications'
		| 'settleNotifications'
		| 'listExpiredNotifications'
		| 'releaseNotifications'
	>;
	/** Inside a write. */
	insertNotification(tx: Transaction, notification: Notification): void;
	ofRun(tenant: string, runId: string): Promise<Notification[]>;
}

const SELECT = `SELECT ${notificationRows.columns}`;
const CLAIM = claimStatement('notifications', notificationRows.columns);
const DUE = dueStatement('notifications');
const READ = `SELECT id, seq, tenant, state, epoch, dueAt, leaseUntil FROM notifications
	WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`;

type Guarded = [
	id: string,
	seq: number,
	tenant: string,
	state: NotificationState,
	epoch: number,
	dueAt: number,
	leaseUntil: number | null,
];

export function createNotifications(
	context: Context,
	parts: { destinations: Pick<ReturnType<typeof createDestinations>, 'disable'> },
): Notifications {
	const { db, write, clock, onFault } = context;

	/** As for deliveries. */
	function setTimer(tx: Transaction, id: string, state: NotificationState, dueAt: number): void {
		const waits = (state === 'pending' || state === 'failed') && dueAt > clock.now();
		if (waits) tx.setTimer('notification.due', id, dueAt);
		else tx.removeTimers(id, 'notification.due');
	}

	async function settleWave(
		tx: Transaction,
		settlements: readonly NotificationSettlement[],
	): Promise<boolean[]> {
		await tx.flush();
		const ids = settlements.map(({ notificationId }) => notificationId);
		const rows = await tx.rows<Guarded>(READ, [ids]);
		const byId = new Map(rows.map((row) => [row[0], row]));
		const updates: RowUpdate<Notification>[] = [];
		const answers = settlements.map((settlement) => {
			const row = byId.get(settlement.notificationId);
			if (row === undefined) return false;
			const [id, seq, tenant, state, epoch, dueAt, leaseUntil] = row;
			const { set, disable } = settlement;
			if (!sendableHolds({ tenant, state, epoch, leaseUntil }, settlement)) return false;
			updates.push({ key: seq, set });
			setTimer(tx, id, set.state ?? state, set.dueAt ?? dueAt);
			if (disable !== undefined) parts.destinations.disable(tx, tenant, disable);
			tx.events(settlement.events);
			return true;
		});
		updateMany(tx, { codec: notificationRows, key: 'seq', type: 'bigint' }, updates);
		return answers;
	}

	async function claim(
		tx: Transaction,
		{ now, limit: most, owner, leaseUntil }: ClaimRequest,
		events: ClaimEvents,
	): Promise<Notification[]> {
		const limit = typeof most === 'number' ? most : most();
		if (limit <= 0) return [];
		await tx.flush();
		const rows = await tx.rows(CLAIM, [now, limit, owner, leaseUntil]);
		return rows.map((row) => {
			const notification = notificationRows.fromRow(row);
			tx.removeTimers(notification.id, 'notification.due');
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
		insertNotification(tx, notification) {
			tx.insert(INTO.notifications, notification);
			const { id, state, dueAt } = notification;
			if (dueAt > clock.now()) setTimer(tx, id, state, dueAt);
		},

		async ofRun(tenant, runId) {
			const rows = await db.rows(
				`${SELECT} FROM notifications WHERE runId = $1 AND tenant = $2 ORDER BY notifyKey`,
				[runId, tenant],
			);
			return rows.map(notificationRows.fromRow);
		},

		port: {
			async claimNotifications(request, events) {
				if ((await db.get(DUE, [request.now])) === undefined) return [];
				return write((tx) => claim(tx, request, events));
			},

			settleNotifications: createGather(
				write,
				(tx, settlements: readonly NotificationSettlement[]) =>
					tx.each(
						settlements,
						(items) =>
							inWaves(
								items,
								({ notificationId }) => notificationId,
								(wave) => settleWave(tx, wave),
							),
						({ notificationId }, error) => {
							onFault({ where: 'settleNotifications', id: notificationId, error });
							return false;
						},
					),
			),

			async listExpiredNotifications(now, limit, except) {
				const rows = await db.rows(
					`${SELECT} FROM notifications WHERE state = 'sending'
					AND (leaseUntil < $1 OR owner <> $2) ORDER BY leaseUntil LIMIT $3`,
					[now, except ?? null, limit],
				);
				return rows.map(notificationRows.fromRow);
			},

			releaseNotifications: (tenant, runId, now) =>
				write(async (tx) => {
					const released = await tx.rows<[string]>(
						`UPDATE notifications SET dueAt = $1
						WHERE runId = $2 AND tenant = $3 AND state = 'pending' AND dueAt > $1 RETURNING id`,
						[now, runId, tenant],
					);
					for (const [id] of released) tx.removeTimers(id, 'notification.due');
				}),
		},
	};
}
