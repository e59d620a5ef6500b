import type {
	EXPLAINED_RULES,
	STEP_RESULTS,
	VERDICTS_BESIDE_OUTCOMES,
} from '../../contract/explanation.ts';
import type { Calendars } from '../../contract/calendar.ts';
import type { LedgerRow, Outcome, RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';

/** An outcome of the ledger, or what there is to say of an instant that has none. */
export type Verdict = Outcome | (typeof VERDICTS_BESIDE_OUTCOMES)[number];

/** One rule that was asked, with the values that it used. */
export interface Step {
	rule: (typeof EXPLAINED_RULES)[number];
	/** What the rule says: a pattern, a zone, a window. */
	value: string;
	/** `stopped` is the one that decided against it; `open`: not known yet. */
	result: (typeof STEP_RESULTS)[number];
	text: string;
}

/** What is known of one instant of a schedule. */
export interface Question {
	schedule: Schedule;
	spec: RunSpec;
	/** In force when it was decided, or now. */
	calendars: Calendars;
	at: Instant;
	now: Instant;
	/** Its row in the ledger. */
	row: LedgerRow | null;
	/** The row of the run that it was coalesced into. */
	into: LedgerRow | null;
	/** What it would become if it were decided now, for one that is due. */
	predicted: LedgerRow | null;
}

export interface Explanation {
	verdict: Verdict;
	/** One sentence. */
	summary: string;
	chain: Step[];
	previous: Instant | undefined;
	next: Instant | undefined;
}
