import type { Duration, Instant } from '../../contract/time.ts';

/*
 * Whose turn it is at a place with limits: so many at once, so many in a minute. Kept with the place, so that
 * all engines count together.
 */

export interface Turns {
	/** The sends under way, and until when each holds its turn should its engine be lost. */
	held: Readonly<Record<string, Instant>>;
	/** The instant up to which the rate is used (the theoretical arrival time of GCRA, ITU-T I.371). */
	usedUntil: Instant;
}

export interface Limits {
	/** In a minute. */
	perMinute?: number | undefined;
	parallel?: number | undefined;
}

export const NO_TURNS: Turns = Object.freeze({ held: Object.freeze({}), usedUntil: 0 });

const MINUTE: Duration = 60_000;
/** Many a minute may come in small bursts; few come evenly. */
const BURST: Duration = 1_000;
const MANY = 120;

export type Turn =
	{ go: true; turns: Turns } | { go: false; why: 'rate' | 'parallel'; until: Instant };

/** Takes a turn, if there is one. A delivery that holds one has it still, on a second ask. */
export function takeTurn(
	turns: Turns,
	{ parallel, perMinute }: Limits,
	{ id, at, patience }: { id: string; at: Instant; patience: Duration },
): Turn {
	const held = Object.fromEntries(
		Object.entries(turns.held).filter(([other, until]) => until > at && other !== id),
	);
	const soonest = Math.min(...Object.values(held));
	if (parallel !== undefined && Object.keys(held).length >= parallel) {
		return { go: false, why: 'parallel', until: soonest };
	}
	const { interval, burst } = paceOf(perMinute);
	if (turns.usedUntil - burst > at) {
		return { go: false, why: 'rate', until: turns.usedUntil - burst };
	}
	return {
		go: true,
		turns: {
			held: parallel === undefined ? {} : { ...held, [id]: at + patience },
			usedUntil: interval === 0 ? turns.usedUntil : Math.max(turns.usedUntil, at) + interval,
		},
	};
}

export function giveTurnBack(turns: Turns, id: string): Turns {
	if (!(id in turns.held)) return turns;
	const { [id]: _, ...held } = turns.held;
	return { ...turns, held };
}

/** Between two sends; with a burst it is a little longer, so that no minute ever holds more than it may. */
export function paceOf(perMinute: number | undefined): { interval: Duration; burst: Duration } {
	if (perMinute === undefined) return { interval: 0, burst: 0 };
	if (perMinute < MANY) return { interval: MINUTE / perMinute, burst: 0 };
	return { interval: (MINUTE + BURST) / (perMinute - 1), burst: BURST };
}
