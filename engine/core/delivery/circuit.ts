import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { Failure } from '../../contract/run.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { spread } from '../spread.ts';

/*
 * The circuit breaker of one place that deliveries go to: a destination, or an inline target.
 *
 *   closed -> open         FAILURES in a row that speak of the place, or one that said "not before then"
 *   open -> half_open      its time is over: one delivery goes, as the probe; all others wait
 *   half_open -> closed    the probe was delivered
 *   half_open -> open      it failed: for twice as long, at most LONGEST
 *   open -> closed         a send that was under way was delivered after all
 *
 * What waits is spread over some time after the circuit may be tried, so that a server that comes back is not
 * met by all of them at once.
 */

export interface Circuit {
	state: 'closed' | 'open' | 'half_open';
	/** Failures in a row. */
	failures: number;
	/** How often it opened since it was last closed by a delivery. */
	trips: number;
	/** When it came into its state. */
	since: Instant;
	/** Open: when a probe may go. Half open: when the probe counts as lost. Else null. */
	until: Instant | null;
	/** The delivery that is the probe. */
	probe: string | null;
	/** The failure that opened it. */
	reason: Failure | null;
}

const FAILURES = 5;
const FIRST: Duration = 30_000;
const LONGEST: Duration = 600_000;
/** A place may ask for this much patience on behalf of all deliveries; each delivery by itself waits for longer. */
const LONGEST_ASKED: Duration = 3_600_000;

export const CLOSED: Circuit = Object.freeze({
	state: 'closed',
	failures: 0,
	trips: 0,
	since: 0,
	until: null,
	probe: null,
	reason: null,
});

/** How a send went, as far as it tells something about the place. */
export type Outcome =
	| { kind: 'delivered' }
	| { kind: 'failed'; error: Failure; retryAfter?: Duration | undefined }
	/** Something of ours, or of this one file: it says nothing about the place. */
	| { kind: 'neutral' };

const OF_THE_PLACE: ReadonlySet<ErrorCode> = new Set([
	'TARGET_UNREACHABLE',
	'TARGET_REFUSED',
	'TARGET_BUSY',
	'TARGET_FAULT',
	'TARGET_PROTOCOL',
	'TIMEOUT',
	'STORAGE_FULL',
]);

/** What `never` helps is wrong with this delivery; what may help later may be wrong with the place. */
export function outcomeOf(failure: {
	error: Failure;
	retry: RetryVerdict;
	retryAfter?: Duration | undefined;
}): Outcome {
	const { error, retry, retryAfter } = failure;
	if (retry === 'never' || !OF_THE_PLACE.has(error.code)) return { kind: 'neutral' };
	return { kind: 'failed', error, retryAfter };
}

export type Admission = { go: true; circuit: Circuit } | { go: false; until: Instant };

/**
 * Whether a delivery may go now.
 * @param patience how long it may take until its end is known, should it become the probe
 */
export function admit(
	circuit: Circuit,
	{ id, at, patience }: { id: string; at: Instant; patience: Duration },
): Admission {
	const { state, until } = circuit;
	if (state === 'closed') return { go: true, circuit };
	if (state === 'half_open' && circuit.probe === id) return { go: true, circuit };
	if (until !== null && at < until) return { go: false, until };
	return {
		go: true,
		circuit: { ...circuit, state: 'half_open', since: at, until: at + patience, probe: id },
	};
}

/** The circuit after a send; the same object when nothing changed. */
export function afterSend(
	circuit: Circuit,
	{ place, id, at, outcome }: { place: string; id: string; at: Instant; outcome: Outcome },
): Circuit {
	if (outcome.kind === 'delivered') {
		const pristine = circuit.state === 'closed' && circuit.failures === 0;
		return pristine ? circuit : { ...CLOSED, since: at };
	}
	const isProbe = circuit.state === 'half_open' && circuit.probe === id;
	if (outcome.kind === 'neutral') {
		// the next one becomes the probe
		return isProbe ? { ...circuit, state: 'open', since: at, until: at, probe: null } : circuit;
	}
	if (circuit.state !== 'closed' && !isProbe) return circuit;
	const { error, retryAfter = 0 } = outcome;
	const failures = circuit.failures + 1;
	if (!isProbe && failures < FAILURES && retryAfter <= 0) return { ...circuit, failures };
	const trips = circuit.trips + 1;
	const wait = Math.max(waitOf(place, trips), Math.min(retryAfter, LONGEST_ASKED));
	return {
		state: 'open',
		failures,
		trips,
		since: at,
		until: at + wait,
		probe: null,
		reason: error,
	};
}

/** Doubled each time, with up to a tenth on top, so that places that fell together do not come back together. */
function waitOf(place: string, trips: number): Duration {
	const wait = Math.min(LONGEST, FIRST * 2 ** Math.min(trips - 1, 20));
	return Math.round(wait * (1 + 0.1 * spread(`${place}#${trips}`)));
}

const SHORTEST_RAMP: Duration = 5_000;
const LONGEST_RAMP: Duration = 300_000;
/** For each that waits: fifty a second. */
const EACH: Duration = 20;

/** When a delivery that must wait is to ask again: some time after `until`, the longer the more of them there are. */
export function askAgainAt(id: string, until: Instant, waiting: number): Instant {
	const ramp = Math.min(LONGEST_RAMP, SHORTEST_RAMP + waiting * EACH);
	return until + Math.round(ramp * spread(`${id}#${until}`));
}
