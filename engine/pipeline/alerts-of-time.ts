import type { AlertKind } from '../contract/alert.ts';
import type { Run } from '../contract/run.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { KEEP, raise } from './alert-groups.ts';
import type { Context } from './context.ts';

const BATCH = 250;

/** Runs and links that run out of time; called with every round of upkeep. */
export async function alertOfTime(ctx: Context): Promise<void> {
	await alertOfSlas(ctx);
	await alertOfLinks(ctx);
}

/** How far ahead is looked. */
const AHEAD: Duration = 900_000;
/** Of its time, used up: then it is at risk. */
const AT_RISK = 0.8;

/** A run that is at risk stays so: what its group has need not be read again with every round. */
const LATELY: Duration = 60_000;
const raisedAt = new WeakMap<Context['store'], Map<Run['id'], Instant>>();

function raisedLately(ctx: Context): Map<Run['id'], Instant> {
	const now = ctx.clock.monotonic();
	const before = raisedAt.get(ctx.store) ?? new Map<Run['id'], Instant>();
	for (const [id, at] of before) if (now - at >= LATELY) before.delete(id);
	raisedAt.set(ctx.store, before);
	return before;
}

async function alertOfSlas(ctx: Context): Promise<void> {
	const now = ctx.clock.now();
	const lately = raisedLately(ctx);
	for (const run of await ctx.store.listSlaDue(now + AHEAD, BATCH)) {
		const { slaDueAt, createdAt, nominalAt } = run;
		if (slaDueAt === null || slaDueAt <= now || lately.has(run.id)) continue;
		const from = nominalAt ?? createdAt;
		if (now - from < (slaDueAt - from) * AT_RISK) continue;
		const kept = await alertOfRun(ctx, run, 'sla_at_risk', {
			id: run.id,
			words: `run ${run.id} is ${run.state} and must be done by ${new Date(slaDueAt).toISOString()}`,
		});
		if (kept) lately.set(run.id, ctx.clock.monotonic());
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
	const links = await ctx.store.listUnusedLinks(after, until, BATCH);
	const full = links.length === BATCH;
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
): Promise<boolean> {
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId) ?? null;
	const name = spec?.schedule?.name ?? `${run.capability} ${run.action}`;
	const group = {
		tenant: run.tenant,
		name: `schedule:${run.scheduleId ?? run.capability}`,
		subject: name,
	};
	const { id: runId, scheduleId } = run;
	return raise(ctx, spec, group, { ...about, kind, at: ctx.clock.now(), scheduleId, runId });
}
