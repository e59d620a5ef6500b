import type { OccurrenceDecision } from '../../engine/contract/change.ts';
import type { NewId } from '../../engine/contract/ids.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { Schedule } from '../../engine/contract/schedule.ts';
import { isOver } from '../../engine/core/run/transitions.ts';
import { decideOccurrences } from '../../engine/core/schedule/occurrences.ts';
import { cancel, dueSettled, takenOver } from './decisions.ts';
import { dueRuns, dueSchedule, expiredRuns, healTimers, settleRun, writeDecision } from './rows.ts';
import type { Step, Witness } from './steps.ts';
import type { Model, Pending, World } from './world.ts';
import { withEngine } from './world.ts';

/* What engines do besides runs in hand: occur.ts and sweep.ts. */

export function occurSteps(model: Model, world: World, engine: number): Step[] {
	const { mode, occurring } = world.engines[engine] ?? { mode: 'down', occurring: null };
	if (mode === 'down') return [];
	if (occurring !== null) {
		const next = withEngine(world, engine, { occurring: null });
		return [decided(model, next, { engine, ...occurring })];
	}
	const due = dueSchedule(world, model.spec.spec, world.now);
	if (mode !== 'up' || due === null) return [];
	let runs = world.runs.length;
	const decision = decideOccurrences(due, {
		now: world.now,
		// It only asks for runs.
		newId: (() => `run_model_${++runs}`) as unknown as NewId,
		cancel: (run, because) => cancel(run, world.now, because),
	});
	const read = due.schedule;
	if (model.sizes.apart.includes('occur')) {
		const next = withEngine(world, engine, { occurring: { read, decision } });
		const label = `engine ${engine + 1} reads the schedule that is due`;
		return [{ kind: 'step', label, next, ops: [] }];
	}
	const step = decided(model, world, { engine, read, decision });
	return [{ ...step, ops: [{ op: 'occur', due, decision }] }];
}

function decided(
	{ broken }: Model,
	world: World,
	{ engine, read, decision }: { engine: number; read: Schedule; decision: OccurrenceDecision },
): Step {
	const { rows, applied } = writeDecision(world, { read, decision }, broken);
	const outcomes = decision.ledger.map(({ outcome }) => outcome).join(', ');
	const met = decision.ledger.some(({ outcome }) => outcome === 'skipped_overlap');
	const witness: Witness | undefined = !applied
		? 'a decision was made of what was old'
		: met || decision.settle.length > 0
			? 'an occurrence met a run that was not over'
			: undefined;
	return {
		kind: 'step',
		label: `engine ${engine + 1} writes what is due as ${outcomes}${applied ? '' : ': refused'}`,
		next: rows,
		ops: [],
		...(witness === undefined ? {} : { witness }),
	};
}

export function sweepSteps(model: Model, world: World, engine: number): Step[] {
	const { mode, sweeping, hands = [] } = world.engines[engine] ?? { mode: 'down', sweeping: null };
	if (mode === 'down') return [];
	if (sweeping !== null) {
		const next = withEngine(world, engine, { sweeping: null });
		return [swept(model, next, { engine, pending: sweeping })];
	}
	if (mode !== 'up') return [];
	const { now } = world;
	// What it has in hand is not lost, however old its lease looks.
	const lost = expiredRuns(world, now, model.broken).filter(
		({ id, epoch }) => !hands.some((hand) => hand?.run.id === id && hand.run.epoch === epoch),
	);
	const found: Pending[] = [
		...lost.map((read) => ({
			what: 'takes over',
			read,
			settlement: takenOver(model, read, now),
		})),
		...dueRuns(world, now).map((read) => ({
			what: read.state === 'retrying' ? 'queues again' : 'times out',
			read,
			settlement: dueSettled(model, read, now),
		})),
	];
	const steps = found.map((pending) =>
		model.sizes.apart.includes('sweep')
			? reads(world, { engine, pending })
			: swept(model, world, { engine, pending }),
	);
	const healed = healTimers(world, model.broken);
	if (healed !== world) {
		const label = `engine ${engine + 1} writes the timers that are missing`;
		const witness = 'all timers were lost and written again' as const;
		steps.push({ kind: 'step', label, next: healed, ops: [{ op: 'heal' }], witness });
	}
	return steps;
}

interface Sweep {
	engine: number;
	pending: Pending;
}

function reads(world: World, { engine, pending }: Sweep): Step {
	const label = `engine ${engine + 1} reads what it ${pending.what}: ${nameOf(world, pending.read)}`;
	return { kind: 'step', label, next: withEngine(world, engine, { sweeping: pending }), ops: [] };
}

function swept({ broken }: Model, world: World, { engine, pending }: Sweep): Step {
	const { settlement, read, what } = pending;
	const { rows, applied } = settleRun(world, settlement, broken);
	const now = world.runs.find(({ id }) => id === read.id);
	const dueAt = Math.min(now?.deadlineAt ?? Infinity, now?.beatBy ?? Infinity);
	const tooEarly = applied && read.state === 'waiting' && dueAt > world.now;
	return {
		kind: 'step',
		label: `engine ${engine + 1} ${what} ${nameOf(world, read)}${applied ? '' : ': refused'}`,
		next: rows,
		ops: [{ op: 'settle', settlement, applied }],
		...witnessOf(pending, now, applied),
		broke: tooEarly
			? `${nameOf(world, read)} was timed out although a sign of life had come in time`
			: undefined,
	};
}

function witnessOf(
	{ settlement, read }: Pending,
	now: Run | undefined,
	applied: boolean,
): Pick<Step, 'witness'> {
	if (applied) {
		return settlement.set.held === true ? { witness: 'a run was held for an operator' } : {};
	}
	if (now === undefined || isOver(now.state) || now.epoch !== read.epoch) return {};
	if (now.state === 'running' && now.leaseUntil !== read.leaseUntil) {
		return { witness: 'a take-over came too late, the lease was renewed' };
	}
	if (now.state === 'waiting' && now.beatBy !== read.beatBy) {
		return { witness: 'a sign of life came before the time-out was written' };
	}
	return {};
}

function nameOf({ runs }: World, { id }: Run): string {
	return `run ${runs.findIndex((run) => run.id === id) + 1}`;
}
