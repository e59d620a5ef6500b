import type {
	DueSchedule,
	OccurrenceDecision,
	RunSettlement,
} from '../../engine/contract/change.ts';
import { NO_CALENDARS } from '../../engine/contract/calendar.ts';
import type { EngineId } from '../../engine/contract/ids.ts';
import type { AttemptRecord, Run } from '../../engine/contract/run.ts';
import type { LedgerRow, RunSpec, Schedule } from '../../engine/contract/schedule.ts';
import type { Instant } from '../../engine/contract/time.ts';
import { isOver } from '../../engine/core/run/transitions.ts';

/*
 * The store of the model: the rows of one schedule, and what the store port does to them, with its guards and
 * nothing else. `test/conformance/store-model.ts` holds it against real stores.
 */

/** The truth, as a store keeps it. */
export interface Rows {
	schedule: Schedule;
	ledger: readonly LedgerRow[];
	/** In the order of insertion. */
	runs: readonly Run[];
	attempts: readonly AttemptRecord[];
	/** When each is due, by `name:key`. */
	timers: Readonly<Record<string, Instant>>;
}

/**
 * What the protocol leans on, each of which can be left out, to see that the model notices:
 *
 * | guard     | without it                                                                   |
 * |-----------|------------------------------------------------------------------------------|
 * | `epoch`   | a write under an old epoch is applied                                        |
 * | `state`   | a write is applied whatever state the run is in                              |
 * | `next`    | a decision is written although its instants were decided meanwhile           |
 * | `ledger`  | the ledger takes a second row for an instant                                 |
 * | `ended`   | leases are taken over before they ended                                      |
 * | `lease`   | a lease is taken over although it was renewed since it was read              |
 * | `renewal` | a lease is renewed under an old epoch                                        |
 * | `queued`  | a claim takes runs that others have                                          |
 * | `rise`    | a claim does not raise the epoch                                             |
 * | `serial`  | runs of one schedule do not wait for each other                              |
 * | `send`    | a holder sends without looking whether its lease may have ended              |
 * | `token`   | a callback is taken for whatever attempt is the last                         |
 * | `beat`    | a run is timed out although a sign of life came since it was read            |
 * | `heal`    | nobody writes timers that are missing                                        |
 * | `sweep`   | nobody takes over leases that ended                                          |
 */
export type Guard =
	| 'epoch'
	| 'state'
	| 'next'
	| 'ledger'
	| 'ended'
	| 'lease'
	| 'renewal'
	| 'queued'
	| 'rise'
	| 'serial'
	| 'send'
	| 'token'
	| 'beat'
	| 'heal'
	| 'sweep';

/** The guards that are left out. */
export type Broken = ReadonlySet<Guard>;

const SCHEDULE_DUE = 'schedule.due';

export function settleRun<R extends Rows>(
	rows: R,
	settlement: RunSettlement,
	broken: Broken,
): { rows: R; applied: boolean } {
	const at = rows.runs.findIndex(({ id }) => id === settlement.runId);
	const run = rows.runs[at];
	if (run === undefined || !holds(run, settlement, broken)) return { rows, applied: false };
	const { attempt } = settlement;
	const known =
		attempt === undefined ||
		rows.attempts.some(({ runId, epoch }) => runId === attempt.runId && epoch === attempt.epoch);
	const next: R = {
		...rows,
		runs: rows.runs.with(at, { ...run, ...settlement.set }),
		timers: timersAfter(rows.timers, run, settlement),
		...(known ? {} : { attempts: [...rows.attempts, attempt] }),
	};
	return { rows: next, applied: true };
}

function holds(run: Run, settlement: RunSettlement, broken: Broken): boolean {
	const { from, epoch, readBeatBy, readLeaseUntil } = settlement;
	return (
		(broken.has('state') || from.includes(run.state)) &&
		(broken.has('epoch') || epoch === null || epoch === run.epoch) &&
		(broken.has('beat') || readBeatBy === undefined || readBeatBy === run.beatBy) &&
		(broken.has('lease') || readLeaseUntil === undefined || readLeaseUntil === run.leaseUntil)
	);
}

function timersAfter(
	timers: Rows['timers'],
	run: Run,
	{ runId, timer, set }: RunSettlement,
): Rows['timers'] {
	const retry = `run.retry:${runId}`;
	const deadline = `run.deadline:${runId}`;
	const { [retry]: ofRetry, [deadline]: ofDeadline, ...others } = timers;
	const state = set.state ?? run.state;
	if (timer) return { ...others, [timer.name === 'run.retry' ? retry : deadline]: timer.at };
	const stays = timer === undefined && (state === 'waiting' || state === 'retrying');
	if (!stays) return others;
	const beat = state === 'waiting' && typeof set.beatBy === 'number';
	const due = beat ? Math.min(set.beatBy ?? Infinity, run.deadlineAt ?? Infinity) : ofDeadline;
	return {
		...others,
		...(ofRetry === undefined ? {} : { [retry]: ofRetry }),
		...(due === undefined ? {} : { [deadline]: due }),
	};
}

/** The run that a claim of one would take. */
export function claimable({ runs }: Rows, now: Instant, broken: Broken): Run | undefined {
	const head = runs.find(({ state }) => !isOver(state));
	return runs.find(
		(run) =>
			(run.state === 'queued' || (broken.has('queued') && run.state === 'running')) &&
			run.readyAt <= now &&
			(broken.has('serial') || run.serialKey === null || run === head),
	);
}

export function claimRun<R extends Rows>(
	rows: R,
	{ now, owner, leaseUntil }: { now: Instant; owner: EngineId; leaseUntil: Instant },
	broken: Broken,
): { rows: R; run: Run } | null {
	const found = claimable(rows, now, broken);
	if (found === undefined) return null;
	const run: Run = {
		...found,
		state: 'running',
		owner,
		leaseUntil,
		epoch: found.epoch + (broken.has('rise') ? 0 : 1),
		attempt: found.attempt + 1,
		startedAt: now,
		deadlineAt: null,
	};
	return { rows: { ...rows, runs: rows.runs.with(rows.runs.indexOf(found), run) }, run };
}

/** @returns which of them are still held */
export function renewLeases<R extends Rows>(
	rows: R,
	{ held, leaseUntil }: { held: readonly { id: string; epoch: number }[]; leaseUntil: Instant },
	broken: Broken,
): { rows: R; kept: Set<string> } {
	const kept = new Set<string>();
	const runs = rows.runs.map((run) => {
		const mine = held.some(
			({ id, epoch }) => id === run.id && (epoch === run.epoch || broken.has('renewal')),
		);
		if (!mine || run.state !== 'running') return run;
		kept.add(run.id);
		return { ...run, leaseUntil };
	});
	return { rows: kept.size === 0 ? rows : { ...rows, runs }, kept };
}

export function expiredRuns({ runs }: Rows, now: Instant, broken: Broken): Run[] {
	if (broken.has('sweep')) return [];
	return runs.filter(
		({ state, leaseUntil }) =>
			state === 'running' && (broken.has('ended') || (leaseUntil ?? 0) < now),
	);
}

export function dueRuns({ runs }: Rows, now: Instant): Run[] {
	return runs.filter(({ state, readyAt, held, deadlineAt, beatBy }) =>
		state === 'retrying'
			? readyAt <= now
			: state === 'waiting' && !held && Math.min(deadlineAt ?? Infinity, beatBy ?? Infinity) <= now,
	);
}

/** What a decision is made of, when the timer of the schedule is due; else null. */
export function dueSchedule(rows: Rows, spec: RunSpec, now: Instant): DueSchedule | null {
	const { schedule, runs, timers } = rows;
	const timer = timers[`${SCHEDULE_DUE}:${schedule.id}`];
	const due = schedule.state === 'active' && schedule.dueAt !== null && schedule.dueAt <= now;
	if (!due || timer === undefined || timer > now) return null;
	const unfinished = runs.filter(({ state }) => !isOver(state));
	const active = spec.policies.overlap === 'cancel_other' ? unfinished : unfinished.slice(0, 2);
	return { schedule, spec, active, calendars: NO_CALENDARS };
}

/** `read`: the schedule that the decision was made on. */
export function writeDecision<R extends Rows>(
	rows: R,
	{ read, decision }: { read: Schedule; decision: OccurrenceDecision },
	broken: Broken,
): { rows: R; applied: boolean } {
	const { schedule } = rows;
	const same =
		schedule.state === read.state &&
		schedule.revision === read.revision &&
		schedule.nextAt === read.nextAt;
	if (!same && !broken.has('next')) return { rows, applied: false };
	const decided = new Set(rows.ledger.map(({ nominalAt }) => nominalAt));
	// The unique key of the ledger: the whole commit is rolled back.
	if (!broken.has('ledger') && decision.ledger.some(({ nominalAt }) => decided.has(nominalAt))) {
		return { rows, applied: false };
	}
	let next = rows;
	for (const settlement of decision.settle) next = settleRun(next, settlement, broken).rows;
	const key = `${SCHEDULE_DUE}:${schedule.id}`;
	const { [key]: _due, ...others } = next.timers;
	const written: R = {
		...next,
		schedule: { ...schedule, ...decision.set },
		ledger: [...rows.ledger, ...decision.ledger],
		runs: [...next.runs, ...decision.runs],
		timers: decision.timerAt === null ? others : { ...others, [key]: decision.timerAt },
	};
	return { rows: written, applied: true };
}

/** Timers that the rows ask for and that are missing. */
export function healTimers<R extends Rows>(rows: R, broken: Broken): R {
	if (broken.has('heal')) return rows;
	const { schedule } = rows;
	const wanted: Record<string, Instant> = {};
	if (schedule.state === 'active' && schedule.dueAt !== null) {
		wanted[`${SCHEDULE_DUE}:${schedule.id}`] = schedule.dueAt;
	}
	for (const { id, state, held, readyAt, deadlineAt, beatBy } of rows.runs) {
		if (state === 'retrying') wanted[`run.retry:${id}`] = readyAt;
		if (state === 'waiting' && !held) {
			wanted[`run.deadline:${id}`] = Math.min(deadlineAt ?? Infinity, beatBy ?? Infinity);
		}
	}
	const missing = Object.keys(wanted).some((key) => !(key in rows.timers));
	return missing ? { ...rows, timers: { ...wanted, ...rows.timers } } : rows;
}
