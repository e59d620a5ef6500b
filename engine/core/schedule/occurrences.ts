import type { DueSchedule, OccurrenceDecision, RunSettlement } from '../../contract/change.ts';
import type { Trigger } from '../../contract/envelope.ts';
import { assertNever } from '../../contract/errors.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { NewId } from '../../contract/ids.ts';
import { concurrencyOf, ON_TIME_WITHIN } from '../../contract/policies.ts';
import type { Run } from '../../contract/run.ts';
import type { LedgerRow, Pause, RunSpec } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { runEvent } from '../run/transitions.ts';
import { failsSla, occurrenceEvent, slaMissedEvent } from './occurrence-events.ts';
import { overridesAfter } from './overrides.ts';
import type { Decided } from './pauses.ts';
import { BACKLOG_FIRED, lastOfPause, PAUSED, pauseAt } from './pauses.ts';
import type { Plan } from './plan.ts';
import { planOfSchedule } from './plan.ts';

export interface OccurrenceContext {
	now: Instant;
	newId: NewId;
	/** Settles a run that `overlap: cancel_other` ends. */
	cancel: (run: Run, because: string) => RunSettlement;
	/** How many late instants are decided in one go at most; the rest follow in the next. */
	batch?: number;
}

const BATCH = 1000;

/**
 * What the due occurrences of one schedule become. An occurrence is late, paused or not by the instant at
 * which it is due, which jitter may put after its nominal instant. Rules, in this order:
 *
 * 1. What a person took out is `skipped_by_user`; what an exclusion or a clock change took out, `skipped_calendar`.
 * 2. What was due within a time of pause becomes what was said when it ended: `skipped_paused`; or its last one
 *    fires and stands for the others (`latest`); or each fires (`all`). Those that fire are queued behind whatever
 *    runs: somebody asked for them, so neither `overlap` nor `catchUp` drops them, nor do they cancel others.
 * 3. When the first one is late (more than ON_TIME_WITHIN), the schedule is catching up:
 *    - `none`: late ones are `missed`.
 *    - `latest`: every one but the last that can run is `coalesced` into it; beyond the window `missed`.
 *    - `all`: every one fires, one after another; late ones beyond the window are `missed`.
 * 4. What would fire meets the overlap policy. Under `all`, occurrences that are late, or due together, are
 *    buffered rather than skipped: "all" would be empty otherwise.
 * 5. After `limit` runs the schedule is completed; there are no occurrences after that.
 */
export function decideOccurrences(
	due: DueSchedule,
	context: OccurrenceContext,
): OccurrenceDecision {
	const { schedule, calendars } = due;
	const plan = planOfSchedule(schedule, calendars);
	const { batch, following } = collectDue(due, plan, context);
	const pass = new Pass(due, context, { plan, count: batch.length });
	const live = lastLive(due, plan, { batch, following }, context);
	for (const occasion of batch) {
		if (pass.limitReached) break;
		pass.decide(occasion, { laterLive: live > occasion.at });
	}
	return pass.finish(pass.limitReached ? undefined : following?.at);
}

/** One occurrence that may be due. */
interface Occasion {
	/** Nominal. */
	at: Instant;
	dueAt: Instant;
}

function collectDue(
	{ schedule }: DueSchedule,
	plan: Plan,
	{ now, batch: size = BATCH }: OccurrenceContext,
): { batch: Occasion[]; following: Occasion | undefined } {
	const batch: Occasion[] = [];
	let following = occasionAt(plan, schedule.nextAt ?? undefined);
	// A pass ends in the late past only: occurrences that are on time are always decided together.
	while (
		following !== undefined &&
		following.dueAt <= now &&
		(batch.length < size || following.dueAt >= now - ON_TIME_WITHIN)
	) {
		batch.push(following);
		following = occasionAt(plan, plan.next(following.at));
	}
	return { batch, following };
}

function occasionAt(plan: Plan, at: Instant | undefined): Occasion | undefined {
	return at === undefined ? undefined : { at, dueAt: plan.dueAt(at) };
}

/**
 * A due occurrence that can run, the later the better; -Infinity when there is none. Pauses are leapt over:
 * one may be a month long, of a schedule of every second.
 */
function lastLive(
	{ schedule }: DueSchedule,
	plan: Plan,
	{ batch, following }: { batch: readonly Occasion[]; following: Occasion | undefined },
	{ now }: OccurrenceContext,
): Instant {
	const slack = schedule.timing.jitter?.max ?? 0;
	let next = following;
	while (next !== undefined && next.dueAt <= now) {
		const pause = pauseAt(schedule, next.dueAt);
		if (pause === undefined && plan.skip(next.at) === null) return next.at;
		if (pause?.to === null) break;
		const over = pause === undefined ? next.at : Math.max(next.at, pause.to - 1 - slack);
		next = occasionAt(plan, plan.next(over));
	}
	const last = batch.findLast(
		({ at, dueAt }) => pauseAt(schedule, dueAt) === undefined && plan.skip(at) === null,
	);
	return last?.at ?? -Infinity;
}

/** What is due after an occurrence. */
interface Later {
	/** Whether there is one that can run. */
	laterLive: boolean;
}

/** The running state of one pass over the due instants of a schedule. */
class Pass {
	readonly #due: DueSchedule;
	readonly #context: OccurrenceContext;
	readonly #plan: Plan;
	readonly #catchingUp: boolean;
	/** Whether more than the one instant is due, or it is late. */
	readonly #behind: boolean;
	readonly #ledger: LedgerRow[] = [];
	readonly #runs: Run[] = [];
	readonly #settle: RunSettlement[] = [];
	readonly #events: EventDraft[] = [];
	#runsMade: number;
	#lastAt: Instant | null;
	/** Where the window of the next run starts: before the instants that were coalesced into it, in earlier passes too. */
	#windowStart: Instant | null;
	#cancelledOthers = false;
	/** The last occurrence of a pause, once it was asked for. */
	#latest: { pause: Pause; at: Instant | undefined } | null = null;

	constructor(
		due: DueSchedule,
		context: OccurrenceContext,
		{ plan, count }: { plan: Plan; count: number },
	) {
		this.#due = due;
		this.#context = context;
		this.#plan = plan;
		const first = due.schedule.dueAt ?? context.now;
		this.#catchingUp = context.now - first > ON_TIME_WITHIN;
		this.#behind = this.#catchingUp || count > 1;
		this.#runsMade = due.schedule.runsMade;
		this.#lastAt = due.schedule.lastAt;
		this.#windowStart = due.schedule.windowFrom;
	}

	get limitReached(): boolean {
		const { limit } = this.#due.schedule.timing;
		return limit !== undefined && this.#runsMade >= limit;
	}

	decide(occasion: Occasion, later: Later): void {
		const { at } = occasion;
		const decided = this.#outcomeOf(occasion, later);
		const run = decided.outcome === 'fired' ? this.#fire(occasion, decided) : null;
		this.#record(occasion, decided, run);
		// What was coalesced or moved waits for the run that stands for it, whatever is skipped in between.
		const waiting =
			decided.outcome === 'coalesced' ||
			decided.movedTo !== undefined ||
			this.#windowStart !== this.#lastAt;
		if (decided.outcome === 'fired' || !waiting) this.#windowStart = at;
		this.#lastAt = at;
	}

	finish(next: Instant | undefined): OccurrenceDecision {
		const { schedule } = this.#due;
		const { now } = this.#context;
		// One that is paused is only looked at before its timing changes; it has no timer, and stays as it is.
		const paused = schedule.state === 'paused';
		const completed = next === undefined && !paused;
		if (completed) {
			this.#events.push({
				type: 'schedule.completed',
				tenant: schedule.tenant,
				at: now,
				subject: { scheduleId: schedule.id },
				data: { runsMade: this.#runsMade },
			});
		}
		const lastAt = this.#lastAt;
		const dueAt = next === undefined ? null : this.#plan.dueAt(next);
		return {
			ledger: this.#ledger,
			runs: this.#runs,
			settle: this.#settle,
			set: {
				state: completed ? 'completed' : schedule.state,
				lastAt,
				windowFrom: this.#windowStart,
				nextAt: next ?? null,
				dueAt,
				overrides: overridesAfter(schedule.overrides, lastAt),
				runsMade: this.#runsMade,
				pauses: schedule.pauses.filter(({ to }) => to === null || lastAt === null || to > lastAt),
				updatedAt: completed ? now : schedule.updatedAt,
			},
			timerAt: paused ? null : dueAt,
			events: this.#events,
		};
	}

	#outcomeOf({ at, dueAt }: Occasion, later: Later): Decided {
		const { schedule, spec } = this.#due;
		const { now } = this.#context;
		const skip = this.#plan.skip(at);
		if (skip !== null) return { ...skip, trigger: 'schedule' };
		const pause = pauseAt(schedule, dueAt);
		if (pause !== undefined) return this.#ofPause(at, pause);
		const late = now - dueAt > ON_TIME_WITHIN;
		const { mode, window } = spec.policies.catchUp;
		const trigger: Trigger = late ? 'catch_up' : 'schedule';
		if (late && mode === 'none') {
			return { outcome: 'missed', reason: 'late, and catchUp.mode is none', trigger };
		}
		if (late && now - dueAt > window) {
			return { outcome: 'missed', reason: 'later than catchUp.window', trigger };
		}
		if (this.#catchingUp && mode === 'latest' && later.laterLive) {
			return { outcome: 'coalesced', reason: 'a later occurrence was due too', trigger };
		}
		return this.#afterOverlap(later, trigger, mode === 'all' && this.#behind);
	}

	#ofPause(at: Instant, pause: Pause): Decided {
		const backlog = pause.backlog ?? 'skip';
		switch (backlog) {
			case 'skip':
				return PAUSED;
			case 'latest':
				return at === this.#lastOfPause(pause)
					? BACKLOG_FIRED
					: {
							outcome: 'coalesced',
							reason: 'the last occurrence of the pause runs for it',
							trigger: 'catch_up',
						};
			case 'all':
				return BACKLOG_FIRED;
			default:
				return assertNever(backlog);
		}
	}

	/** The same in every pass over the pause, however many it takes. */
	#lastOfPause(pause: Pause): Instant | undefined {
		if (this.#latest?.pause !== pause) {
			const { jitter } = this.#due.schedule.timing;
			this.#latest = { pause, at: lastOfPause(this.#plan, pause, jitter) };
		}
		return this.#latest.at;
	}

	#afterOverlap(later: Later, trigger: Trigger, buffer: boolean): Decided {
		const { spec, active } = this.#due;
		const fired: Decided = { outcome: 'fired', reason: null, trigger };
		const others = this.#cancelledOthers ? 0 : active.length;
		const before = others + this.#runs.length;
		const overlap = spec.policies.overlap;
		if (before === 0 && overlap !== 'cancel_other') return fired;
		switch (overlap) {
			case 'allow_all':
			case 'buffer_all':
				return fired;
			case 'cancel_other':
				return !later.laterLive
					? fired
					: { outcome: 'coalesced', reason: 'a later occurrence would cancel it at once', trigger };
			case 'skip':
			case 'buffer_one': {
				if (buffer) return fired;
				const allowed = overlap === 'skip' ? 0 : 1;
				if (before <= allowed) return fired;
				const blocking = this.#runs.at(-1)?.id ?? active.at(-1)?.id ?? '';
				return { outcome: 'skipped_overlap', reason: `run ${blocking} is not over`, trigger };
			}
		}
	}

	#fire({ at, dueAt }: Occasion, decided: Decided): Run {
		const { schedule, spec, active } = this.#due;
		const { now, newId, cancel } = this.#context;
		const cancels = spec.policies.overlap === 'cancel_other' && decided !== BACKLOG_FIRED;
		if (cancels && !this.#cancelledOthers) {
			this.#cancelledOthers = true;
			for (const other of active) {
				this.#settle.push(cancel(other, 'a later occurrence of the schedule is due'));
			}
		}
		const run = newRun({
			id: newId('run'),
			spec,
			specId: schedule.specId,
			scheduleId: schedule.id,
			trigger: decided.trigger,
			nominalAt: at,
			movedFrom: this.#plan.movedFrom(at),
			windowStart: this.#windowStart,
			dueAt,
			now,
		});
		this.#runs.push(run);
		this.#runsMade += 1;
		return run;
	}

	#record({ at, dueAt }: Occasion, { outcome, reason, trigger }: Decided, run: Run | null): void {
		const { schedule } = this.#due;
		const { now } = this.#context;
		const runId = run?.id ?? null;
		this.#ledger.push({
			tenant: schedule.tenant,
			scheduleId: schedule.id,
			nominalAt: at,
			dueAt,
			outcome,
			decidedAt: now,
			trigger,
			runId,
			reason,
			movedFrom: this.#plan.movedFrom(at),
		});
		this.#events.push(occurrenceEvent(schedule, { at, outcome, reason, runId, now }));
		if (this.#due.spec.policies.sla !== undefined && failsSla(outcome)) {
			this.#events.push(slaMissedEvent(schedule, { at, outcome, reason, now }));
		}
		if (run !== null) this.#events.push(runEvent('run.queued', run, now));
	}
}

/** A run that is ready at once. `dueAt`: when its occurrence was due; the SLA of a run without one begins now. */
export function newRun(made: {
	id: Run['id'];
	spec: RunSpec;
	specId: string;
	scheduleId: Run['scheduleId'];
	trigger: Trigger;
	nominalAt: Instant | null;
	movedFrom?: Instant | null;
	windowStart: Instant | null;
	dueAt?: Instant;
	now: Instant;
}): Run {
	const { id, spec, specId, scheduleId, trigger, nominalAt, windowStart, now } = made;
	const concurrency = concurrencyOf(spec.policies);
	const { sla, priority, overlap } = spec.policies;
	return {
		id,
		tenant: spec.tenant,
		scheduleId,
		specId,
		capability: spec.capability,
		action: spec.action,
		trigger,
		nominalAt,
		movedFrom: made.movedFrom ?? null,
		windowStart,
		backfillId: null,
		createdAt: now,
		readyAt: now,
		state: 'queued',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		deadlineAt: null,
		beatBy: null,
		priority: priority ?? 0,
		// Whatever makes it (an occurrence, a hand, a catch-up): a schedule's runs go one at a time, unless allowed.
		serialKey: scheduleId !== null && overlap !== 'allow_all' ? scheduleId : null,
		concurrencyKey: concurrency?.key ?? null,
		concurrencyLimit: concurrency?.limit ?? 1,
		slaDueAt: sla === undefined ? null : (made.dueAt ?? now) + sla.deliveredWithin,
		slaState: sla === undefined ? null : 'pending',
		slaSettledAt: null,
		held: false,
		startedAt: null,
		endedAt: null,
		resultId: null,
		error: null,
		progress: null,
	};
}
