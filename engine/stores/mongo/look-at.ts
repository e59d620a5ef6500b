import { assertNever } from '../../contract/errors.ts';
import type { Run } from '../../contract/run.ts';
import type { Doc, Fields } from './documents.ts';
import { keyOf } from './documents.ts';
import { runRows } from './rows.ts';

/*
 * Fields of a run's document that are worked out of the others. One that does not apply is missing, so that an
 * index holds the runs that it is for:
 *
 * - `open`: it is not over
 * - `look`: when it is to be taken over, requeued or given up
 * - `ready`: queued, and waits for nothing but its turn: from when on
 * - `wait`: queued, and waits for that concurrency key
 * - `blocked`: behind another run of its serial key
 * - `sla`: by when its SLA is to be settled
 */
const DERIVED = ['open', 'look', 'ready', 'wait', 'sla'] as const;

export type LookAtFields = Pick<
	Run,
	| 'tenant'
	| 'state'
	| 'readyAt'
	| 'leaseUntil'
	| 'deadlineAt'
	| 'beatBy'
	| 'held'
	| 'concurrencyKey'
	| 'slaState'
	| 'slaDueAt'
>;

/** Null when it is over or held, or waits to be claimed. */
export function lookAtOf(run: LookAtFields): number | null {
	switch (run.state) {
		case 'running':
			return run.leaseUntil ?? 0;
		case 'retrying':
			return run.readyAt;
		case 'waiting': {
			const first = Math.min(run.deadlineAt ?? Infinity, run.beatBy ?? Infinity);
			return run.held || first === Infinity ? null : first;
		}
		case 'queued':
		case 'succeeded':
		case 'failed':
		case 'cancelled':
		case 'expired':
			return null;
		default:
			return assertNever(run.state);
	}
}

const OVER: readonly Run['state'][] = ['succeeded', 'failed', 'cancelled', 'expired'];

export function isOver({ state }: Pick<Run, 'state'>): boolean {
	return OVER.includes(state);
}

export function derivedOf(
	run: LookAtFields,
	blocked: boolean,
): { set: Fields; unset: readonly string[] } {
	const set: Fields = {};
	if (!isOver(run)) set['open'] = true;
	const look = lookAtOf(run);
	if (look !== null) set['look'] = look;
	if (run.state === 'queued' && !blocked) {
		if (run.concurrencyKey === null) set['ready'] = run.readyAt;
		else set['wait'] = gateId(run.tenant, run.concurrencyKey);
	}
	if (run.slaState === 'pending') set['sla'] = run.slaDueAt ?? 0;
	return { set, unset: DERIVED.filter((field) => !Object.hasOwn(set, field)) };
}

/** Of a concurrency key or a serial key. */
export function gateId(tenant: string, key: string): string {
	return keyOf(tenant, key);
}

/** Who holds a concurrency key: a run in one claim of it. */
export function holderOf(run: Pick<Run, 'id' | 'epoch'>): string {
	return `${run.id}#${run.epoch}`;
}

/** Whether a run that is in this state holds its concurrency key. */
export function holdsKey({ state }: Pick<Run, 'state'>): boolean {
	return state === 'running' || state === 'waiting';
}

/** A new run as it is inserted; `seq` is its place in the order of insertion. */
export function runDoc(run: Run, seq: number): Doc {
	const blocked = run.serialKey !== null && !isOver(run);
	return {
		...runRows.toDoc(run),
		...derivedOf(run, blocked).set,
		...(run.serialKey === null ? {} : { serial: gateId(run.tenant, run.serialKey) }),
		...(blocked ? { blocked: true } : {}),
		seq,
		attempts: [],
		v: 1,
		w: [],
	};
}
