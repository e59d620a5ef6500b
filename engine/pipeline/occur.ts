import type { DueSchedule, OccurrenceDecision, RunSettlement } from '../contract/change.ts';
import type { RunId } from '../contract/ids.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec, Schedule } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { slaAfterEnd } from '../core/run/sla.ts';
import { cancelled } from '../core/run/transitions.ts';
import { decideOccurrences } from '../core/schedule/occurrences.ts';
import type { Context } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';

/** Schedules of one commit at most: some 15 ms of work, during which nobody else has a turn. */
const BATCH = 128;
/** Ledger rows of one commit, about: after a long outage the past is written in pieces, and the API goes on. */
const ROWS = 2000;

/**
 * Turns what is due into ledger rows and runs: one commit of it, so that claims come in between.
 * @returns whether more is due
 */
export async function occur(ctx: Context): Promise<boolean> {
	const now = ctx.clock.now();
	const deciding = new Deciding(ctx, now);
	const done = await ctx.store.occur(now, BATCH, (due) => deciding.decide(due));
	deciding.committed();
	return deciding.left || done.schedules === BATCH;
}

/** The same for one schedule, before somebody changes it: one commit of it. One that is paused stays so. */
export async function occurNow(ctx: Context, { tenant, id }: Schedule): Promise<void> {
	const now = ctx.clock.now();
	const deciding = new Deciding(ctx, now);
	await ctx.store.occurOne({ tenant, id, now }, (due) => deciding.decide(due));
	deciding.committed();
	ctx.wake.poke();
}

/** The decisions of one commit. */
class Deciding {
	readonly #ctx: Context;
	readonly #now: Instant;
	readonly #cancelled: RunId[] = [];
	#rows = 0;
	/** Whether more is due than was decided. */
	left = false;

	constructor(ctx: Context, now: Instant) {
		this.#ctx = ctx;
		this.#now = now;
	}

	decide(due: DueSchedule): OccurrenceDecision {
		const now = this.#now;
		const slas: RunSettlement[] = [];
		const decision = decideOccurrences(due, {
			now,
			batch: Math.min(1000, Math.max(1, ROWS - this.#rows)),
			newId: this.#ctx.newId,
			cancel: (run, because) => this.#cancel(run, due.spec, { because, slas }),
		});
		this.#rows += decision.ledger.length;
		this.left ||= decision.timerAt !== null && decision.timerAt <= now;
		for (const { outcome, dueAt } of decision.ledger) {
			this.#ctx.metrics.count('capscheduler_occurrences_total', { outcome });
			if (outcome === 'fired') {
				this.#ctx.metrics.observe('capscheduler_lateness_seconds', (now - dueAt) / 1000);
			}
		}
		if (due.spec.policies.sla !== undefined || slas.length > 0) {
			const without = decision.events.filter(({ type }) => type === 'sla.missed').length;
			const missed = without + slas.length;
			if (missed > 0)
				this.#ctx.metrics.count('capscheduler_sla_total', { state: 'missed' }, missed);
		}
		return slas.length === 0 ? decision : { ...decision, settle: [...decision.settle, ...slas] };
	}

	/** What its end says about its SLA is added to `slas`. */
	#cancel(
		run: Run,
		spec: RunSpec,
		{ because, slas }: { because: string; slas: RunSettlement[] },
	): RunSettlement {
		this.#cancelled.push(run.id);
		const at = this.#now;
		const ended = { state: 'cancelled', resultId: null, at } as const;
		const end = cancelled(run, {
			at,
			error: { code: 'CANCELLED', message: because },
			followUps: makeFollowUps(this.#ctx, run, spec, ended),
		});
		const sla = slaAfterEnd(run, spec, end, { at, newId: this.#ctx.newId });
		if (sla !== null) slas.push(sla);
		return end;
	}

	committed(): void {
		for (const id of this.#cancelled) {
			this.#ctx.wake.abortAttempt(id, 'cancelled');
			this.#ctx.wake.runEnded(id);
		}
	}
}
