import { decideOccurrences } from '../core/schedule/occurrences.ts';
import { nextAfter } from '../core/schedule/timing.ts';
import { cancelled } from '../core/run/transitions.ts';
import type { RunId } from '../contract/ids.ts';
import type { Context } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';

const BATCH = 256;
/** Ledger rows of one commit, about: after a long outage the past is written in pieces, and the API goes on. */
const ROWS = 5000;

/**
 * Turns what is due into ledger rows and runs, until nothing is.
 * @returns how many runs were made
 */
export async function occur(ctx: Context): Promise<number> {
	let runs = 0;
	for (;;) {
		const now = ctx.clock.now();
		const cancelledRuns: RunId[] = [];
		let rows = 0;
		const done = await ctx.store.occur(now, BATCH, (due) => {
			const decision = decideOccurrences(due, {
				now,
				batch: Math.min(1000, Math.max(1, ROWS - rows)),
				newId: ctx.newId,
				nextAfter,
				cancel: (run, because) => {
					cancelledRuns.push(run.id);
					return cancelled(run, {
						at: now,
						error: { code: 'CANCELLED', message: because },
						followUps: makeFollowUps(ctx, run, due.spec, {
							state: 'cancelled',
							resultId: null,
							at: now,
						}),
					});
				},
			});
			rows += decision.ledger.length;
			for (const { outcome, nominalAt } of decision.ledger) {
				ctx.metrics.count('capscheduler_occurrences_total', { outcome });
				if (outcome === 'fired') {
					ctx.metrics.observe('capscheduler_lateness_seconds', (now - nominalAt) / 1000);
				}
			}
			return decision;
		});
		runs += done.runs;
		for (const id of cancelledRuns) {
			ctx.wake.abortAttempt(id, 'cancelled');
			ctx.wake.runEnded(id);
		}
		if (done.schedules < BATCH) return runs;
	}
}
