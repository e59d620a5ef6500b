import type { Run } from '../../contract/run.ts';
import { assertNever } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';

/** For runs that wait for something else than an instant: an operator, a key. */
export const FAR: Instant = Number.MAX_SAFE_INTEGER;

export type LookAtFields = Pick<Run, 'state' | 'readyAt' | 'leaseUntil' | 'deadlineAt' | 'held'>;

/** When a run is to be looked at next, null when it is over: one index serves every such search. */
export function lookAtOf(run: LookAtFields, gated: boolean): Instant | null {
	switch (run.state) {
		case 'queued':
			return gated ? FAR : run.readyAt;
		case 'running':
			return run.leaseUntil ?? 0;
		case 'retrying':
			return run.readyAt;
		case 'waiting':
			return run.held ? FAR : (run.deadlineAt ?? FAR);
		case 'succeeded':
		case 'failed':
		case 'cancelled':
		case 'expired':
			return null;
		default:
			return assertNever(run.state);
	}
}
