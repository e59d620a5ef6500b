import type { Channel, Parcel, SendOutcome } from '../channels/channel.port.ts';
import { WEBHOOK_RETRIES } from '../channels/channel.port.ts';
import type { DeliverySettlement } from '../contract/change.ts';
import { AUTO_FORMAT } from '../contract/delivery.ts';
import type { Target } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Delivery, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Intended } from '../core/delivery/allow.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import { whySkipped } from '../core/delivery/condition.ts';
import type { SendFailure } from '../core/delivery/transitions.ts';
import {
	afterSendFailure,
	delivered,
	isSettled,
	released,
	skipped,
} from '../core/delivery/transitions.ts';
import { chooseFormat, ensureArtifact, storedBytes } from './artifact.ts';
import { currentSettings } from './change-destination.ts';
import type { Context } from './context.ts';
import { claimEvents } from './dispatch.ts';
import { fileNameOf } from './file-name.ts';
import { packArtifact } from './package.ts';
import { parcelOf } from './parcel.ts';
import { joinSecrets } from './secrets.ts';
import { settleDeliveredSla } from './sla.ts';
import { targetPrefix } from './spec.ts';
import type { Held, Worker } from './worker.ts';
import { createWorker, writeSafely } from './worker.ts';

/** Claims deliveries that are due and carries out their attempts. */
export function createDeliveryWorker(ctx: Context): Worker {
	return createWorker<Delivery>({
		name: 'deliveries',
		clock: ctx.clock,
		log: ctx.log,
		capacity: ctx.settings.deliveryConcurrency,
		lease: ctx.settings.lease,
		async claim(limit) {
			const now = ctx.clock.now();
			const leaseUntil = now + ctx.settings.lease;
			return ctx.store.claimDeliveries(
				{ now, limit, owner: ctx.engineId, leaseUntil },
				claimEvents(now),
			);
		},
		work: async (delivery, held) => {
			const begun = ctx.clock.monotonic();
			const settlement = await send(ctx, delivery, held);
			if (settlement !== null) {
				await writeSafely(ctx, held, async () => settleDelivery(ctx, delivery, settlement));
			}
			ctx.metrics.observe('capscheduler_delivery_seconds', (ctx.clock.monotonic() - begun) / 1000);
		},
		renew: async (held) =>
			ctx.store.renewLeases('delivery', held, ctx.clock.now() + ctx.settings.lease),
		release: async (delivery) =>
			settleDelivery(ctx, delivery, released(delivery, { at: ctx.clock.now() })),
	});
}

export async function settleDelivery(
	ctx: Context,
	delivery: Delivery,
	settlement: DeliverySettlement,
): Promise<boolean> {
	const [applied] = await ctx.store.settleDeliveries([settlement]);
	if (applied !== true) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'delivery' });
		return false;
	}
	const { state } = settlement.set;
	if (state !== undefined) ctx.metrics.count('capscheduler_deliveries_total', { state });
	if (state === 'dead') {
		ctx.log.warn('delivery dead', {
			delivery: delivery.id,
			run: delivery.runId,
			target: delivery.targetKey,
			code: settlement.set.error?.code,
		});
	}
	if (state === 'delivered' || state === 'dead' || state === 'skipped') {
		// The notification waits for the last of them. If this engine dies here, it comes at its own time.
		const all = await ctx.store.deliveriesOfRun(delivery.tenant, delivery.runId);
		if (all.every(isSettled)) {
			ctx.wake.runDelivered(delivery.runId);
			await ctx.store.releaseNotifications(delivery.tenant, delivery.runId, ctx.clock.now());
			await settleDeliveredSla(ctx, delivery, all);
		}
	}
	ctx.wake.poke();
	return true;
}

/** One attempt, up to its settlement; null when the delivery is somebody else's now. */
async function send(
	ctx: Context,
	delivery: Delivery,
	held: Held,
): Promise<DeliverySettlement | null> {
	const startedAt = ctx.clock.now();
	let artifact = delivery.artifact;
	let retries = WEBHOOK_RETRIES;
	try {
		const about = await load(ctx, delivery);
		const reason = await conditionOf(ctx, delivery, about);
		if (reason !== null) return skipped(delivery, { startedAt, at: ctx.clock.now(), reason });
		const reached = await reach(ctx, delivery);
		const { channel, settings } = reached;
		retries = channel.retries;
		artifact ??= await render(ctx, delivery, { ...about, reached });
		demandAllowed(reached, { capability: about.run.capability, filename: artifact.filename });
		const parcel = parcelOf(ctx, { ...delivery, artifact }, about);
		if (held.reason() === 'drain') return released(delivery, { at: ctx.clock.now() });
		if (!held.leaseIsSafe() || held.reason() !== undefined) return null;
		const outcome = await sendParcel(ctx, { channel, settings, parcel, delivery, held });
		const at = ctx.clock.now();
		if (outcome.kind === 'delivered') {
			const { notices } = artifact;
			const receipt = notices === undefined ? outcome.receipt : { ...outcome.receipt, notices };
			return delivered(delivery, { startedAt, at, artifact, receipt });
		}
		if (held.reason() === 'fenced') return null;
		return afterSendFailure(delivery, failureOf(outcome, held), {
			startedAt,
			at,
			artifact,
			retries,
			newId: ctx.newId,
		});
	} catch (error) {
		// What goes wrong before the send: a destination that is gone, a format that does not suit.
		const failure = ownFault(error);
		const at = ctx.clock.now();
		return afterSendFailure(delivery, failure, {
			startedAt,
			at,
			artifact,
			retries,
			newId: ctx.newId,
		});
	}
}

async function sendParcel(
	ctx: Context,
	about: { channel: Channel; settings: JsonObject; parcel: Parcel; delivery: Delivery; held: Held },
): Promise<SendOutcome> {
	const { channel, settings, parcel, delivery, held } = about;
	// Large artifacts need longer than small ones: a second more for every megabyte.
	const timeout = channel.timeout + Math.ceil(parcel.size / 1_000_000) * 1000;
	const stopTimer = ctx.clock.after(timeout + 1000, () => {
		held.abort('timeout');
	});
	try {
		const prepared = channel.prepare(settings, parcel);
		ctx.faults.hit('deliver.before');
		const outcome = await channel.send(prepared, settings, parcel, {
			signal: held.signal,
			attempt: delivery.attempt,
			timeout,
		});
		ctx.faults.hit('deliver.after');
		return outcome;
	} finally {
		stopTimer();
	}
}

function failureOf(outcome: Exclude<SendOutcome, { kind: 'delivered' }>, held: Held): SendFailure {
	const timedOut = held.reason() === 'timeout' || outcome.code === 'TIMEOUT';
	const code: ErrorCode = timedOut ? 'TIMEOUT' : outcome.code;
	return {
		error: { code, message: outcome.message },
		outcome: held.reason() === 'drain' ? 'unknown' : timedOut ? 'timeout' : 'failed',
		retry: timedOut || held.reason() === 'drain' ? 'later' : outcome.retry,
		retryAfter: outcome.retryAfter,
		disable: outcome.disable,
	};
}

function ownFault(error: unknown): SendFailure {
	if (!(error instanceof CapError)) throw error;
	const { code, message, retry, retryAfter } = error;
	return { error: { code, message }, outcome: 'failed', retry, retryAfter };
}

interface Source {
	run: Run;
	spec: RunSpec;
}

async function load(ctx: Context, delivery: Delivery): Promise<Source> {
	const run = await ctx.store.getRun(delivery.tenant, delivery.runId);
	const spec = run && (await ctx.store.getSpecs([run.specId])).get(run.specId);
	if (!run || !spec) throw new CapError('GONE', 'the run is no longer kept');
	return { run, spec };
}

/** Not asked for where the rendered bytes are there: they are kept longer, for replays. */
async function resultOf(ctx: Context, run: Run): Promise<ResultRecord> {
	const result = run.resultId ? await ctx.store.getResult(run.tenant, run.resultId) : null;
	if (result === null) throw new CapError('GONE', 'the result is no longer kept');
	return result;
}

async function conditionOf(
	ctx: Context,
	delivery: Delivery,
	{ run }: Source,
): Promise<string | null> {
	const { when } = delivery.target;
	// A replay, and an attempt after one that was sent, are past the question.
	if (when === 'always' || delivery.artifact !== null) return null;
	const result = await resultOf(ctx, run);
	const lastDelivered =
		when === 'changed' && delivery.scheduleId !== null
			? await ctx.store.lastDeliveredResult(
					delivery.tenant,
					delivery.scheduleId,
					delivery.targetKey,
				)
			: null;
	return whySkipped(when, {
		rows: await countRows(ctx, result),
		sha256: result.blob.sha256,
		lastDelivered,
	});
}

async function countRows(ctx: Context, result: ResultRecord): Promise<number | null> {
	if (result.encoding === 'bytes') return null;
	if (result.rows !== undefined) return result.rows;
	const stored = storedBytes(ctx, result);
	const tables = await ctx.findTables(stored);
	let count = 0;
	for (const rows of tables?.map((table) => () => table.rows()) ?? [ctx.readRows(stored)]) {
		for await (const batch of rows()) count += batch.length;
	}
	return count;
}

/** The channel and its settings as they are now: a destination may have changed since. */
async function reach(ctx: Context, delivery: Delivery): Promise<Reached> {
	const { target, tenant } = delivery;
	if (delivery.scheduleId !== null) {
		const reason = await ctx.store.disabledTarget(tenant, delivery.scheduleId, delivery.targetKey);
		if (reason !== null) throw new CapError('TARGET_DISABLED', `the target is disabled: ${reason}`);
	}
	if (target.destination !== undefined) return reachDestination(ctx, tenant, target.destination);
	return {
		channel: channelOf(ctx, target.channel ?? ''),
		settings: inlineSettings(ctx, delivery, target),
	};
}

function inlineSettings(ctx: Context, delivery: Delivery, target: Target): JsonObject {
	return joinSecrets(ctx.sealing, target, {
		owner: { tenant: delivery.tenant, type: 'spec', id: delivery.sealedFor },
		prefix: targetPrefix(target.key),
	});
}

export interface Reached {
	channel: Channel;
	settings: JsonObject;
	/** Undefined for an inline target. */
	destination?: Destination;
}

export async function reachDestination(
	ctx: Context,
	tenant: string,
	idOrName: string,
): Promise<Reached & { destination: Destination }> {
	const destination = await ctx.store.getDestination(tenant, idOrName);
	if (destination === null) {
		throw new CapError('DESTINATION_UNKNOWN', `there is no destination "${idOrName}" any more`);
	}
	if (!destination.enabled) {
		const why = destination.disabledReason ?? 'by its owner';
		throw new CapError('TARGET_DISABLED', `destination "${destination.name}" is disabled: ${why}`);
	}
	const owner = { tenant, type: 'destination', id: destination.id };
	return {
		channel: channelOf(ctx, destination.channel),
		settings: currentSettings(ctx, destination, joinSecrets(ctx.sealing, destination, { owner })),
		destination,
	};
}

/** The destination's rules may be stricter than when the schedule was made. @throws CapError FORBIDDEN */
function demandAllowed({ destination }: Reached, intended: Intended): void {
	const issue = whyNotAllowed(destination?.rules, intended);
	if (issue !== null) throw inputError('FORBIDDEN', issue);
}

function channelOf(ctx: Context, name: string): Channel {
	const channel = ctx.channels.get(name);
	if (channel === undefined)
		throw new CapError('CHANNEL_UNKNOWN', `this engine has no channel "${name}"`);
	return channel;
}

/** What a target without a format means is the channel's to say, where it can send but one. */
function wishOf(target: Target, required: string | undefined): Pick<Target, 'format' | 'options'> {
	if (required === undefined || target.format === required) return target;
	if (target.format === AUTO_FORMAT) return { format: required, options: {} };
	throw inputError('FORMAT_UNSUITABLE', {
		path: 'format',
		expected: `"${required}", which is what the channel sends with these settings`,
		received: `"${target.format}"`,
	});
}

async function render(
	ctx: Context,
	{ target }: Delivery,
	about: Source & { reached: Reached },
): Promise<NonNullable<Delivery['artifact']>> {
	const { channel, settings } = about.reached;
	const required = channel.format?.(settings);
	const result = await resultOf(ctx, about.run);
	const chosen = chooseFormat(ctx, result, { ...wishOf(target, required), path: 'format' });
	const { capability } = about.run;
	demandAllowed(about.reached, { capability, format: chosen.format.name });
	const artifact = await ensureArtifact(ctx, { ...about, result }, chosen);
	const file = {
		artifact,
		filename: fileNameOf(target.filename, { ...about, result }, artifact),
	};
	const packed = await packArtifact(ctx, file, { names: target.package ?? [], result });
	const { filename } = packed;
	const { blob, contentType, notices } = packed.artifact;
	return { ...blob, contentType, filename, ...(notices === undefined ? {} : { notices }) };
}
