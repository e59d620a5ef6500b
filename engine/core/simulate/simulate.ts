import { CapError } from '../../contract/errors.ts';
import type { LedgerRow } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { planOfSchedule } from '../schedule/plan.ts';
import type { SimulatedClock } from './clock.ts';
import { simulatedClock } from './clock.ts';
import { SimulatedEngine } from './engine.ts';
import type {
	Actor,
	Outage,
	SimulatedOccurrence,
	SimulatedSchedule,
	SimulatedTotals,
	Simulation,
	SimulationResult,
} from './model.ts';

/** How many instants, and how many attempts, one simulation may have. */
export const MAX_INSTANTS = 10_000;
const MAX_ATTEMPTS = 50_000;
/** How long after `to` what had begun is followed to its end, in milliseconds: retries may wait for days. */
const AFTERWARDS = 31 * 86_400_000;

/**
 * Plays what an engine would do between two instants, event by event: nothing is touched, and no time passes.
 * All instants of the request are true time; a clock change makes the engine's own clock differ from it, by
 * which it decides. Runs that have begun by `to` are followed to their end.
 *
 * What is not played: the time that the engine itself takes, deliveries, and runs of other schedules.
 * @throws CapError SIMULATION_TOO_LARGE
 */
export function simulate(simulation: Simulation): SimulationResult {
	demandBounds(simulation);
	const clock = simulatedClock(simulation.clockChanges);
	const actors = simulation.schedules.map(actorOf);
	const engine = new SimulatedEngine(actors, { clock, concurrency: simulation.concurrency });
	play(simulation, { engine, actors, clock });
	return {
		schedules: actors.map((actor) => {
			const occurrences = occurrencesOf(actor, simulation.to);
			return { name: actor.of.name, occurrences, totals: totalsOf(actor, occurrences) };
		}),
	};
}

interface Stage {
	engine: SimulatedEngine;
	actors: readonly Actor[];
	clock: SimulatedClock;
}

function play(simulation: Simulation, stage: Stage): void {
	const { engine, actors } = stage;
	const script = scriptOf(simulation, stage);
	let running = true;
	for (let time = simulation.from; ;) {
		for (let act = script[0]; act !== undefined && act.at <= time; act = script[0]) {
			running = act.play(time) ?? running;
			script.shift();
		}
		if (running) engine.work(time);
		if (actors.reduce((sum, { attempts }) => sum + attempts, 0) > MAX_ATTEMPTS) {
			throw tooLarge(`more than ${MAX_ATTEMPTS} attempts`);
		}
		const scripted = script[0]?.at ?? Number.POSITIVE_INFINITY;
		// A thing that is left at this very instant cannot be done yet: what is next comes later.
		const own = running ? Math.max(engine.nextAt(time), time + 1) : Number.POSITIVE_INFINITY;
		time = Math.min(scripted, own);
		if (time > simulation.to + AFTERWARDS) return;
	}
}

interface Act {
	at: Instant;
	/** @returns whether an engine runs from now on, where that changes */
	play(time: Instant): boolean | undefined;
}

/** What happens from outside, in order. */
function scriptOf(simulation: Simulation, { engine, actors, clock }: Stage): Act[] {
	const acts: Act[] = [];
	for (const { from, to, ends } of mergeOutages(simulation.outages)) {
		acts.push({
			at: from,
			play(time) {
				engine.stop(time, ends);
				return false;
			},
		});
		acts.push({
			at: to,
			play(time) {
				engine.start(time);
				return true;
			},
		});
	}
	for (const { from, to, schedule } of simulation.pauses) {
		const paused = actors.filter(({ of }) => schedule === undefined || of.name === schedule);
		const each = (change: (actor: Actor, at: Instant) => void) => (time: Instant) => {
			for (const actor of paused) change(actor, clock.shows(time));
			return undefined;
		};
		acts.push({ at: from, play: each(pause) }, { at: to, play: each(resume) });
	}
	// The clock knows by itself; the engine looks at it then.
	for (const { at } of simulation.clockChanges) acts.push({ at, play: () => undefined });
	return acts.sort((a, b) => a.at - b.at);
}

function mergeOutages(outages: readonly Outage[]): Outage[] {
	const merged: Outage[] = [];
	for (const outage of outages.toSorted((a, b) => a.from - b.from)) {
		const last = merged.at(-1);
		if (last !== undefined && outage.from <= last.to) last.to = Math.max(last.to, outage.to);
		else merged.push({ ...outage });
	}
	return merged;
}

function pause(actor: Actor, at: Instant): void {
	const { schedule } = actor;
	if (schedule.state !== 'active') return;
	const pauses = [...schedule.pauses, { from: at, to: null }];
	actor.schedule = { ...schedule, state: 'paused', pauseReason: 'by_user', pauses };
}

function resume(actor: Actor, at: Instant): void {
	const { schedule } = actor;
	if (schedule.state !== 'paused') return;
	const pauses = schedule.pauses.map((one) => (one.to === null ? { ...one, to: at } : one));
	actor.schedule = { ...schedule, state: 'active', pauseReason: null, failures: 0, pauses };
}

function actorOf(of: SimulatedSchedule, order: number): Actor {
	return {
		order,
		of,
		schedule: of.schedule,
		rows: [],
		runs: new Map(),
		unfinished: [],
		attempts: 0,
		busy: 0,
		atOnce: 0,
		mostAtOnce: 0,
	};
}

function demandBounds({ schedules, to }: Simulation): void {
	let count = 0;
	for (const { schedule, calendars } of schedules) {
		const plan = planOfSchedule(schedule, calendars);
		let at = schedule.nextAt ?? undefined;
		for (; at !== undefined && at <= to; at = plan.next(at)) {
			if (++count > MAX_INSTANTS) throw tooLarge(`more than ${MAX_INSTANTS} instants`);
		}
	}
}

function tooLarge(what: string): CapError {
	return new CapError(
		'SIMULATION_TOO_LARGE',
		`this would be ${what}: shorten the range, or leave schedules out`,
	);
}

function occurrencesOf(actor: Actor, to: Instant): SimulatedOccurrence[] {
	const nominalOf = new Map(actor.rows.map(({ runId, nominalAt }) => [runId, nominalAt]));
	const decided = actor.rows.map((row): SimulatedOccurrence => {
		const run = row.runId === null ? undefined : actor.runs.get(row.runId);
		return {
			nominalAt: row.nominalAt,
			dueAt: row.dueAt,
			outcome: row.outcome,
			reason: named(row.reason, nominalOf),
			decidedAt: row.decidedAt,
			lateness: row.decidedAt - row.dueAt,
			run: run === undefined ? null : { ...run },
		};
	});
	const undecided: SimulatedOccurrence[] = [];
	const { schedule, of } = actor;
	const plan = planOfSchedule(schedule, of.calendars);
	let at = schedule.state === 'completed' ? undefined : (schedule.nextAt ?? undefined);
	for (; at !== undefined && at <= to; at = plan.next(at)) {
		undecided.push({
			nominalAt: at,
			dueAt: plan.dueAt(at),
			outcome: null,
			reason: schedule.state === 'paused' ? 'the schedule is paused to the end' : null,
			decidedAt: null,
			lateness: null,
			run: null,
		});
	}
	return [...decided, ...undecided];
}

/** Runs that never were have no names; their occurrences have. */
function named(
	reason: string | null,
	nominalOf: ReadonlyMap<LedgerRow['runId'], Instant>,
): string | null {
	return (
		reason?.replace(/run (run_sim\d+)/, (_, id: LedgerRow['runId']) => {
			const at = nominalOf.get(id);
			return at === undefined ? 'a run' : `the run of ${new Date(at).toISOString()}`;
		}) ?? null
	);
}

function totalsOf(actor: Actor, occurrences: readonly SimulatedOccurrence[]): SimulatedTotals {
	const totals: SimulatedTotals = {
		outcomes: {},
		runs: {},
		attempts: actor.attempts,
		busy: actor.busy,
		longestWait: 0,
		mostAtOnce: actor.mostAtOnce,
	};
	for (const { outcome, run, dueAt } of occurrences) {
		const key = outcome ?? 'undecided';
		totals.outcomes[key] = (totals.outcomes[key] ?? 0) + 1;
		if (run === null) continue;
		totals.runs[run.state] = (totals.runs[run.state] ?? 0) + 1;
		if (run.startedAt !== null) {
			totals.longestWait = Math.max(totals.longestWait, run.startedAt - dueAt);
		}
	}
	return totals;
}
