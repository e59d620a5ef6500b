import type { Run } from '../../contract/run.ts';
import { assertNever } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';

/** For runs that wait for something else than an instant: an operator, a key. */
export const FAR: Instant = Number.MAX_SAFE_INTEGER;
/** For runs that could be claimed, and are found by their priority; see the index `runs_ranked`. */
export const RANKED: Instant = Number.MAX_SAFE_INTEGER - 1;

export type LookAtFields = Pick<
	Run,
	'state' | 'readyAt' | 'leaseUntil' | 'deadlineAt' | 'beatBy' | 'held' | 'priority'
>;

/** When a run is to be looked at next, null when it is over: one index serves every such search. */
export function lookAtOf(run: LookAtFields, gated: boolean): Instant | null {
	switch (run.state) {
		case 'queued':
			return gated ? FAR : claimableAt(run);
		case 'running':
			return run.leaseUntil ?? 0;
		case 'retrying':
			return run.readyAt;
		case 'waiting':
			return run.held ? FAR : waitsUntil(run);
		case 'succeeded':
		case 'failed':
		case 'cancelled':
		case 'expired':
			return null;
		default:
			return assertNever(run.state);
	}
}

/** Of a queued run that waits for no key. */
export function claimableAt({ readyAt, priority }: Pick<Run, 'readyAt' | 'priority'>): Instant {
	return priority === 0 ? readyAt : RANKED;
}

function waitsUntil({ deadlineAt, beatBy }: Pick<Run, 'deadlineAt' | 'beatBy'>): Instant {
	return Math.min(deadlineAt ?? FAR, beatBy ?? FAR);
}
