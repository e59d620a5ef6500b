import type { Backfill } from '../../contract/backfill.ts';
import { MOST_BACKFILLED } from '../../contract/backfill.ts';
import { CapError } from '../../contract/errors.ts';
import type { NewId } from '../../contract/ids.ts';
import type { Run } from '../../contract/run.ts';
import type { RunSpec } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Plan } from './plan.ts';
import { newRun } from './occurrences.ts';

/** An occurrence of the past that is to be run. */
export interface PastOccurrence {
	at: Instant;
	/** The instant of the timing before it, to be run or not; null for the first one. */
	windowStart: Instant | null;
}

/** How many instants a range is walked for at most, so that an answer comes soon whatever was asked for. */
const WALKED = 50_000;

/**
 * The occurrences of a range that can run (what exclusions take out cannot), without those at `without`.
 * @throws CapError TOO_MANY_OCCURRENCES with how many there would be
 */
export function pastOccurrences(
	plan: Plan,
	{ from, to }: { from: Instant; to: Instant },
	without: ReadonlySet<Instant>,
): PastOccurrence[] {
	const found: PastOccurrence[] = [];
	let count = 0;
	let walked = 0;
	let windowStart = plan.previous(from) ?? null;
	let at = plan.next(from - 1);
	while (at !== undefined && at <= to) {
		if (++walked > WALKED) throw tooMany(`more than ${Math.max(count, MOST_BACKFILLED)}`);
		if (!without.has(at) && plan.skip(at) === null) {
			count++;
			if (count <= MOST_BACKFILLED) found.push({ at, windowStart });
		}
		windowStart = at;
		at = plan.next(at);
	}
	if (count > MOST_BACKFILLED) throw tooMany(`${count}`);
	return found;
}

function tooMany(count: string): CapError {
	return new CapError(
		'TOO_MANY_OCCURRENCES',
		`from, to: expected a range of at most ${MOST_BACKFILLED} occurrences, got one of ${count}`,
	);
}

/**
 * Its runs, in the order in which they are to begin. Each is in one of as many lanes as may run at a time; in a
 * lane they go one after another. They do not wait for the schedule's own runs, nor those for them.
 */
export function backfillRuns(
	backfill: Backfill,
	occurrences: readonly PastOccurrence[],
	made: { spec: RunSpec; specId: string; newId: NewId },
): Run[] {
	const { id, scheduleId, concurrency, ordering, createdAt } = backfill;
	const inOrder = ordering === 'newest_first' ? occurrences.toReversed() : occurrences;
	return inOrder.map(({ at, windowStart }, index) => ({
		...newRun({
			id: made.newId('run'),
			spec: made.spec,
			specId: made.specId,
			scheduleId,
			trigger: 'backfill',
			nominalAt: at,
			windowStart,
			now: createdAt,
		}),
		backfillId: id,
		// Whoever goes over old ground promised nobody when.
		slaDueAt: null,
		slaState: null,
		serialKey: `${id}#${index % concurrency}`,
	}));
}
