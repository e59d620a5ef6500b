import type { Channel, SendOutcome } from '../channels/channel.port.ts';
import { WEBHOOK_RETRIES } from '../channels/channel.port.ts';
import type { NotificationSettlement } from '../contract/change.ts';
import type { NotifySpec } from '../contract/delivery.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Notification, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { toIso } from '../contract/time.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { messageOf } from '../core/delivery/message.ts';
import type { SendFailure } from '../core/delivery/transitions.ts';
import {
	afterNotifyFailure,
	notificationHeldBack,
	notificationReleased,
	notified,
	worded,
} from '../core/delivery/notification-transitions.ts';
import { readNotifyKey } from '../core/run/follow-ups.ts';
import type { Context } from './context.ts';
import { reachDestination } from './reach.ts';
import { claimEvents } from './dispatch.ts';
import { DEFAULT_LINK_LIFE } from './follow-ups.ts';
import { sendMessage } from './message.ts';
import { isStoreTrouble, STORE_PAUSE } from './own-trouble.ts';
import { presentSla } from './present.ts';
import type { Held } from './in-hand.ts';
import type { Worker } from './worker.ts';
import { createWorker } from './worker.ts';
import { writeSafely } from './write-safely.ts';

const TIMEOUT = 20_000;

/** Where a notification goes: to an endpoint of its own, signed, or through the channel of a destination. */
type Way =
	| { kind: 'endpoint'; url: string; secret: string }
	| { kind: 'destination'; channel: Channel; settings: JsonObject };

/** Claims notifications that are due and sends them. */
export function createNotificationWorker(ctx: Context): Worker {
	return createWorker<Notification>({
		name: 'notifications',
		clock: ctx.clock,
		log: ctx.log,
		capacity: ctx.settings.deliveryConcurrency,
		lease: ctx.settings.lease,
		async claim(limit) {
			const now = ctx.clock.now();
			const leaseUntil = now + ctx.settings.lease;
			return ctx.store.claimNotifications(
				{ now, limit, owner: ctx.engineId, leaseUntil },
				claimEvents(now),
			);
		},
		work: async (notification, held) => {
			const settlement = await send(ctx, notification, held);
			if (settlement !== null) {
				await writeSafely(ctx, held, async () => settleNotification(ctx, settlement));
			}
		},
		renew: async (held) =>
			ctx.store.renewLeases('notification', held, ctx.clock.now() + ctx.settings.lease),
		release: async (notification) =>
			settleNotification(ctx, notificationReleased(notification, { at: ctx.clock.now() })),
	});
}

export async function settleNotification(
	ctx: Context,
	settlement: NotificationSettlement,
): Promise<boolean> {
	const [applied] = await ctx.store.settleNotifications([settlement]);
	const { state } = settlement.set;
	if (applied !== true) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'notification' });
		return false;
	}
	if (state !== undefined) ctx.metrics.count('capscheduler_notifications_total', { state });
	return true;
}

async function send(
	ctx: Context,
	notification: Notification,
	held: Held,
): Promise<NotificationSettlement | null> {
	let tried = notification;
	const then: Then = { destination: null, retries: WEBHOOK_RETRIES };
	try {
		const { run, spec, notify } = await load(ctx, notification);
		then.destination = notify.destination ?? null;
		const way = await reach(ctx, notification, spec, notify);
		if (way.kind === 'destination') then.retries = way.channel.retries;
		const body = await bodyOf(ctx, notification, run, spec);
		if (notification.sealedBody === null) {
			// Before the first send, so that every attempt sends the same bytes under the same id.
			const sealedBody = ctx.sealing.seal(body, sealBinding(notification, 'body'));
			tried = { ...notification, sealedBody };
			if (!(await settleNotification(ctx, worded(notification, { sealedBody })))) return null;
		}
		if (held.reason() === 'drain')
			return notificationReleased(notification, { at: ctx.clock.now() });
		if (!held.leaseIsSafe() || held.reason() !== undefined) return null;
		ctx.faults.hit('notify.before');
		const outcome = await dispatch(ctx, way, { notification, run, body, held });
		ctx.faults.hit('notify.after');
		const at = ctx.clock.now();
		if (outcome.kind === 'delivered') return notified(notification, { at, ...outcome });
		if (held.reason() === 'fenced') return null;
		const drained = held.reason() === 'drain';
		return failed(ctx, tried, then, {
			error: { code: outcome.code, message: outcome.message },
			outcome: drained ? 'unknown' : outcome.code === 'TIMEOUT' ? 'timeout' : 'failed',
			retry: drained ? 'later' : outcome.retry,
			retryAfter: outcome.retryAfter,
			disable: outcome.disable,
		});
	} catch (error) {
		if (isStoreTrouble(error)) {
			const at = ctx.clock.now();
			const { code, message } = error;
			return notificationHeldBack(tried, {
				at,
				dueAt: at + STORE_PAUSE,
				error: { code, message },
			});
		}
		if (!(error instanceof CapError)) throw error;
		return failed(ctx, tried, then, {
			error: { code: error.code, message: error.message },
			outcome: 'failed',
			retry: error.retry,
		});
	}
}

type Sent =
	{ kind: 'delivered'; status: number | null } | Exclude<SendOutcome, { kind: 'delivered' }>;

async function dispatch(
	ctx: Context,
	way: Way,
	{
		notification,
		run,
		body,
		held,
	}: { notification: Notification; run: Run; body: string; held: Held },
): Promise<Sent> {
	const { id, tenant, attempt } = notification;
	const { signal } = held;
	if (way.kind === 'endpoint') {
		const { url, secret } = way;
		const bytes = { body: Buffer.from(body), contentType: 'application/json' };
		return ctx.postSigned({ url, secret, id, ...bytes, timeout: TIMEOUT, signal });
	}
	const { runId, scheduleId } = notification;
	const { capability, action } = run;
	const nominalAt = isoOrNull(run.nominalAt);
	const outcome = await sendMessage(
		{
			id,
			tenant,
			body,
			message: messageOf(JSON.parse(body) as JsonObject),
			about: { runId, scheduleId, capability, action, nominalAt },
		},
		way,
		{ signal, attempt },
	);
	if (outcome.kind !== 'delivered') return outcome;
	const { status } = outcome.receipt.remote;
	return { kind: 'delivered', status: typeof status === 'number' ? status : null };
}

/** What is done about a failure. */
interface Then {
	destination: string | null;
	retries: readonly Duration[];
}

function failed(
	ctx: Context,
	notification: Notification,
	then: Then,
	failure: SendFailure,
): NotificationSettlement {
	return afterNotifyFailure(notification, failure, { at: ctx.clock.now(), ...then });
}

async function load(
	ctx: Context,
	notification: Notification,
): Promise<{ run: Run; spec: RunSpec; notify: NotifySpec }> {
	const run = await ctx.store.getRun(notification.tenant, notification.runId);
	const spec = run && (await ctx.store.getSpecs([run.specId])).get(run.specId);
	const notify = spec?.notify.find(({ key }) => key === readNotifyKey(notification.notifyKey).key);
	if (!run || !spec || !notify) throw new CapError('GONE', 'the run is no longer kept');
	return { run, spec, notify };
}

async function reach(
	ctx: Context,
	notification: Notification,
	spec: RunSpec,
	notify: NotifySpec,
): Promise<Way> {
	const { tenant, scheduleId } = notification;
	const notifyKey = notify.key;
	if (scheduleId !== null) {
		const reason = await ctx.store.disabledTarget(tenant, scheduleId, `notify.${notifyKey}`);
		if (reason !== null)
			throw new CapError('TARGET_DISABLED', `the endpoint is disabled: ${reason}`);
	}
	if (notify.destination !== undefined) {
		return { kind: 'destination', ...(await reachDestination(ctx, tenant, notify.destination)) };
	}
	const secret = ctx.sealing.open(notify.sealedSecret ?? '', {
		tenant,
		type: 'spec',
		id: spec.sealedFor,
		field: `notify.${notifyKey}.secret`,
	});
	return { kind: 'endpoint', url: notify.url ?? '', secret };
}

function sealBinding(
	{ tenant, id }: Notification,
	field: 'body' | 'url',
): { tenant: string; type: string; id: string; field: string } {
	return { tenant, type: 'notification', id, field };
}

/** The exact bytes: those of the first attempt when there was one. */
async function bodyOf(
	ctx: Context,
	notification: Notification,
	run: Run,
	spec: RunSpec,
): Promise<string> {
	if (notification.sealedBody !== null) {
		return ctx.sealing.open(notification.sealedBody, sealBinding(notification, 'body'));
	}
	const { tenant } = notification;
	const result = run.resultId === null ? null : await ctx.store.getResult(tenant, run.resultId);
	const deliveries = await ctx.store.deliveriesOfRun(tenant, run.id);
	const resultUrl =
		notification.sealedUrl === null
			? null
			: ctx.sealing.open(notification.sealedUrl, sealBinding(notification, 'url'));
	const { isSla } = readNotifyKey(notification.notifyKey);
	const body: JsonObject = {
		type: isSla ? 'sla.missed' : `run.${run.state}`,
		timestamp: toIso((isSla ? null : run.endedAt) ?? notification.createdAt),
		data: {
			runId: run.id,
			schedule: spec.schedule === null ? null : { id: spec.schedule.id, name: spec.schedule.name },
			capability: run.capability,
			action: run.action,
			state: run.state,
			trigger: run.trigger,
			nominalAt: isoOrNull(run.nominalAt),
			startedAt: isoOrNull(run.startedAt),
			endedAt: isoOrNull(run.endedAt),
			attempts: run.attempt,
			error: run.error === null ? null : { ...run.error },
			sla: presentSla(run),
			result:
				result === null
					? null
					: {
							id: result.id,
							contentType: result.contentType,
							size: result.blob.size,
							rows: result.rows ?? null,
						},
			resultUrl,
			resultUrlExpiresAt:
				resultUrl === null || run.endedAt === null
					? null
					: toIso(run.endedAt + (spec.delivery?.link.expiresIn ?? DEFAULT_LINK_LIFE)),
			deliveries: deliveries.map((delivery) => ({
				id: delivery.id,
				target: delivery.targetKey,
				state: delivery.state,
				attempts: delivery.attempt,
				error: delivery.error === null ? null : { ...delivery.error },
				receipt: delivery.receipt === null ? null : { ...delivery.receipt },
			})),
		},
	};
	return JSON.stringify(body);
}

function isoOrNull(instant: Instant | null): string | null {
	return instant === null ? null : toIso(instant);
}
