import type { NotificationSettlement } from '../../contract/change.ts';
import type { Notification } from '../../contract/run.ts';
import type { Store } from '../store.port.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import { is } from './documents.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { createGather } from './gather.ts';
import { notificationRows } from './rows.ts';
import { claimSendables, expiredSendables, settleSendables } from './sendables.ts';
import type { Kind } from './sendables.ts';
import { dueOf, laterTimer } from './sendable-doc.ts';

interface Notifications {
	port: Pick<
		Store,
		| 'claimNotifications'
		| 'settleNotifications'
		| 'listExpiredNotifications'
		| 'releaseNotifications'
	>;
	ofRun(tenant: string, runId: string): Promise<Notification[]>;
}

const KIND: Kind<Notification> = {
	into: 'notifications',
	timer: 'notification.due',
	fromDoc: notificationRows.fromDoc,
	order: { due: 1, seq: 1 },
};

export function createNotifications(context: Context): Notifications {
	const { db, commits, clock } = context;

	function changeOf(doc: Root, settlement: NotificationSettlement): Change {
		const before = notificationRows.fromDoc(doc);
		const after: Notification = { ...before, ...settlement.set };
		const due = dueOf(after);
		const later = laterTimer('notification.due', after, clock.now());
		const none = effect('timer', { name: 'notification.due', key: after.id, at: null });
		const { disable, tenant } = settlement;
		return {
			id: doc._id,
			v: doc.v,
			where: { state: before.state, epoch: before.epoch },
			set: { ...notificationRows.encode(settlement.set), ...due },
			unset: ['due', 'leased'].filter((field) => !Object.hasOwn(due, field)),
			effects: [
				...eventsEffect(settlement.events),
				...(later.length > 0 ? later : [none]),
				...(disable === undefined ? [] : [effect('disable', { tenant, target: disable })]),
			],
		};
	}

	async function docsOf(tenant: string, runId: string): Promise<Root[]> {
		return (await db.run(async () =>
			db
				.of('notifications')
				.find({ runId: is(runId), tenant: is(tenant) })
				.sort({ notifyKey: 1 })
				.toArray(),
		)) as Root[];
	}

	return {
		ofRun: async (tenant, runId) => (await docsOf(tenant, runId)).map(notificationRows.fromDoc),

		port: {
			claimNotifications: async (request, events) =>
				claimSendables(context, KIND, {
					request,
					event: (notification) => events.notification(notification),
				}),

			settleNotifications: createGather(async (settlements: readonly NotificationSettlement[]) =>
				settleSendables(context, 'notifications', {
					settlements,
					idOf: ({ notificationId }) => notificationId,
					changeOf,
				}),
			),

			listExpiredNotifications: async (now, limit, except) =>
				expiredSendables(context, KIND, { now, limit, except }),

			async releaseNotifications(tenant, runId, now) {
				const run = await db.run(async () =>
					db.of('runs').findOne({ _id: is(runId) as never, tenant: is(tenant) }),
				);
				await commits.help('runs', [run]);
				const waiting = (await docsOf(tenant, runId)).filter((doc) => {
					const { state, dueAt } = notificationRows.fromDoc(doc);
					return state === 'pending' && dueAt > now;
				});
				// One that was changed meanwhile is not waiting any more.
				await commits.change(
					'notifications',
					waiting.map((doc) => ({
						id: doc._id,
						v: doc.v,
						where: { state: 'pending' },
						set: { dueAt: now, due: now },
						effects: [
							effect('timer', {
								name: 'notification.due',
								key: notificationRows.fromDoc(doc).id,
								at: null,
							}),
						],
					})),
				);
			},
		},
	};
}
