import type { NotifyEvent, NotifySpec } from '../../contract/delivery.ts';
import type { NewId, ResultId } from '../../contract/ids.ts';
import type { Delivery, Link, Notification, Run } from '../../contract/run.ts';
import type { RunSpec } from '../../contract/schedule.ts';
import type { Duration, Instant } from '../../contract/time.ts';

/** What the end of a run sets going, written in the same commit as the end itself. */
export interface FollowUps {
	deliveries: Delivery[];
	notifications: Notification[];
	links: Link[];
}

export interface FollowUpContext {
	at: Instant;
	newId: NewId;
	/** How long a notification waits for deliveries that are still being tried. */
	notifyAfter: Duration;
	/** Makes the result link that a notification carries; asked only when one is wanted. */
	link?: (resultId: ResultId) => { link: Link; sealUrl(notificationId: string): string };
}

/** Whether the user wants to pull the result, so that notifications carry a link. */
export function wantsLink(spec: RunSpec): boolean {
	return spec.delivery?.mode !== 'push';
}

export function followUps(
	run: Run,
	spec: RunSpec,
	ended: { state: NotifyEvent; resultId: ResultId | null },
	context: FollowUpContext,
): FollowUps {
	const deliveries = ended.state === 'succeeded' ? deliveriesOf(run, spec, context) : [];
	const links: Link[] = [];
	const notifications = spec.notify
		.filter((notify) => notify.on.includes(ended.state))
		.map((notify) => {
			const notification = notificationOf(run, notify, context);
			if (deliveries.length > 0) notification.dueAt += context.notifyAfter;
			if (ended.resultId !== null && wantsLink(spec) && context.link !== undefined) {
				const made = context.link(ended.resultId);
				links.push(made.link);
				notification.sealedUrl = made.sealUrl(notification.id);
			}
			return notification;
		});
	return { deliveries, notifications, links };
}

function deliveriesOf(run: Run, spec: RunSpec, { at, newId }: FollowUpContext): Delivery[] {
	if (spec.delivery === null || spec.delivery.mode === 'pull') return [];
	return spec.delivery.targets.map(({ primary, fallbacks }) => ({
		id: newId('delivery'),
		tenant: run.tenant,
		runId: run.id,
		scheduleId: run.scheduleId,
		targetKey: primary.key,
		target: primary,
		fallbacks,
		sealedFor: spec.sealedFor,
		state: 'pending',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		dueAt: at,
		createdAt: at,
		endedAt: null,
		artifact: null,
		receipt: null,
		error: null,
		priority: primary.priority ?? run.priority,
		deadlineAt: primary.within === undefined ? null : at + primary.within,
	}));
}

/** A notification that is due at once. */
export function notificationOf(
	run: Run,
	notify: NotifySpec,
	{ at, newId }: Pick<FollowUpContext, 'at' | 'newId'>,
): Notification {
	return {
		id: newId('notification'),
		tenant: run.tenant,
		runId: run.id,
		scheduleId: run.scheduleId,
		notifyKey: notify.key,
		state: 'pending',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		dueAt: at,
		createdAt: at,
		endedAt: null,
		sealedUrl: null,
		sealedBody: null,
		status: null,
		error: null,
	};
}

const SUFFIX = '.sla';

/** Unique in a run, beside the notification of how it ended. */
export function slaNotifyKey(key: string): string {
	return key + SUFFIX;
}

/** The key in the spec that a notification's key stands for, and whether it tells of a missed SLA. */
export function readNotifyKey(notifyKey: string): { key: string; isSla: boolean } {
	return notifyKey.endsWith(SUFFIX)
		? { key: notifyKey.slice(0, -SUFFIX.length), isSla: true }
		: { key: notifyKey, isSla: false };
}
