import type { RunSettlement } from '../contract/change.ts';
import type { RunId } from '../contract/ids.ts';
import { slaAfterEnd } from '../core/run/sla.ts';
import { cancelled } from '../core/run/transitions.ts';
import { decideOccurrences } from '../core/schedule/occurrences.ts';
import type { Context } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';

/** Schedules of one commit at most. */
const BATCH = 256;
/** Ledger rows of one commit, about: after a long outage the past is written in pieces, and the API goes on. */
const ROWS = 2000;

/**
 * Turns what is due into ledger rows and runs: one commit of it, so that claims come in between.
 * @returns whether more is due
 */
export async function occur(ctx: Context): Promise<boolean> {
	const now = ctx.clock.now();
	const cancelledRuns: RunId[] = [];
	const context = { at: now, newId: ctx.newId };
	let rows = 0;
	let left = false;
	const done = await ctx.store.occur(now, BATCH, (due) => {
		const slas: RunSettlement[] = [];
		const decision = decideOccurrences(due, {
			now,
			batch: Math.min(1000, Math.max(1, ROWS - rows)),
			newId: ctx.newId,
			cancel: (run, because) => {
				cancelledRuns.push(run.id);
				const end = cancelled(run, {
					at: now,
					error: { code: 'CANCELLED', message: because },
					followUps: makeFollowUps(ctx, run, due.spec, {
						state: 'cancelled',
						resultId: null,
						at: now,
					}),
				});
				const sla = slaAfterEnd(run, due.spec, end, context);
				if (sla !== null) slas.push(sla);
				return end;
			},
		});
		rows += decision.ledger.length;
		left ||= decision.timerAt !== null && decision.timerAt <= now;
		for (const { outcome, dueAt } of decision.ledger) {
			ctx.metrics.count('capscheduler_occurrences_total', { outcome });
			if (outcome === 'fired') {
				ctx.metrics.observe('capscheduler_lateness_seconds', (now - dueAt) / 1000);
			}
		}
		for (const { type } of [...decision.events, ...slas.flatMap(({ events }) => events)]) {
			if (type === 'sla.missed') ctx.metrics.count('capscheduler_sla_total', { state: 'missed' });
		}
		return slas.length === 0 ? decision : { ...decision, settle: [...decision.settle, ...slas] };
	});
	for (const id of cancelledRuns) {
		ctx.wake.abortAttempt(id, 'cancelled');
		ctx.wake.runEnded(id);
	}
	return left || done.schedules === BATCH;
}
