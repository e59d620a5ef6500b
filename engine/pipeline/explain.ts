import type { Actor } from '../contract/access.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Run } from '../contract/run.ts';
import type { LedgerRow, Schedule } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import { explain } from '../core/explain/explain.ts';
import { predict } from '../core/explain/predict.ts';
import { formatLocal } from '../core/schedule/local-time.ts';
import { calendarsAt, calendarsOf } from './calendars.ts';
import { findSchedule, specOf } from './change-schedule.ts';
import type { Context } from './context.ts';
import { presentRun } from './present.ts';

/** How many rows are read at most to find the run that an occurrence was coalesced into. */
const READ = 1000;
const READ_AT_ONCE = 200;

/** @param at default: the last occurrence that was decided, else the next one */
export async function explainOccurrence(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	at?: Instant,
): Promise<JsonObject> {
	const schedule = await findSchedule(ctx, actor, id);
	const now = ctx.clock.now();
	const asked = at ?? schedule.lastAt ?? schedule.nextAt ?? now;
	const spec = await specOf(ctx, schedule);
	const row = await rowAt(ctx, schedule, asked);
	const calendars =
		row === null
			? await calendarsOf(ctx, schedule)
			: await calendarsAt(ctx, schedule, row.decidedAt);
	const due = { schedule, spec, calendars };
	const predicted =
		row === null && schedule.dueAt !== null && schedule.dueAt <= now && asked <= now
			? predict({ ...due, active: await ctx.store.activeRunsOf(actor.tenant, id) }, asked, now)
			: null;
	const into = row?.outcome === 'coalesced' ? await firedAfter(ctx, schedule, row) : null;
	const found = explain({ ...due, at: asked, now, row, into, predicted });
	const run = row?.runId == null ? null : await ctx.store.getRun(actor.tenant, row.runId);
	return {
		at: toIso(asked),
		local: formatLocal(schedule.timing.timeZone, asked),
		verdict: found.verdict,
		summary: found.summary,
		chain: found.chain.map((step) => ({ ...step })),
		nearest: {
			previous: presentInstant(schedule, found.previous),
			next: presentInstant(schedule, found.next),
		},
		run: presentOrNull(run),
	};
}

async function rowAt(
	ctx: Context,
	{ tenant, id }: Schedule,
	at: Instant,
): Promise<LedgerRow | null> {
	const { items } = await ctx.store.listOccurrences(tenant, id, { from: at, to: at }, { limit: 1 });
	return items[0] ?? null;
}

async function firedAfter(
	ctx: Context,
	{ tenant, id }: Schedule,
	row: LedgerRow,
): Promise<LedgerRow | null> {
	let from = row.nominalAt + 1;
	for (let read = 0; read < READ; read += READ_AT_ONCE) {
		const page = await ctx.store.listOccurrences(tenant, id, { from }, { limit: READ_AT_ONCE });
		const fired = page.items.find(({ outcome }) => outcome === 'fired');
		const last = page.items.at(-1);
		if (fired !== undefined || page.nextCursor === null || last === undefined) return fired ?? null;
		from = last.nominalAt + 1;
	}
	return null;
}

function presentInstant({ timing }: Schedule, at: Instant | undefined): JsonObject | null {
	return at === undefined ? null : { at: toIso(at), local: formatLocal(timing.timeZone, at) };
}

function presentOrNull(run: Run | null): JsonObject | null {
	return run === null ? null : presentRun(run);
}
