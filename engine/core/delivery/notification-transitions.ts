import type { NotificationSettlement } from '../../contract/change.ts';
import type { EventDraft, EventType } from '../../contract/event.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Failure, Notification } from '../../contract/run.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { readNotifyKey } from '../run/follow-ups.ts';
import type { SendFailure } from './transitions.ts';
import { GONE, nextSendAt, NO_LEASE } from './transitions.ts';

/* Notifications live as deliveries do; see `transitions.ts`. */

export function notificationEvent(
	type: EventType,
	notification: Notification,
	at: Instant,
	data?: JsonObject,
): EventDraft {
	const subject: Record<string, string> = {
		notificationId: notification.id,
		runId: notification.runId,
	};
	if (notification.scheduleId !== null) subject['scheduleId'] = notification.scheduleId;
	return {
		type,
		tenant: notification.tenant,
		at,
		subject,
		data: { notify: notification.notifyKey, attempt: notification.attempt, ...data },
	};
}

function notificationBase(
	notification: Notification,
): Pick<NotificationSettlement, 'notificationId' | 'tenant' | 'from' | 'epoch'> {
	return {
		notificationId: notification.id,
		tenant: notification.tenant,
		from: ['sending'],
		epoch: notification.epoch,
	};
}

/** What it says is fixed from now on. Changes no state. */
export function worded(
	notification: Notification,
	{ sealedBody }: { sealedBody: string },
): NotificationSettlement {
	return { ...notificationBase(notification), set: { sealedBody }, events: [] };
}

export function notified(
	notification: Notification,
	{ at, status }: { at: Instant; status: number | null },
): NotificationSettlement {
	return {
		...notificationBase(notification),
		// The link's secret is not needed any more, so it is not kept.
		set: {
			...NO_LEASE,
			state: 'delivered',
			endedAt: at,
			status,
			error: null,
			sealedUrl: null,
			sealedBody: null,
		},
		events: [notificationEvent('notification.delivered', notification, at, { status })],
	};
}

export function afterNotifyFailure(
	notification: Notification,
	failure: SendFailure,
	context: { at: Instant; retries: readonly Duration[]; destination: string | null },
): NotificationSettlement {
	const { at, retries, destination } = context;
	const { error } = failure;
	const data = { code: error.code, message: error.message };
	const dueAt = nextSendAt(notification.id, {
		...failure,
		attempt: notification.attempt,
		at,
		retries,
	});
	if (dueAt !== null) {
		return {
			...notificationBase(notification),
			set: {
				...NO_LEASE,
				state: 'failed',
				dueAt,
				error,
				sealedUrl: notification.sealedUrl,
				sealedBody: notification.sealedBody,
			},
			events: [
				notificationEvent('notification.failed', notification, at, {
					...data,
					nextAt: new Date(dueAt).toISOString(),
				}),
			],
		};
	}
	return {
		...notificationBase(notification),
		set: { ...NO_LEASE, state: 'dead', endedAt: at, error, sealedUrl: null, sealedBody: null },
		...(failure.disable === true
			? {
					disable: {
						scheduleId: notification.scheduleId,
						targetKey: `notify.${readNotifyKey(notification.notifyKey).key}`,
						destination,
						reason: GONE,
						at,
					},
				}
			: {}),
		events: [notificationEvent('notification.dead', notification, at, data)],
	};
}

export function notificationReleased(
	notification: Notification,
	{ at }: { at: Instant },
): NotificationSettlement {
	return {
		...notificationBase(notification),
		set: { ...NO_LEASE, state: 'pending', dueAt: at, attempt: notification.attempt - 1 },
		events: [notificationEvent('notification.pending', notification, at, { released: true })],
	};
}

/** The store's fault: no attempt is counted. */
export function notificationHeldBack(
	notification: Notification,
	{ at, dueAt, error }: { at: Instant; dueAt: Instant; error: Failure },
): NotificationSettlement {
	const attempt = notification.attempt - 1;
	const state = attempt === 0 ? 'pending' : 'failed';
	return {
		...notificationBase(notification),
		set: { ...NO_LEASE, state, dueAt, attempt, error },
		events: [
			notificationEvent(`notification.${state}`, notification, at, {
				held: 'storage',
				nextAt: new Date(dueAt).toISOString(),
			}),
		],
	};
}
