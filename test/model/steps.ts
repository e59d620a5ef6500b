import type { OccurrenceDecision, RunSettlement } from '../../engine/contract/change.ts';
import type { DueSchedule } from '../../engine/contract/change.ts';
import type { EngineId } from '../../engine/contract/ids.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { Instant } from '../../engine/contract/time.ts';
import type { World } from './world.ts';

/** What a step does to the store, and what the store must answer. */
export type Op =
	| { op: 'occur'; due: DueSchedule; decision: OccurrenceDecision }
	| { op: 'claim'; owner: EngineId; leaseUntil: Instant; run: Run | null }
	| { op: 'settle'; settlement: RunSettlement; applied: boolean }
	| {
			op: 'renew';
			held: { id: string; epoch: number }[];
			leaseUntil: Instant;
			kept: Set<string>;
	  }
	| { op: 'heal' }
	| { op: 'lose timers' };

/**
 * `step`: what an engine does by itself, and time; of these alone every run must reach an end.
 * `target`: the capability does something. `act`: somebody does. `fault`: something breaks.
 */
export type StepKind = 'step' | 'target' | 'act' | 'fault';

export interface Step {
	kind: StepKind;
	label: string;
	next: World;
	ops: readonly Op[];
	/** Something that a model which explores enough must meet, see `WITNESSES`. */
	witness?: Witness;
	/** What is wrong with the step itself; what is wrong with a state is said by invariants.ts. */
	broke?: string | undefined;
}

/** Situations that the model must reach: else it would hold for want of trying. */
export const WITNESSES = [
	'a stale write was refused',
	'a holder found its lease too old to send',
	'a renewal told its holder that it was replaced',
	'a take-over came too late, the lease was renewed',
	'a decision was made of what was old',
	'work was done twice',
	'a callback came before the 202 was written',
	'a callback came for an attempt that was over',
	'a sign of life came before the time-out was written',
	'a run was held for an operator',
	'a claim was given back',
	'all timers were lost and written again',
	'an occurrence met a run that was not over',
] as const;
export type Witness = (typeof WITNESSES)[number];
