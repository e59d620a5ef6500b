import type { Calendars } from '../../contract/calendar.ts';
import type { Run, RunState } from '../../contract/run.ts';
import type { LedgerRow, Outcome, RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { spread } from '../spread.ts';
import type { ClockChange } from './clock.ts';

/** How long attempts take: always so long, or anything in between, drawn anew for each but always alike. */
export type SimulatedDuration = Duration | { min: Duration; max: Duration };

/** The share of attempts that fail, or which ones do, counted from 1 over all runs of the schedule. */
export type SimulatedFailures = number | readonly number[];

export interface SimulatedSchedule {
	name: string;
	/** As it is at `from`; its timing ends at `to` at the latest. */
	schedule: Schedule;
	spec: RunSpec;
	calendars: Calendars;
	duration: SimulatedDuration;
	failures: SimulatedFailures;
}

export interface Span {
	from: Instant;
	to: Instant;
}

export interface Outage extends Span {
	/** Whether attempts under way are found lost afterwards, or given up at once. */
	ends: 'crash' | 'orderly';
}

export interface Simulation {
	schedules: readonly SimulatedSchedule[];
	from: Instant;
	to: Instant;
	/** No engine runs; what it had in hand is lost. */
	outages: readonly Outage[];
	clockChanges: readonly ClockChange[];
	/** By name of the schedule; of all of them without. */
	pauses: readonly (Span & { schedule?: string | undefined })[];
	/** Runs in flight at most. */
	concurrency: number;
}

export interface SimulatedRun {
	state: RunState;
	/** When its first attempt began; null when none has. */
	startedAt: Instant | null;
	endedAt: Instant | null;
	attempts: number;
}

export interface SimulatedOccurrence {
	nominalAt: Instant;
	dueAt: Instant;
	/** Null: nobody was there to decide until the end. */
	outcome: Outcome | null;
	reason: string | null;
	decidedAt: Instant | null;
	/** From when it was due until it was decided. */
	lateness: Duration | null;
	run: SimulatedRun | null;
}

export interface SimulatedTotals {
	outcomes: Partial<Record<Outcome | 'undecided', number>>;
	runs: Partial<Record<RunState, number>>;
	attempts: number;
	/** The sum of all attempts. */
	busy: Duration;
	/** From when an occurrence was due until its run began, at most. */
	longestWait: Duration;
	/** Runs of the schedule that were under way at once, at most. */
	mostAtOnce: number;
}

export interface SimulationResult {
	schedules: {
		name: string;
		occurrences: SimulatedOccurrence[];
		totals: SimulatedTotals;
	}[];
}

/** One schedule while it is simulated. */
export interface Actor {
	order: number;
	of: SimulatedSchedule;
	schedule: Schedule;
	rows: LedgerRow[];
	runs: Map<string, SimulatedRun & { dueAt: Instant }>;
	/** Oldest first. */
	unfinished: Run[];
	/** How many attempts have begun. */
	attempts: number;
	busy: Duration;
	atOnce: number;
	mostAtOnce: number;
}

export function durationOf({ of }: Actor, run: Run): Duration {
	const { duration, name } = of;
	if (typeof duration === 'number') return duration;
	const { min, max } = duration;
	return (
		min + Math.floor(spread(`${name}@${run.nominalAt ?? ''}#${run.attempt}`) * (max - min + 1))
	);
}

export function failsAt({ of, attempts }: Actor, run: Run): boolean {
	const { failures, name } = of;
	if (typeof failures !== 'number') return failures.includes(attempts);
	return spread(`${name}!${run.nominalAt ?? ''}#${run.attempt}`) < failures;
}
