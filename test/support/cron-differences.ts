import type { Peer as Npm, PeerAnswer, PeerQuestion } from './cron-peers.ts';
import { wallClock } from './timing-oracle.ts';

/** Those of npm, and one of Python that test/servers asks. */
type Peer = Npm | 'cronsim';

/** The classes of `docs/timing-differences.md`. */
export type Difference =
	| 'a step of "*" in a day field'
	| 'a time that does not exist'
	| 'a time that comes twice'
	| 'a range of one value with a step'
	| 'refused there';

interface Answers {
	theirs: PeerAnswer;
	ours: readonly number[];
}

/** Which of the listed differences apply to the question; none: both must say the same. */
export function differencesOf(
	peer: Peer,
	{ pattern, zone }: PeerQuestion,
	{ theirs, ours }: Answers,
): Difference[] {
	const [, , days = '', , weekdays = ''] = pattern.split(' ');
	const found: Difference[] = [];
	if (theirs === 'refused') return mayRefuse(peer, pattern) ? ['refused there'] : [];
	// cronsim looks at the first character as well, so there it is no difference.
	const starred = peer !== 'cronsim' && (isStepOfStar(days) || isStepOfStar(weekdays));
	if (starred && days !== '*' && weekdays !== '*') found.push('a step of "*" in a day field');
	if (peer === 'cronsim' && /(?:^|[ ,])(\d+)-\1\//.test(pattern)) {
		found.push('a range of one value with a step');
	}
	// Only where the instants themselves differ, and only those near the clock change.
	const either = [...new Set([...theirs, ...ours])].filter(
		(at) => !(theirs.includes(at) && ours.includes(at)) && within(at, theirs, ours),
	);
	const hours = pattern.split(' ')[1] ?? '';
	if (either.length > 0 && either.every((at) => isNear(zone, at, 'gap'))) {
		found.push('a time that does not exist');
	}
	if (hours !== '*' && either.length > 0 && either.every((at) => isNear(zone, at, 'fold'))) {
		found.push('a time that comes twice');
	}
	return found;
}

/** Both lists have so many entries: what is beyond the end of the shorter stretch says nothing. */
function within(at: number, theirs: readonly number[], ours: readonly number[]): boolean {
	return at <= Math.min(theirs.at(-1) ?? 0, ours.at(-1) ?? 0);
}

export function isStepOfStar(field: string): boolean {
	return /^\*\/\d+$/.test(field);
}

function mayRefuse(peer: Peer, pattern: string): boolean {
	const fields = pattern.split(' ');
	const [, , days = ''] = fields;
	if (/^L-\d+$/.test(days)) return true;
	if (peer === 'cronsim') return /^\d+W$/.test(days) || /[A-Z]{3}L$/.test(pattern);
	return peer === 'cron-parser' && (days.endsWith('W') || fields.some(hasTwice));
}

/** A value that is written twice. */
function hasTwice(field: string): boolean {
	const values = field.split(',');
	return new Set(values).size < values.length;
}

const DAY = 86_400_000;

/** Whether the clock is set forward (`gap`) or back within a day and an hour before the instant, or after. */
function isNear(zone: string, at: number, kind: 'gap' | 'fold'): boolean {
	const offset = (instant: number): number => wallClock(zone, instant) - instant;
	const change = offset(at + DAY) - offset(at - DAY);
	return kind === 'gap' ? change > 0 : change < 0;
}
