import type { SendOutcome } from '../channels/channel.port.ts';
import { WEBHOOK_RETRIES } from '../channels/channel.port.ts';
import type { DeliverySettlement } from '../contract/change.ts';
import { CapError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Delivery, Run } from '../contract/run.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import type { Outcome } from '../core/delivery/circuit.ts';
import { outcomeOf } from '../core/delivery/circuit.ts';
import { whySkipped } from '../core/delivery/condition.ts';
import type { SendFailure } from '../core/delivery/transitions.ts';
import {
	afterSendFailure,
	delivered,
	heldBack,
	released,
	skipped,
} from '../core/delivery/transitions.ts';
import { intendedOf } from './allowed.ts';
import { storedBytes } from './artifact.ts';
import type { Context } from './context.ts';
import { claimEvents } from './dispatch.ts';
import { isStoreTrouble, STORE_PAUSE, watched } from './own-trouble.ts';
import { parcelOf } from './parcel.ts';
import type { Entry, Place } from './place.ts';
import { demandAllowed, placeOf, reach } from './reach.ts';
import { renderDelivery } from './rendered.ts';
import type { Sending } from './send-files.ts';
import { patienceOf, sendFiles } from './send-files.ts';
import type { About } from './settle-delivery.ts';
import { settleDelivery } from './settle-delivery.ts';
import type { Held } from './in-hand.ts';
import type { Worker } from './worker.ts';
import { createWorker } from './worker.ts';
import { writeSafely } from './write-safely.ts';

/** Claims deliveries that are due and carries out their attempts. @param onClaimed told after some were claimed */
export function createDeliveryWorker(
	ctx: Context,
	{ onClaimed }: { onClaimed(this: void): void },
): Worker {
	return createWorker<Delivery>({
		name: 'deliveries',
		clock: ctx.clock,
		log: ctx.log,
		capacity: ctx.settings.deliveryConcurrency,
		lease: ctx.settings.lease,
		async claim(limit) {
			const now = ctx.clock.now();
			const leaseUntil = now + ctx.settings.lease;
			const claimed = await ctx.store.claimDeliveries(
				{ now, limit, owner: ctx.engineId, leaseUntil },
				claimEvents(now),
			);
			if (claimed.length > 0) onClaimed();
			return claimed;
		},
		work: async (delivery, held) => {
			const begun = ctx.clock.monotonic();
			const about: About = {};
			const settlement = await send(ctx, delivery, { held, about });
			held.workDone();
			if (settlement !== null) {
				await writeSafely(ctx, held, async () => settleDelivery(ctx, delivery, settlement, about));
			}
			ctx.metrics.observe('capscheduler_delivery_seconds', (ctx.clock.monotonic() - begun) / 1000);
		},
		renew: async (held) =>
			ctx.store.renewLeases('delivery', held, ctx.clock.now() + ctx.settings.lease),
		release: async (delivery) =>
			settleDelivery(ctx, delivery, released(delivery, { at: ctx.clock.now() })),
	});
}

/** One attempt, up to its settlement; null when the delivery is somebody else's now. */
async function send(
	ctx: Context,
	delivery: Delivery,
	{ held, about: known }: { held: Held; about: About },
): Promise<DeliverySettlement | null> {
	const startedAt = ctx.clock.now();
	let artifact = delivery.artifact;
	let retries = WEBHOOK_RETRIES;
	try {
		demandTime(delivery, startedAt);
		const about = await load(ctx, delivery);
		Object.assign(known, about);
		const reason = await conditionOf(ctx, delivery, about);
		if (reason !== null) return skipped(delivery, { startedAt, at: ctx.clock.now(), reason });
		const reached = await reach(ctx, delivery);
		const { channel, settings } = reached;
		retries = channel.retries;
		artifact ??= await renderDelivery(ctx, delivery, {
			...about,
			reached,
			result: await resultOf(ctx, about.run),
		});
		const sent = { ...delivery, artifact };
		demandAllowed(reached, intendedOf(sent, about.run));
		const { parcel, trouble } = watched(parcelOf(ctx, sent, about));
		const sending = { channel, settings, parcel, trouble, delivery: sent, ...about };
		if (held.reason() === 'drain') return released(delivery, { at: ctx.clock.now() });
		if (!held.leaseIsSafe() || held.reason() !== undefined) return null;
		const place = placeOf(delivery.tenant, reached);
		const entry = await ctx.places.enter(place, delivery, patienceOf(sending) + PATIENCE);
		if (!entry.go) return mustWait(ctx, delivery, { entry, place, artifact, startedAt });
		const outcome = await sendInTurn(ctx, { ...sending, held }, entry.leave);
		const at = ctx.clock.now();
		if (outcome.kind === 'delivered') {
			const { notices } = artifact;
			const receipt = notices === undefined ? outcome.receipt : { ...outcome.receipt, notices };
			return delivered(delivery, { startedAt, at, artifact, receipt });
		}
		if (held.reason() === 'fenced') return null;
		const own = trouble();
		if (own !== null) return storeAway(ctx, delivery, { error: own, artifact });
		return afterSendFailure(delivery, failureOf(outcome, held), {
			startedAt,
			at,
			artifact,
			retries,
			newId: ctx.newId,
		});
	} catch (error) {
		if (isStoreTrouble(error)) return storeAway(ctx, delivery, { error, artifact });
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

/** What a turn at a place holds longer than the attempt may take. */
const PATIENCE: Duration = 10_000;

/** @throws CapError DEADLINE_EXCEEDED */
function demandTime({ deadlineAt }: Delivery, at: Instant): void {
	if (deadlineAt === null || at < deadlineAt) return;
	throw new CapError('DEADLINE_EXCEEDED', `not delivered by ${toIso(deadlineAt)}`);
}

/** It goes back to those that are due later; one that cannot make it before its deadline is given up at once. */
function mustWait(
	ctx: Context,
	delivery: Delivery,
	about: {
		entry: Extract<Entry, { go: false }>;
		place: Place;
		artifact: NonNullable<Delivery['artifact']>;
		startedAt: Instant;
	},
): DeliverySettlement {
	const { entry, place, artifact, startedAt } = about;
	const { why, until, circuit } = entry;
	const at = ctx.clock.now();
	ctx.metrics.count('capscheduler_deliveries_held_total', { why });
	const { deadlineAt } = delivery;
	if (why !== 'circuit') {
		const dueAt = Math.min(until, deadlineAt ?? until);
		return heldBack(delivery, { at, dueAt, why, artifact, error: delivery.error });
	}
	const { code, message } = circuit.reason ?? { code: 'TARGET_UNREACHABLE', message: '' };
	const opened = toIso(circuit.until ?? until);
	const words = `${place.name} is not tried before ${opened}, after ${circuit.failures} failures: ${code}: ${message}`;
	if (deadlineAt !== null && until >= deadlineAt) {
		return afterSendFailure(
			delivery,
			{
				error: {
					code: 'DEADLINE_EXCEEDED',
					message: `not delivered by ${toIso(deadlineAt)}: ${words}`,
				},
				outcome: 'failed',
				retry: 'never',
			},
			{ startedAt, at, artifact, retries: [], newId: ctx.newId },
		);
	}
	const error = { code: 'CIRCUIT_OPEN', message: words } as const;
	return heldBack(delivery, { at, dueAt: until, why, artifact, error });
}

/** The engine's own store is away or full: the delivery goes back, and no attempt is counted. */
function storeAway(
	ctx: Context,
	delivery: Delivery,
	{ error, artifact }: { error: CapError; artifact: Delivery['artifact'] },
): DeliverySettlement {
	const at = ctx.clock.now();
	const why = 'storage';
	ctx.metrics.count('capscheduler_deliveries_held_total', { why });
	const dueAt = Math.min(at + STORE_PAUSE, delivery.deadlineAt ?? Infinity);
	const { code, message } = error;
	return heldBack(delivery, { at, dueAt, why, artifact, error: { code, message } });
}

/** Sends, and tells the place how it went, whatever happens. */
async function sendInTurn(
	ctx: Context,
	about: Sending & { trouble: () => CapError | null },
	leave: Extract<Entry, { go: true }>['leave'],
): Promise<SendOutcome> {
	let told: Outcome = { kind: 'neutral' };
	try {
		const outcome = await sendFiles(ctx, about);
		if (outcome.kind === 'delivered') told = { kind: 'delivered' };
		else if (about.trouble() !== null) told = { kind: 'neutral' };
		else if (about.held.reason() === undefined || about.held.reason() === 'timeout') {
			told = outcomeOf(failureOf(outcome, about.held));
		}
		return outcome;
	} finally {
		// the delivery's own end must not wait for, nor depend on, what is kept of its place
		await leave(told).catch((error: unknown) => {
			ctx.log.error('place not updated', { error: error instanceof Error ? error : undefined });
		});
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

type Source = Required<About>;

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
