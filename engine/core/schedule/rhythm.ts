import type { Calendars } from '../../contract/calendar.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import type { Plan } from './plan.ts';
import { planOf } from './plan.ts';

/** How often a timing is due, as far as its next instants show. */
export interface Rhythm {
	/** There is a single occurrence at most; then the intervals are Infinity. */
	once: boolean;
	/** The shortest and the mean time between two occurrences that follow each other. */
	shortest: Duration;
	mean: Duration;
	/** Occurrences within 60 seconds, at most. */
	perMinute: number;
}

const MINUTE: Duration = 60_000;

/** How many instants are looked at: a few tell the shortest interval, the mean needs those of days. */
export const FEW = 32;
export const MANY = 1000;

export function rhythmOf(
	timing: Timing,
	{ from, calendars, sample }: { from: Instant; calendars: Calendars; sample: number },
): Rhythm {
	const plan = planOf({ timing, calendars, seed: '' });
	const instants = timing.limit === 1 ? [] : sampleOf(plan, from, sample);
	const intervals = instants.slice(1).map((at, n) => at - (instants[n] ?? at));
	const first = instants[0];
	const last = instants.at(-1);
	if (first === undefined || last === undefined || intervals.length === 0) {
		return { once: true, shortest: Infinity, mean: Infinity, perMinute: 1 };
	}
	const shortest = Math.min(...intervals);
	return {
		once: false,
		shortest,
		mean: Math.round((last - first) / intervals.length),
		// A sample of a rule of every few milliseconds does not fill a minute.
		perMinute: Math.max(
			busiest(instants),
			last - first < MINUTE ? Math.floor(MINUTE / shortest) : 0,
		),
	};
}

/** The next instants that are to be run. Those that are skipped count for the length of the walk. */
function sampleOf(plan: Plan, from: Instant, sample: number): Instant[] {
	const instants: Instant[] = [];
	let at = plan.next(from);
	for (let n = 0; at !== undefined && n < 2 * sample && instants.length < sample; n++) {
		if (plan.skip(at) === null) instants.push(at);
		at = plan.next(at);
	}
	return instants;
}

/** The most instants in any minute: [at, at + 1 min). */
function busiest(instants: readonly Instant[]): number {
	let most = 0;
	let begin = 0;
	for (const [end, at] of instants.entries()) {
		while (at - (instants[begin] ?? at) >= MINUTE) begin++;
		most = Math.max(most, end - begin + 1);
	}
	return most;
}
