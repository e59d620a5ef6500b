import { CapError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { DeliveryId } from '../contract/ids.ts';
import type { Duration } from '../contract/time.ts';
import type { AlertGroup, Claim, Verdict } from '../core/delivery/alerts.ts';
import { alertMessage, judged, taken, tellAt } from '../core/delivery/alerts.ts';
import type { SharedState } from '../stores/shared-state.port.ts';
import { groupOf, KEEP, TRIES, valueOf } from './alert-groups.ts';
import type { Context } from './context.ts';
import { sendMessage } from './message.ts';
import { isStoreTrouble } from './own-trouble.ts';
import { reachDestination } from './reach.ts';

/** How long one attempt to tell holds its group. */
const LEASE: Duration = 120_000;
const BATCH = 50;

/**
 * Tells what is due.
 * @returns whether there may be more
 */
export async function tellAlerts(ctx: Context, signal: AbortSignal): Promise<boolean> {
	const due = await ctx.store.listSharedDue('alert', ctx.clock.now(), BATCH);
	await Promise.all(
		due.map(async (stored) => {
			try {
				await tell(ctx, stored, signal);
			} catch (error) {
				ctx.metrics.count('capscheduler_faults_total', { where: 'alerts' });
				ctx.log.error('alert not told', { error: error instanceof Error ? error : undefined });
			}
		}),
	);
	return due.length === BATCH;
}

async function tell(ctx: Context, stored: SharedState, signal: AbortSignal): Promise<void> {
	const { tenant, key, revision } = stored;
	const [, destination = ''] = key.split(':');
	const before = groupOf(stored);
	const group = before.sending === null ? await nextOf(ctx, tenant, before) : before;
	const { sending } = group;
	const at = ctx.clock.now();
	if (sending === null) {
		// nothing of it is known to be true: nobody is told, and what may still become true is looked at again
		const next = { tenant, key, value: valueOf(group), dueAt: tellAt(group, at) };
		await ctx.store.putShared(
			{ ...next, keepUntil: at + KEEP },
			{ expected: revision, events: [] },
		);
		return;
	}
	// whoever writes this first tells; should it be lost, somebody tells the same again
	const lease = { tenant, key, value: valueOf(group), dueAt: at + LEASE, keepUntil: at + KEEP };
	if (!(await ctx.store.putShared(lease, { expected: revision, events: [] }))) return;
	const { retries, failure } = await attempt(ctx, tenant, { destination, sending, signal });
	// the engine stops: whoever comes after tells the same again
	if (failure !== null && signal.aborted) return;
	const wait = failure === null || failure.final ? undefined : retries[sending.attempt - 1];
	await settle(ctx, { tenant, key, destination, sending, failure, wait });
}

/** The group with what it tells now, as far as that is known to be true. */
async function nextOf(ctx: Context, tenant: string, group: AlertGroup): Promise<AlertGroup> {
	const asked = (group.claims ?? []).map(async (claim) => verdictOn(ctx, tenant, claim));
	const { group: rest, open } = judged(group, await Promise.all(asked));
	const id = ctx.newId('notification');
	return taken(rest, { id, at: ctx.clock.now(), tenant, open });
}

/** Whether a delivery's end was written: its last attempt is in the same commit. */
async function verdictOn(
	ctx: Context,
	tenant: string,
	{ id, epoch, endedAt }: Claim,
): Promise<Verdict> {
	const found = await ctx.store.getDelivery(tenant, id as DeliveryId);
	// only what has ended is taken away
	if (found === null) return 'written';
	const { delivery, attempts } = found;
	if (attempts.some((one) => one.epoch === epoch && one.endedAt === endedAt)) return 'written';
	return delivery.state === 'sending' && delivery.epoch === epoch ? 'open' : 'other';
}

interface Told {
	tenant: string;
	key: string;
	destination: string;
	sending: NonNullable<AlertGroup['sending']>;
	failure: { code: string; message: string } | null;
	/** Until the next attempt; undefined: there is none. */
	wait: Duration | undefined;
}

async function attempt(
	ctx: Context,
	tenant: string,
	{
		destination,
		sending,
		signal,
	}: { destination: string; sending: Told['sending']; signal: AbortSignal },
): Promise<{
	retries: readonly Duration[];
	failure: { code: string; message: string; final: boolean } | null;
}> {
	try {
		const { channel, settings } = await reachDestination(ctx, tenant, destination);
		const about = { runId: '', scheduleId: null, capability: '', action: '', nominalAt: null };
		const { id, body } = sending;
		const told = { id, tenant, body, message: alertMessage(body), about };
		const timed = new AbortController();
		const stopTimer = ctx.clock.after(channel.timeout + 1000, () => {
			timed.abort();
		});
		const either = AbortSignal.any([signal, timed.signal]);
		const context = { signal: either, attempt: sending.attempt };
		const outcome = await sendMessage(told, { channel, settings }, context).finally(stopTimer);
		if (outcome.kind === 'delivered') return { retries: [], failure: null };
		const { code, message, retry } = outcome;
		return { retries: channel.retries, failure: { code, message, final: retry === 'never' } };
	} catch (error) {
		// the store's trouble says nothing of the destination: it is told when the lease is over
		if (isStoreTrouble(error) || !(error instanceof CapError)) throw error;
		return { retries: [], failure: { code: error.code, message: error.message, final: true } };
	}
}

async function settle(ctx: Context, told: Told): Promise<void> {
	const { tenant, key, destination, sending, failure, wait } = told;
	for (let tries = 1; tries <= TRIES; tries++) {
		const stored = await ctx.store.getShared(tenant, key);
		if (stored === null) return;
		const now = groupOf(stored);
		if (now.sending?.id !== sending.id) return;
		const at = ctx.clock.now();
		const again = wait !== undefined;
		const after: AlertGroup = again
			? { ...now, sending: { ...sending, attempt: sending.attempt + 1 } }
			: { ...now, sending: null, toldAt: at };
		const dueAt = again ? at + wait : tellAt(after, at);
		const event: EventDraft = {
			type: failure === null ? 'alert.delivered' : again ? 'alert.failed' : 'alert.dead',
			tenant,
			at,
			subject: { destinationId: destination },
			data: {
				id: sending.id,
				attempt: sending.attempt,
				...(failure === null ? {} : { code: failure.code, message: failure.message }),
			},
		};
		const next = { tenant, key, value: valueOf(after), dueAt, keepUntil: at + KEEP };
		if (await ctx.store.putShared(next, { expected: stored.revision, events: [event] })) {
			if (event.type === 'alert.dead') {
				ctx.log.warn('alert dead', { destination, code: failure?.code });
			}
			return;
		}
	}
	throw new Error(`${key}: too many writers`);
}
