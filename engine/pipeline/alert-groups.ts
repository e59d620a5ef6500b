import type { AlertKind } from '../contract/alert.ts';
import type { EventDraft } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Alert, AlertGroup } from '../core/delivery/alerts.ts';
import { newGroup, raised, tellAt } from '../core/delivery/alerts.ts';
import type { SharedState } from '../stores/shared-state.port.ts';
import type { Context } from './context.ts';

/** How long a group is kept after it last changed. */
export const KEEP: Duration = 7 * 86_400_000;
/** Of writing a group that others write too. */
export const TRIES = 20;

/** Where an alert goes. */
interface Recipient {
	destination: string;
}

interface GroupName {
	tenant: string;
	name: string;
	subject: string;
}

/**
 * An alert that cannot be kept must keep nothing else from happening.
 * @returns whether whoever is to know of it will
 */
export async function raise(
	ctx: Context,
	spec: RunSpec | null,
	group: GroupName,
	alert: Alert,
): Promise<boolean> {
	try {
		const recipients = await recipientsOf(ctx, group.tenant, spec, alert.kind);
		let isNew = recipients.length === 0;
		for (const { destination } of recipients) {
			if (await addTo(ctx, group, { destination, alert })) isNew = true;
		}
		// what goes on is raised with every look at it, and a settlement that is written again raises it again
		if (isNew) ctx.metrics.count('capscheduler_alerts_total', { kind: alert.kind });
		return true;
	} catch (error) {
		notKept(ctx, error);
		return false;
	}
}

export function notKept(ctx: Context, error: unknown): void {
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
	const all = await listenersOf(ctx, tenant);
	return all.filter(({ alerts }) => alerts.includes(wanted)).map(({ id }) => ({ destination: id }));
}

/** A destination of the tenant that is told of something. */
interface Listener {
	id: string;
	alerts: readonly AlertKind[];
}

/** How old what is known of them may be: an outage raises thousands of alerts at once. */
const FRESH: Duration = 1_000;
interface Known {
	readAt: number;
	all: Promise<Listener[]>;
}
const known = new WeakMap<Context['store'], Map<string, Known>>();

async function listenersOf(ctx: Context, tenant: string): Promise<Listener[]> {
	const now = ctx.clock.monotonic();
	const tenants = known.get(ctx.store) ?? new Map<string, Known>();
	known.set(ctx.store, tenants);
	const before = tenants.get(tenant);
	if (before !== undefined && now - before.readAt < FRESH) return before.all;
	for (const [name, { readAt }] of tenants) if (now - readAt >= FRESH) tenants.delete(name);
	const all = readListeners(ctx, tenant);
	tenants.set(tenant, { readAt: now, all });
	all.catch(() => tenants.delete(tenant));
	return all;
}

/** A destination was made, changed or deleted here. */
export function forgetListeners(ctx: Pick<Context, 'store'>, tenant: string): void {
	known.get(ctx.store)?.delete(tenant);
}

async function readListeners(ctx: Context, tenant: string): Promise<Listener[]> {
	const found: Listener[] = [];
	let cursor: string | null = null;
	do {
		const page: Awaited<ReturnType<Context['store']['listDestinations']>> =
			await ctx.store.listDestinations(tenant, {
				limit: 200,
				...(cursor === null ? {} : { cursor }),
			});
		for (const { id, enabled, rules } of page.items) {
			if (enabled && rules?.alerts !== undefined) found.push({ id, alerts: rules.alerts });
		}
		cursor = page.nextCursor;
	} while (cursor !== null);
	return found;
}

/** @returns false when the group has it already, or nobody was told of what is over */
async function addTo(
	ctx: Context,
	{ tenant, name, subject }: GroupName,
	{ destination, alert }: { destination: string; alert: Alert },
): Promise<boolean> {
	const key = `alert:${destination}:${name}`;
	for (let tries = 1; tries <= TRIES; tries++) {
		const stored = await ctx.store.getShared(tenant, key);
		const before = stored === null ? newGroup(subject) : groupOf(stored);
		const after = raised(before, alert);
		if (after === before) return false;
		const at = ctx.clock.now();
		const dueAt =
			before.sending !== null ? (stored?.dueAt ?? at) : earliest(stored?.dueAt, tellAt(after, at));
		const events = [raisedEvent(tenant, destination, alert, at)];
		const next = { tenant, key, value: valueOf(after), dueAt, keepUntil: at + KEEP };
		if (await ctx.store.putShared(next, { expected: stored?.revision ?? 0, events })) return true;
	}
	throw new Error(`${key}: too many writers`);
}

function earliest(one: Instant | null | undefined, two: Instant | null): Instant | null {
	if (one === null || one === undefined) return two;
	return two === null ? one : Math.min(one, two);
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

export const groupOf = ({ value }: SharedState): AlertGroup => value as unknown as AlertGroup;
export const valueOf = (group: AlertGroup): JsonObject => group as unknown as JsonObject;
