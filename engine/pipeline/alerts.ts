import type { AlertKind } from '../contract/alert.ts';
import { CapError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Delivery, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Alert, AlertGroup } from '../core/delivery/alerts.ts';
import { alertMessage, newGroup, raised, taken, tellAt } from '../core/delivery/alerts.ts';
import type { Circuit } from '../core/delivery/circuit.ts';
import type { SharedState } from '../stores/shared-state.port.ts';
import type { Context } from './context.ts';
import { sendMessage } from './message.ts';
import type { Place } from './place.ts';
import { inlinePlace, reachDestination } from './reach.ts';

/*
 * Who should know of trouble is told: the schedule's alert destination, else those of the tenant. The group that
 * tells of a death is kept before the death itself, so a crash may tell of one twice and never not at all; that of
 * a circuit is kept after it, and a crash just then loses it.
 */

/** Where an alert goes. */
interface Recipient {
	destination: string;
}

const KEEP: Duration = 7 * 86_400_000;
/** How long one attempt to tell holds its group. */
const LEASE: Duration = 120_000;
const TRIES = 20;
const BATCH = 50;

/** A delivery died; if something took over, that too. Called before it is written. */
export async function alertOfDeath(
	ctx: Context,
	delivery: Delivery,
	{ error, next }: { error: { code: string; message: string } | null; next: Delivery | undefined },
): Promise<void> {
	const at = ctx.clock.now();
	const { id, runId, scheduleId, tenant, target } = delivery;
	const spec = await specOf(ctx, tenant, runId);
	const about = { id, at, scheduleId, runId };
	const subject = await subjectOf(ctx, delivery);
	const group = { tenant, name: `place:${subject.key}`, subject: subject.name };
	const why = error === null ? '' : `: ${error.code}: ${error.message}`;
	await raise(ctx, spec, group, {
		...about,
		kind: 'delivery_dead',
		words: `delivery ${id} of run ${runId}, target ${target.key}${why}`,
	});
	if (next === undefined) return;
	const words = `delivery ${next.id} takes over for ${id}, target ${next.targetKey}`;
	await raise(ctx, spec, group, { ...about, kind: 'fallback_used', words });
}

/** A place is not tried for a while, or works again. Nobody waits for this, so it never rejects. */
export async function alertOfCircuit(
	ctx: Context,
	place: Pick<Place, 'tenant' | 'key' | 'name'>,
	circuit: Circuit,
	delivery: Pick<Delivery, 'id' | 'runId' | 'scheduleId'> | null,
): Promise<void> {
	const { state, reason, failures, since } = circuit;
	if (state === 'half_open') return;
	let spec: RunSpec | null = null;
	try {
		if (delivery !== null) spec = await specOf(ctx, place.tenant, delivery.runId);
	} catch (error) {
		notKept(ctx, error);
		return;
	}
	const group = { tenant: place.tenant, name: `place:${place.key}`, subject: place.name };
	const why = reason === null ? '' : `: ${reason.code}: ${reason.message}`;
	await raise(ctx, spec, group, {
		kind: state === 'open' ? 'circuit_open' : 'recovered',
		id: `${place.key}@${since}`,
		at: since,
		words: state === 'open' ? `${failures} failures in a row${why}` : 'a delivery got through',
		scheduleId: delivery?.scheduleId ?? null,
		runId: delivery?.runId ?? null,
	});
}

/** Runs and links that run out of time; called with every round of upkeep. */
export async function alertOfTime(ctx: Context): Promise<void> {
	await alertOfSlas(ctx);
	await alertOfLinks(ctx);
}

/** How far ahead is looked. */
const AHEAD: Duration = 900_000;
/** Of its time, used up: then it is at risk. */
const AT_RISK = 0.8;

async function alertOfSlas(ctx: Context): Promise<void> {
	const now = ctx.clock.now();
	for (const run of await ctx.store.listSlaDue(now + AHEAD, BATCH * 5)) {
		const { slaDueAt, createdAt, nominalAt } = run;
		if (slaDueAt === null || slaDueAt <= now) continue;
		const from = nominalAt ?? createdAt;
		if (now - from < (slaDueAt - from) * AT_RISK) continue;
		await alertOfRun(ctx, run, 'sla_at_risk', {
			id: run.id,
			words: `run ${run.id} is ${run.state} and must be done by ${new Date(slaDueAt).toISOString()}`,
		});
	}
}

const LINK_AHEAD: Duration = 3_600_000;
const SCAN = { tenant: '*', key: 'scan:links' };

/** Each link is looked at once, by one engine: the scan's own document says how far it got. */
async function alertOfLinks(ctx: Context): Promise<void> {
	const until = ctx.clock.now() + LINK_AHEAD;
	const scan = await ctx.store.getShared(SCAN.tenant, SCAN.key);
	const after = typeof scan?.value['until'] === 'number' ? scan.value['until'] : until - 60_000;
	if (until - after < 30_000) return;
	const links = await ctx.store.listUnusedLinks(after, until, BATCH * 5);
	const full = links.length === BATCH * 5;
	const reached = full ? (links.at(-1)?.expiresAt ?? until) : until;
	const next = { ...SCAN, value: { until: reached }, dueAt: null, keepUntil: until + KEEP };
	if (!(await ctx.store.putShared(next, { expected: scan?.revision ?? 0, events: [] }))) return;
	for (const { id, tenant, runId, expiresAt, createdAt } of links) {
		// one that lives no longer than the look ahead was never meant to lie about
		if (expiresAt - createdAt < 2 * LINK_AHEAD) continue;
		const run = await ctx.store.getRun(tenant, runId);
		if (run === null) continue;
		const words = `the result link ${id} of run ${runId} ends unused at ${new Date(expiresAt).toISOString()}`;
		await alertOfRun(ctx, run, 'link_unused', { id, words });
	}
}

async function alertOfRun(
	ctx: Context,
	run: Run,
	kind: AlertKind,
	about: { id: string; words: string },
): Promise<void> {
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId) ?? null;
	const name = spec?.schedule?.name ?? `${run.capability} ${run.action}`;
	const group = {
		tenant: run.tenant,
		name: `schedule:${run.scheduleId ?? run.capability}`,
		subject: name,
	};
	const { id: runId, scheduleId } = run;
	await raise(ctx, spec, group, { ...about, kind, at: ctx.clock.now(), scheduleId, runId });
}

// -- groups

interface GroupName {
	tenant: string;
	name: string;
	subject: string;
}

/** An alert that cannot be kept must keep nothing else from happening. */
async function raise(
	ctx: Context,
	spec: RunSpec | null,
	group: GroupName,
	alert: Alert,
): Promise<void> {
	try {
		ctx.metrics.count('capscheduler_alerts_total', { kind: alert.kind });
		for (const { destination } of await recipientsOf(ctx, group.tenant, spec, alert.kind)) {
			await addTo(ctx, group, { destination, alert });
		}
	} catch (error) {
		notKept(ctx, error);
	}
}

function notKept(ctx: Context, error: unknown): void {
	ctx.metrics.count('capscheduler_faults_total', { where: 'alerts' });
	ctx.log.error('alert not kept', { error: error instanceof Error ? error : undefined });
}

/** A schedule that names where its alerts go has said all; else the tenant's. */
async function recipientsOf(
	ctx: Context,
	tenant: string,
	spec: RunSpec | null,
	kind: Alert['kind'],
): Promise<Recipient[]> {
	const wanted = kind === 'recovered' ? 'circuit_open' : kind;
	const own = spec?.delivery?.alert;
	if (own !== undefined) return own.on.includes(wanted) ? [{ destination: own.destination }] : [];
	const found: Recipient[] = [];
	let cursor: string | null = null;
	do {
		const page: Awaited<ReturnType<Context['store']['listDestinations']>> =
			await ctx.store.listDestinations(tenant, {
				limit: 200,
				...(cursor === null ? {} : { cursor }),
			});
		for (const { id, enabled, rules } of page.items) {
			if (enabled && rules?.alerts?.includes(wanted) === true) found.push({ destination: id });
		}
		cursor = page.nextCursor;
	} while (cursor !== null);
	return found;
}

async function addTo(
	ctx: Context,
	{ tenant, name, subject }: GroupName,
	{ destination, alert }: { destination: string; alert: Alert },
): Promise<void> {
	const key = `alert:${destination}:${name}`;
	for (let tries = 1; tries <= TRIES; tries++) {
		const stored = await ctx.store.getShared(tenant, key);
		const before = stored === null ? newGroup(subject) : groupOf(stored);
		const after = raised(before, alert);
		if (after === before) return;
		const at = ctx.clock.now();
		const dueAt =
			before.sending !== null ? (stored?.dueAt ?? at) : earliest(stored?.dueAt, tellAt(after, at));
		const events = [raisedEvent(tenant, destination, alert, at)];
		const next = { tenant, key, value: valueOf(after), dueAt, keepUntil: at + KEEP };
		if (await ctx.store.putShared(next, { expected: stored?.revision ?? 0, events })) return;
	}
	throw new Error(`${key}: too many writers`);
}

function earliest(one: Instant | null | undefined, two: Instant | null): Instant | null {
	if (one === null || one === undefined) return two;
	return two === null ? one : Math.min(one, two);
}

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
	const at = ctx.clock.now();
	const before = groupOf(stored);
	const group =
		before.sending === null ? taken(before, { id: ctx.newId('notification'), at, tenant }) : before;
	const { sending } = group;
	if (sending === null) return;
	// whoever writes this first tells; should it be lost, somebody tells the same again
	const lease = { tenant, key, value: valueOf(group), dueAt: at + LEASE, keepUntil: at + KEEP };
	if (!(await ctx.store.putShared(lease, { expected: revision, events: [] }))) return;
	const { retries, failure } = await attempt(ctx, tenant, { destination, sending, signal });
	// the engine stops: whoever comes after tells the same again
	if (failure !== null && signal.aborted) return;
	const wait = failure === null || failure.final ? undefined : retries[sending.attempt - 1];
	await settle(ctx, { tenant, key, destination, sending, failure, wait });
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
		if (!(error instanceof CapError)) throw error;
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

function raisedEvent(tenant: string, destination: string, alert: Alert, at: Instant): EventDraft {
	const { kind, id, words, runId, scheduleId } = alert;
	return {
		type: 'alert.raised',
		tenant,
		at,
		subject: {
			destinationId: destination,
			...(runId === null ? {} : { runId }),
			...(scheduleId === null ? {} : { scheduleId }),
		},
		data: { kind, id, words },
	};
}

const groupOf = ({ value }: SharedState): AlertGroup => value as unknown as AlertGroup;
const valueOf = (group: AlertGroup): JsonObject => group as unknown as JsonObject;

async function specOf(ctx: Context, tenant: string, runId: Run['id']): Promise<RunSpec | null> {
	const run = await ctx.store.getRun(tenant, runId);
	return run === null ? null : ((await ctx.store.getSpecs([run.specId])).get(run.specId) ?? null);
}

/** What a dead delivery was to reach, as its circuit is named, so that both are one group. */
async function subjectOf(
	ctx: Context,
	{ tenant, target }: Delivery,
): Promise<{ key: string; name: string }> {
	if (target.destination === undefined)
		return inlinePlace(target.channel ?? '', target.settings ?? {});
	const destination = await ctx.store.getDestination(tenant, target.destination);
	return {
		key: destination?.id ?? target.destination,
		name: destination?.name ?? target.destination,
	};
}
