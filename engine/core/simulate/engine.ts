import type { RunSettlement } from '../../contract/change.ts';
import type { NewId } from '../../contract/ids.ts';
import type { Run } from '../../contract/run.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import type { AttemptFailure } from '../run/outcome.ts';
import { afterFailure, afterLostLease } from '../run/outcome.ts';
import { cancelled, isOver } from '../run/transitions.ts';
import { decideOccurrences } from '../schedule/occurrences.ts';
import type { SimulatedClock } from './clock.ts';
import type { Actor, Outage } from './model.ts';
import { durationOf, failsAt } from './model.ts';

const NO_FOLLOW_UPS = { deliveries: [], notifications: [], links: [] };

/** An attempt under way, by true time: it goes on whatever the clock is set to. */
interface Attempt {
	actor: Actor;
	run: Run;
	startedAt: Instant;
	endsAt: Instant;
	failure: AttemptFailure | null;
}

/**
 * What an engine does, without doing it: the decisions are those of the engine itself (`decideOccurrences`,
 * the run's transitions); only the store, the capability and the passing of time are played.
 */
export class SimulatedEngine {
	readonly #actors: readonly Actor[];
	readonly #clock: SimulatedClock;
	readonly #concurrency: number;
	#attempts: Attempt[] = [];
	#ids = 0;

	constructor(
		actors: readonly Actor[],
		{ clock, concurrency }: { clock: SimulatedClock; concurrency: number },
	) {
		this.#actors = actors;
		this.#clock = clock;
		this.#concurrency = concurrency;
	}

	/** When something happens by itself next, by true time; Infinity when nothing ever does. */
	nextAt(time: Instant): Instant {
		let next = Number.POSITIVE_INFINITY;
		for (const { endsAt } of this.#attempts) next = Math.min(next, endsAt);
		let shown = Number.POSITIVE_INFINITY;
		for (const { schedule, unfinished } of this.#actors) {
			if (schedule.state === 'active' && schedule.dueAt !== null) {
				shown = Math.min(shown, schedule.dueAt);
			}
			for (const { state, readyAt } of unfinished) {
				if (state === 'retrying') shown = Math.min(shown, readyAt);
			}
		}
		return shown === Number.POSITIVE_INFINITY
			? next
			: Math.min(next, this.#clock.timeOf(shown, time));
	}

	/** Does all that is to be done at this instant. */
	work(time: Instant): void {
		const now = this.#clock.shows(time);
		this.#endAttempts(time, now);
		this.#requeue(now);
		this.#decide(now);
		this.#claim(time, now);
	}

	/** The engine goes, and what it did with it; told at once, or found out by the next one. */
	stop(time: Instant, ends: Outage['ends']): void {
		for (const attempt of this.#attempts) attempt.endsAt = time;
		if (ends === 'orderly') this.#giveUp(time);
	}

	/** Another engine starts: it takes up what waits in the queue before it looks at what became due meanwhile. */
	start(time: Instant): void {
		this.#giveUp(time);
		this.#claim(time, this.#clock.shows(time));
	}

	#giveUp(time: Instant): void {
		const at = this.#clock.shows(time);
		const lost = this.#attempts;
		this.#attempts = [];
		for (const { actor, run, startedAt, endsAt } of lost) {
			actor.atOnce -= 1;
			actor.busy += endsAt - startedAt;
			const { spec } = actor.of;
			this.#settle(actor, run, afterLostLease(run, spec, { at, followUps: () => NO_FOLLOW_UPS }));
		}
	}

	#endAttempts(time: Instant, now: Instant): void {
		const ended = this.#attempts.filter(({ endsAt }) => endsAt <= time);
		if (ended.length === 0) return;
		this.#attempts = this.#attempts.filter(({ endsAt }) => endsAt > time);
		for (const { actor, run, startedAt, endsAt, failure } of ended.sort(byEnd)) {
			actor.atOnce -= 1;
			actor.busy += endsAt - startedAt;
			if (failure === null) this.#succeed(actor, run, now);
			else {
				const context = { at: now, followUps: () => NO_FOLLOW_UPS };
				this.#settle(actor, run, afterFailure(run, actor.of.spec, failure, context));
			}
		}
	}

	#succeed(actor: Actor, run: Run, at: Instant): void {
		this.#settle(actor, run, {
			runId: run.id,
			tenant: run.tenant,
			from: ['running'],
			epoch: run.epoch,
			set: { state: 'succeeded', endedAt: at, error: null },
			schedule: { id: actor.schedule.id, failed: false, pauseAt: null, at },
			events: [],
		});
	}

	#settle(actor: Actor, run: Run, settlement: RunSettlement): void {
		Object.assign(run, settlement.set);
		const shown = actor.runs.get(run.id);
		if (shown !== undefined) {
			shown.state = run.state;
			shown.endedAt = run.endedAt;
		}
		if (isOver(run.state)) actor.unfinished = actor.unfinished.filter((other) => other !== run);
		if (settlement.schedule !== undefined) countFailure(actor, settlement.schedule);
	}

	#requeue(now: Instant): void {
		for (const actor of this.#actors) {
			for (const run of actor.unfinished) {
				if (run.state !== 'retrying' || run.readyAt > now) continue;
				run.state = 'queued';
				this.#show(actor, run);
			}
		}
	}

	#decide(now: Instant): void {
		for (const actor of this.#inOrderOfDue(now)) {
			while (isDue(actor, now)) this.#decideOne(actor, now);
		}
	}

	#inOrderOfDue(now: Instant): Actor[] {
		return this.#actors
			.filter((actor) => isDue(actor, now))
			.sort((a, b) => (a.schedule.dueAt ?? 0) - (b.schedule.dueAt ?? 0) || a.order - b.order);
	}

	#decideOne(actor: Actor, now: Instant): void {
		const { schedule, unfinished, of } = actor;
		const decision = decideOccurrences(
			{ schedule, spec: of.spec, active: [...unfinished], calendars: of.calendars },
			{
				now,
				newId: ((kind: string) => `${kind}_sim${this.#ids++}`) as NewId,
				cancel: (run, message) =>
					cancelled(run, {
						at: now,
						error: { code: 'CANCELLED', message },
						followUps: NO_FOLLOW_UPS,
					}),
			},
		);
		for (const settlement of decision.settle) {
			const run = unfinished.find(({ id }) => id === settlement.runId);
			if (run !== undefined) this.#abort(actor, run, settlement);
		}
		actor.rows.push(...decision.ledger);
		actor.unfinished = [...actor.unfinished, ...decision.runs];
		const dueOf = new Map(decision.ledger.map(({ runId, dueAt }) => [runId, dueAt]));
		for (const { id, state } of decision.runs) {
			const dueAt = dueOf.get(id) ?? now;
			actor.runs.set(id, { state, startedAt: null, endedAt: null, attempts: 0, dueAt });
		}
		actor.schedule = { ...schedule, ...decision.set };
	}

	#abort(actor: Actor, run: Run, settlement: RunSettlement): void {
		const attempt = this.#attempts.find((one) => one.run === run);
		if (attempt !== undefined) {
			this.#attempts = this.#attempts.filter((one) => one !== attempt);
			actor.atOnce -= 1;
		}
		this.#settle(actor, run, settlement);
	}

	#claim(time: Instant, now: Instant): void {
		while (this.#attempts.length < this.#concurrency) {
			const next = this.#firstReady(now);
			if (next === undefined) return;
			this.#begin(next.actor, next.run, { time, now });
		}
	}

	/** By priority, readiness, age; a run whose key is held, or that is not the first of its schedule, waits. */
	#firstReady(now: Instant): { actor: Actor; run: Run } | undefined {
		const held = new Map<string | null, number>();
		for (const { run } of this.#attempts) {
			held.set(run.concurrencyKey, (held.get(run.concurrencyKey) ?? 0) + 1);
		}
		let first: { actor: Actor; run: Run } | undefined;
		for (const actor of this.#actors) {
			const run = firstOf(actor.unfinished, now);
			if (run === undefined) continue;
			const full = (held.get(run.concurrencyKey) ?? 0) >= run.concurrencyLimit;
			if (run.concurrencyKey !== null && full) continue;
			if (first === undefined || isBefore(run, first.run)) first = { actor, run };
		}
		return first;
	}

	#begin(actor: Actor, run: Run, { time, now }: { time: Instant; now: Instant }): void {
		run.state = 'running';
		run.attempt += 1;
		run.epoch += 1;
		run.startedAt = now;
		actor.attempts += 1;
		actor.atOnce += 1;
		actor.mostAtOnce = Math.max(actor.mostAtOnce, actor.atOnce);
		const { timeout } = actor.of.spec.policies;
		const wanted: Duration = durationOf(actor, run);
		const late = wanted > timeout;
		const failure = late ? TIMED_OUT : failsAt(actor, run) ? REFUSED : null;
		const endsAt = time + Math.min(wanted, timeout);
		this.#attempts.push({ actor, run, startedAt: time, endsAt, failure });
		const shown = actor.runs.get(run.id);
		if (shown !== undefined) {
			shown.startedAt ??= now;
			shown.attempts = run.attempt;
		}
		this.#show(actor, run);
	}

	#show(actor: Actor, run: Run): void {
		const shown = actor.runs.get(run.id);
		if (shown !== undefined) shown.state = run.state;
	}
}

const TIMED_OUT: AttemptFailure = {
	error: { code: 'TIMEOUT', message: 'the attempt took longer than its timeout' },
	outcome: 'timeout',
	retry: 'later',
	reason: 'timeout',
};

const REFUSED: AttemptFailure = {
	error: { code: 'TARGET_FAULT', message: 'the attempt failed' },
	outcome: 'failed',
	retry: 'later',
	reason: '5xx',
};

const byEnd = (a: Attempt, b: Attempt): number => a.endsAt - b.endsAt || a.startedAt - b.startedAt;

/** The numbers of ids rise with age. */
const age = ({ id }: Run): number => Number(id.slice('run_sim'.length));

function isBefore(a: Run, b: Run): boolean {
	if (a.priority !== b.priority) return a.priority > b.priority;
	return a.readyAt < b.readyAt || (a.readyAt === b.readyAt && age(a) < age(b));
}

function firstOf(unfinished: readonly Run[], now: Instant): Run | undefined {
	const [head] = unfinished;
	if (head === undefined) return undefined;
	const ready = (run: Run): boolean => run.state === 'queued' && run.readyAt <= now;
	if (head.serialKey !== null) return ready(head) ? head : undefined;
	let first: Run | undefined;
	for (const run of unfinished) {
		if (ready(run) && (first === undefined || isBefore(run, first))) first = run;
	}
	return first;
}

function isDue({ schedule: { state, dueAt } }: Actor, now: Instant): boolean {
	return state === 'active' && dueAt !== null && dueAt <= now;
}

/** `pauseOnFailure`, as a store keeps it. */
function countFailure(
	actor: Actor,
	{ failed, pauseAt, at }: NonNullable<RunSettlement['schedule']>,
): void {
	const failures = failed ? actor.schedule.failures + 1 : 0;
	actor.schedule = { ...actor.schedule, failures };
	if (!failed || pauseAt === null || failures < pauseAt || actor.schedule.state !== 'active')
		return;
	actor.schedule = {
		...actor.schedule,
		state: 'paused',
		pauseReason: 'on_failure',
		pauses: [...actor.schedule.pauses, { from: at, to: null }],
	};
}
