import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { formatDuration, toIso } from '../../contract/time.ts';
import type { Rule, Timing } from '../../contract/timing.ts';
import { clockText, dateText } from './clock-notes.ts';
import { nextAfter, skipOf } from './timing.ts';
import type { Piece } from './zone-offsets.ts';
import { clockChanges } from './zone-offsets.ts';

/**
 * What a clock change does to a timing. `none`: nothing is due by the clock in the times that are lost or come
 * twice, or the rhythm goes on through them. `shifted`: a time that does not exist fires after the change,
 * where `dst.gap` puts it. `skipped`: it is dropped. `first`, `last`, `both`: which of two times fires.
 * `drifts`: an interval in real time comes at another time of the clock from then on.
 */
export type TransitionEffect =
	'none' | 'shifted' | 'skipped' | 'first' | 'last' | 'both' | 'drifts';

/** A clock change of the timing's zone, as answers show it. */
export interface Transition {
	/** The first instant of the new offset. */
	at: string;
	/** `gap`: local times are left out. `fold`: local times come twice. */
	kind: 'gap' | 'fold';
	/** By how much the clock is set, `1h`. */
	width: string;
	/** What the clock shows at that instant by the offset of before, and by the new one. */
	localBefore: string;
	localAfter: string;
	effect: TransitionEffect;
	/** For people: `2027-03-28: 02:30 does not exist, fires at 03:30`. */
	text: string;
}

export interface TransitionOptions {
	/** Exclusive. */
	from: Instant;
	/** Inclusive; default 400 days on: every zone that has clock changes has one in them. */
	until?: Instant;
	/** How many at most; default 4. */
	count?: number;
	calendars?: Calendars;
}

const CHANGES_WITHIN: Duration = 400 * 86_400_000;

/** How many local times of one change are told apart; the rest is "and others". */
const TOLD = 3;

/**
 * The next clock changes of the zone, and what happens there to this timing. It is found out by asking the
 * walk around each change, so it holds for every kind of rule. Nothing for timings of given instants.
 */
export function transitionsFor(timing: Timing, options: TransitionOptions): Transition[] {
	const { from, until = from + CHANGES_WITHIN, count = 4, calendars = NO_CALENDARS } = options;
	if (timing.kind === 'at' || timing.kind === 'dates') return [];
	const begin = Math.max(from, timing.start ?? from);
	const end = Math.min(until, timing.end ?? until);
	const found: Transition[] = [];
	if (begin >= end) return found;
	for (const piece of clockChanges(timing.timeZone, begin, end)) {
		found.push(transitionAt(timing, piece, calendars));
		if (found.length >= count) break;
	}
	return found;
}

function transitionAt(timing: Timing, piece: Piece, calendars: Calendars): Transition {
	const { from: at, before, offset } = piece;
	const kind = offset > before ? 'gap' : 'fold';
	const { effect, words } = effectOf(timing, piece, calendars);
	return {
		at: toIso(at),
		kind,
		width: formatDuration(Math.abs(offset - before)),
		localBefore: localText(at + before),
		localAfter: localText(at + offset),
		effect,
		text: `${dateText(Math.min(at + before, at + offset))}: ${words}`,
	};
}

interface Effect {
	effect: TransitionEffect;
	words: string;
}

function effectOf(timing: Timing, piece: Piece, calendars: Calendars): Effect {
	if (timing.kind === 'every') return effectOnInterval(timing.every, piece);
	const wanted = wantedTimes(timing, piece, calendars);
	const change = { timing, piece, calendars, wanted };
	const effects = wanted
		.slice(0, TOLD)
		.flatMap((local) =>
			piece.offset > piece.before ? inGap(local, change) : inFold(local, change),
		);
	const [first] = effects;
	if (first === undefined) return { effect: 'none', words: throughWords(piece, wanted) };
	const { effect } = first;
	if (wanted.length <= TOLD) return { effect, words: effects.map(({ words }) => words).join('; ') };
	if (piece.offset < piece.before && effects.every((each) => each.effect === effect)) {
		const span = `${clockText(piece.from + piece.offset)} to ${when(piece.from + piece.before, piece.from + piece.offset)}`;
		return { effect, words: `${span} comes twice, ${firesWords(effect)}` };
	}
	return { effect, words: [...effects.map(({ words }) => words), 'and others'].join('; ') };
}

function effectOnInterval(every: Duration, { offset, before }: Piece): Effect {
	const width = Math.abs(offset - before);
	if (width % every === 0) return { effect: 'none', words: 'not affected' };
	const direction = offset > before ? 'later' : 'earlier';
	const words = `intervals are real time: by the clock it comes ${formatDuration(width)} ${direction} from then on`;
	return { effect: 'drifts', words };
}

/** Local times that the clock loses or shows twice, at which something is due; one more than are told. */
function wantedTimes(timing: Timing, piece: Piece, calendars: Calendars): number[] {
	const { from, offset, before } = piece;
	const [low, high] = [from + Math.min(offset, before), from + Math.max(offset, before)];
	const local = onLocalClock(timing);
	const found: number[] = [];
	let next = local && nextAfter(local, low - 1, calendars);
	while (local && next !== undefined && next < high && found.length <= TOLD) {
		found.push(next);
		next = nextAfter(local, next, calendars);
	}
	return found;
}

/** The timing as it were if the wall clock showed UTC, without what is no matter of the clock. */
function onLocalClock(timing: Timing): Timing | undefined {
	const rule = localRule(timing);
	if (rule === undefined) return undefined;
	const { exclude, only } = timing;
	return {
		...rule,
		timeZone: 'UTC',
		...(exclude === undefined ? {} : { exclude }),
		...(only === undefined ? {} : { only }),
	};
}

/** The part of the rule that follows the wall clock, and nothing of the timing around it. */
function localRule(rule: Rule): Rule | undefined {
	switch (rule.kind) {
		case 'cron': {
			const { kind, cron, dialect, dayMatch } = rule;
			return {
				...{ kind, cron },
				...(dialect === undefined ? {} : { dialect }),
				...(dayMatch === undefined ? {} : { dayMatch }),
			};
		}
		case 'months': {
			const { kind, months, anchor, monthEnd } = rule;
			return { kind, months, anchor, monthEnd };
		}
		case 'rrule': {
			const { kind, rrule } = rule;
			// In UTC it knows no wall clock.
			return /^DTSTART:\d{8}T\d{6}Z/im.test(rrule) ? undefined : { kind, rrule };
		}
		case 'any': {
			const rules = rule.rules.flatMap((each) => localRule(each) ?? []);
			return rules.length === 0 ? undefined : { kind: 'any', rules };
		}
		default:
			return undefined;
	}
}

interface Change {
	timing: Timing;
	piece: Piece;
	calendars: Calendars;
	wanted: readonly number[];
}

function inGap(local: number, { timing, piece, calendars }: Change): Effect[] {
	const { from, offset, before } = piece;
	const shifted = local - before;
	const places = timing.dst?.gap === 'edge' ? [from, shifted] : [shifted, from];
	const due = places.find((at) => isDue(timing, at, calendars));
	if (due === undefined) return [];
	// At that time of the clock it is due anyway: the rhythm goes on.
	const clock = onLocalClock(timing);
	if (clock !== undefined && isDue(clock, due + offset, calendars)) return [];
	const missing = `${when(local, from + before)} does not exist`;
	const skip = skipOf(timing, due, calendars);
	if (skip !== null) return [{ effect: 'skipped', words: `${missing}, is skipped` }];
	return [
		{ effect: 'shifted', words: `${missing}, fires at ${when(due + offset, from + before)}` },
	];
}

function inFold(local: number, { timing, piece, calendars }: Change): Effect[] {
	const first = isRun(timing, local - piece.before, calendars);
	const last = isRun(timing, local - piece.offset, calendars);
	if (!first && !last) return [];
	const effect = first && last ? 'both' : first ? 'first' : 'last';
	const twice = `${when(local, piece.from + piece.offset)} comes twice`;
	return [{ effect, words: `${twice}, ${firesWords(effect)}` }];
}

function firesWords(effect: TransitionEffect): string {
	return effect === 'both' ? 'fires both times' : `fires the ${effect} time only`;
}

function isDue(timing: Timing, at: Instant, calendars: Calendars): boolean {
	return nextAfter(timing, at - 1, calendars) === at;
}

function isRun(timing: Timing, at: Instant, calendars: Calendars): boolean {
	return isDue(timing, at, calendars) && skipOf(timing, at, calendars) === null;
}

function throughWords({ from, offset, before }: Piece, wanted: readonly number[]): string {
	if (wanted.length === 0 || offset < before) return 'not affected';
	const lost = `${clockText(from + before)} to ${when(from + offset, from + before)}`;
	return `${lost} does not exist, what is due in it comes together with what is due after it`;
}

/** With the date where it is another than that of the change. */
function when(local: number, change: number): string {
	const date = dateText(local);
	return date === dateText(change) ? clockText(local) : `${date} ${clockText(local)}`;
}

function localText(local: number): string {
	return new Date(local).toISOString().slice(0, 19);
}
