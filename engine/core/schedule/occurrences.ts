import type { DueSchedule, OccurrenceDecision, RunSettlement } from '../../contract/change.ts';
import type { Trigger } from '../../contract/envelope.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { NewId } from '../../contract/ids.ts';
import { ON_TIME_WITHIN } from '../../contract/policies.ts';
import type { Run } from '../../contract/run.ts';
import type { LedgerRow, Outcome, RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { runEvent } from '../run/transitions.ts';

export interface OccurrenceContext {
	now: Instant;
	newId: NewId;
	nextAfter: (timing: Timing, after: Instant) => Instant | undefined;
	/** Settles a run that `overlap: cancel_other` ends. */
	cancel: (run: Run, because: string) => RunSettlement;
	/** How many late instants are decided in one go at most; the rest follow in the next. */
	batch?: number;
}

const BATCH = 1000;

type Decided = Pick<LedgerRow, 'outcome' | 'reason' | 'trigger'>;

/**
 * What the due instants of one schedule become. Rules, in this order:
 *
 * 1. An instant within a time of pause is `skipped_paused`.
 * 2. When the first due instant is late (more than ON_TIME_WITHIN), the schedule is catching up:
 *    - `none`: late instants are `missed`.
 *    - `latest`: every instant but the last due one is `coalesced` into it; beyond the window `missed`.
 *    - `all`: every due instant fires, one after another; late ones beyond the window are `missed`.
 * 3. What would fire meets the overlap policy. Under `all`, instants that are late, or due together, are
 *    buffered rather than skipped: "all" would be empty otherwise.
 * 4. After `limit` runs the schedule is completed; there are no occurrences after that.
 */
export function decideOccurrences(
	due: DueSchedule,
	context: OccurrenceContext,
): OccurrenceDecision {
	const { schedule } = due;
	const { instants, following } = collectDue(schedule, context);
	const pass = new Pass(due, context, instants.length);
	const live = lastLive(due, { instants, following }, context);
	for (const [index, at] of instants.entries()) {
		if (pass.limitReached) break;
		pass.decide(at, { next: instants[index + 1] ?? following.due, live: live > at });
	}
	return pass.finish(pass.limitReached ? undefined : following.next);
}

interface Following {
	/** The next instant that is due too but left for the next pass. */
	due: Instant | undefined;
	next: Instant | undefined;
}

function collectDue(
	schedule: Schedule,
	{ now, nextAfter, batch = BATCH }: OccurrenceContext,
): { instants: Instant[]; following: Following } {
	const instants: Instant[] = [];
	let next: Instant | undefined = schedule.nextAt ?? undefined;
	// A pass ends in the late past only: instants that are on time are always decided together.
	while (
		next !== undefined &&
		next <= now &&
		(instants.length < batch || next >= now - ON_TIME_WITHIN)
	) {
		instants.push(next);
		next = nextAfter(schedule.timing, next);
	}
	return {
		instants,
		following: { due: next !== undefined && next <= now ? next : undefined, next },
	};
}

/**
 * A due instant at which the schedule was not paused, the later the better; -Infinity when there is none.
 * Only `cancel_other` asks. Pauses are leapt over: one may be a month long, of a schedule of every second.
 */
function lastLive(
	{ schedule, spec }: DueSchedule,
	{ instants, following }: { instants: readonly Instant[]; following: Following },
	{ now, nextAfter }: OccurrenceContext,
): Instant {
	if (spec.policies.overlap !== 'cancel_other') return -Infinity;
	let next = following.due;
	while (next !== undefined && next <= now) {
		const pause = pauseAt(schedule, next);
		if (pause === undefined) return next;
		if (pause.to === null) break;
		next = nextAfter(schedule.timing, pause.to - 1);
	}
	return instants.findLast((at) => !isPausedAt(schedule, at)) ?? -Infinity;
}

function pauseAt({ pauses }: Schedule, at: Instant): Schedule['pauses'][number] | undefined {
	return pauses.find(({ from, to }) => at >= from && (to === null || at < to));
}

function isPausedAt(schedule: Schedule, at: Instant): boolean {
	return pauseAt(schedule, at) !== undefined;
}

/** What is due after an instant. */
interface Later {
	next: Instant | undefined;
	/** Whether there is one at which the schedule was not paused; told for `cancel_other` only. */
	live: boolean;
}

/** The running state of one pass over the due instants of a schedule. */
class Pass {
	readonly #due: DueSchedule;
	readonly #context: OccurrenceContext;
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

	constructor(due: DueSchedule, context: OccurrenceContext, count: number) {
		this.#due = due;
		this.#context = context;
		const first = due.schedule.nextAt ?? context.now;
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

	decide(at: Instant, later: Later): void {
		const decided = this.#outcomeOf(at, later);
		const run = decided.outcome === 'fired' ? this.#fire(at, decided.trigger) : null;
		this.#record(at, decided, run);
		this.#lastAt = at;
		if (decided.outcome !== 'coalesced') this.#windowStart = at;
	}

	finish(next: Instant | undefined): OccurrenceDecision {
		const { schedule } = this.#due;
		const { now } = this.#context;
		const completed = next === undefined;
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
		return {
			ledger: this.#ledger,
			runs: this.#runs,
			settle: this.#settle,
			set: {
				state: completed ? 'completed' : schedule.state,
				lastAt,
				windowFrom: this.#windowStart,
				nextAt: next ?? null,
				runsMade: this.#runsMade,
				pauses: schedule.pauses.filter(({ to }) => to === null || lastAt === null || to > lastAt),
				updatedAt: completed ? now : schedule.updatedAt,
			},
			timerAt: next ?? null,
			events: this.#events,
		};
	}

	#outcomeOf(at: Instant, later: Later): Decided {
		const { schedule, spec } = this.#due;
		const { now } = this.#context;
		if (isPausedAt(schedule, at)) {
			return { outcome: 'skipped_paused', reason: 'the schedule was paused', trigger: 'schedule' };
		}
		const late = now - at > ON_TIME_WITHIN;
		const { mode, window } = spec.policies.catchUp;
		const trigger: Trigger = late ? 'catch_up' : 'schedule';
		if (late && mode === 'none') {
			return { outcome: 'missed', reason: 'late, and catchUp.mode is none', trigger };
		}
		if (late && now - at > window) {
			return { outcome: 'missed', reason: 'later than catchUp.window', trigger };
		}
		if (
			this.#catchingUp &&
			mode === 'latest' &&
			later.next !== undefined &&
			!isPausedAt(schedule, later.next)
		) {
			return { outcome: 'coalesced', reason: 'a later occurrence was due too', trigger };
		}
		return this.#afterOverlap(later, trigger, mode === 'all' && this.#behind);
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
				return !later.live
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

	#fire(at: Instant, trigger: Trigger): Run {
		const { schedule, spec, active } = this.#due;
		const { now, newId, cancel } = this.#context;
		if (spec.policies.overlap === 'cancel_other' && !this.#cancelledOthers) {
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
			trigger,
			nominalAt: at,
			windowStart: this.#windowStart,
			now,
		});
		this.#runs.push(run);
		this.#runsMade += 1;
		return run;
	}

	#record(at: Instant, { outcome, reason, trigger }: Decided, run: Run | null): void {
		const { schedule } = this.#due;
		const { now } = this.#context;
		const runId = run?.id ?? null;
		this.#ledger.push({
			tenant: schedule.tenant,
			scheduleId: schedule.id,
			nominalAt: at,
			outcome,
			decidedAt: now,
			trigger,
			runId,
			reason,
		});
		this.#events.push(occurrenceEvent(schedule, { at, outcome, reason, runId, now }));
		if (run !== null) this.#events.push(runEvent('run.queued', run, now));
	}
}

function occurrenceEvent(
	schedule: Schedule,
	decided: {
		at: Instant;
		outcome: Outcome;
		reason: string | null;
		runId: string | null;
		now: Instant;
	},
): EventDraft {
	const { at, outcome, reason, runId, now } = decided;
	return {
		type: `occurrence.${outcome}`,
		tenant: schedule.tenant,
		at: now,
		subject: { scheduleId: schedule.id, ...(runId === null ? {} : { runId }) },
		data: { nominalAt: new Date(at).toISOString(), ...(reason === null ? {} : { reason }) },
	};
}

/** A run that is ready at once. */
export function newRun(made: {
	id: Run['id'];
	spec: RunSpec;
	specId: string;
	scheduleId: Run['scheduleId'];
	trigger: Trigger;
	nominalAt: Instant | null;
	windowStart: Instant | null;
	now: Instant;
}): Run {
	const { id, spec, specId, scheduleId, trigger, nominalAt, windowStart, now } = made;
	return {
		id,
		tenant: spec.tenant,
		scheduleId,
		specId,
		capability: spec.capability,
		action: spec.action,
		trigger,
		nominalAt,
		windowStart,
		createdAt: now,
		readyAt: now,
		state: 'queued',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		deadlineAt: null,
		// Whatever makes it (an occurrence, a hand, a catch-up): a schedule's runs go one at a time, unless allowed.
		serialKey: scheduleId !== null && spec.policies.overlap !== 'allow_all' ? scheduleId : null,
		concurrencyKey: spec.policies.concurrencyKey ?? null,
		held: false,
		startedAt: null,
		endedAt: null,
		resultId: null,
		error: null,
		progress: null,
	};
}
