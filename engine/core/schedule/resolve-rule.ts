import type { Duration, Instant } from '../../contract/time.ts';
import { formatDuration, instantSchema, MAX_INSTANT, toIso } from '../../contract/time.ts';
import type { Rule, RuleInput } from '../../contract/timing.ts';
import { listed } from '../../contract/zod-words.ts';
import { smallestGap } from './cron-calendar.ts';
import { shorten } from './cron-field.ts';
import { hashBounds, resolveHashes } from './cron-hash.ts';
import { parseCron } from './cron-pattern.ts';
import { parseLocal, toInstant } from './local-time.ts';
import { resolvePeriod, resolveRrule } from './resolve-recurring.ts';
import { invalidTiming, tooOften } from './timing-errors.ts';

export interface RuleContext {
	acceptedAt: Instant;
	/** How often a schedule may fire at most. */
	smallestInterval: Duration;
	timeZone: string;
	/** The `start` of the timing, from which an interval is anchored. */
	start: Instant | undefined;
	/** What `~` depends on: the schedule's id. */
	seed: string;
	/** Of the object that holds the rule: `timing`, `timing.any[0]`. */
	path: string;
}

const KINDS = ['cron', 'every', 'at', 'rrule'] as const;
/** Fields that mean something only beside another. */
const COMPANIONS = {
	dialect: 'cron',
	dayMatch: 'cron',
	anchor: 'every',
	phase: 'every',
	monthEnd: 'every',
} as const;

/** The one kind of rule that an object has, with nothing that belongs to another. */
export function kindOf<K extends string>(
	input: Partial<Record<K, unknown>> & RuleInput,
	kinds: readonly K[],
	path: string,
): K {
	const given = kinds.filter((kind) => input[kind] !== undefined);
	const [kind] = given;
	if (kind === undefined || given.length > 1) {
		const all = `${listed(kinds.slice(0, -1)).replaceAll(' and ', ', ')} and "${kinds.at(-1) ?? ''}"`;
		throw invalidTiming(path, `exactly one of ${all}`, given.length === 0 ? 'none' : listed(given));
	}
	for (const [field, needed] of Object.entries(COMPANIONS)) {
		if (input[field as keyof typeof COMPANIONS] === undefined || needed === kind) continue;
		throw invalidTiming(
			`${path}.${field}`,
			`"${field}" only together with "${needed}"`,
			`"${kind}"`,
		);
	}
	return kind;
}

/**
 * A rule as it is kept.
 * @throws CapError INVALID_TIMING or INTERVAL_TOO_SMALL with the path of the field
 */
export function resolveRule(input: RuleInput, context: RuleContext): Rule {
	const { path } = context;
	switch (kindOf(input, KINDS, path)) {
		case 'cron':
			return resolveCron(input.cron ?? '', { ...context, path: `${path}.cron` }, input);
		case 'every':
			return resolveEvery(input, context);
		case 'at':
			return resolveAt(input.at ?? [], { ...context, path: `${path}.at` });
		case 'rrule':
			return resolveRrule(input.rrule ?? '', context);
	}
}

export function resolveCron(
	text: string,
	{ path, seed, smallestInterval }: Pick<RuleContext, 'path' | 'seed' | 'smallestInterval'>,
	{ dialect, dayMatch }: Pick<RuleInput, 'dialect' | 'dayMatch'> = {},
): Rule {
	const concrete = resolveHashes(text, { seed, dialect, path });
	// Positions in messages count in what the user wrote; spaces around it are not kept.
	if (concrete !== text) {
		for (const bound of hashBounds(text, { dialect, path })) {
			parseCron(bound, { dialect, dayMatch }, path);
		}
	}
	const pattern = parseCron(concrete, { dialect, dayMatch }, path);
	const gap = smallestGap(pattern, smallestInterval / 1000) * 1000;
	if (gap < smallestInterval) throw tooOften(path, smallestInterval, gap);
	return {
		kind: 'cron',
		cron: concrete.trim(),
		...(dialect === 'quartz' ? { dialect } : {}),
		...(dayMatch === undefined ? {} : { dayMatch }),
	};
}

function resolveEvery(input: RuleInput, context: RuleContext): Rule {
	const { path } = context;
	if (typeof input.every === 'string') return resolvePeriod(input.every, input, context);
	if (input.monthEnd !== undefined) {
		const expected = 'months or years in "every"';
		throw invalidTiming(`${path}.monthEnd`, expected, formatDuration(input.every ?? 0));
	}
	const anchor = anchorOf(input, context) + (input.phase ?? 0);
	return interval(input.every ?? 0, { ...context, anchor, path: `${path}.every` });
}

export function interval(
	every: Duration,
	options: { anchor: Instant; path: string; smallestInterval: Duration },
): Rule {
	const { anchor, path, smallestInterval } = options;
	if (every <= 0) throw invalidTiming(path, 'a duration longer than 0', formatDuration(every));
	if (every < smallestInterval) throw tooOften(path, smallestInterval, every);
	return { kind: 'every', every, anchor };
}

/** An instant, or a local time in the zone. */
function anchorOf({ anchor }: RuleInput, context: RuleContext): Instant {
	const { start, acceptedAt, path } = context;
	if (anchor === undefined) return start ?? acceptedAt;
	return instantOf(anchor, { ...context, path: `${path}.anchor` });
}

/** One shot, so long after acceptance. */
export function resolveIn(
	duration: Duration,
	{ acceptedAt, path }: Pick<RuleContext, 'acceptedAt' | 'path'>,
): Rule {
	if (duration <= 0)
		throw invalidTiming(path, 'a duration longer than 0', formatDuration(duration));
	if (acceptedAt + duration > MAX_INSTANT) {
		throw invalidTiming(path, 'an instant before the year 10000', formatDuration(duration));
	}
	return { kind: 'at', at: acceptedAt + duration };
}

/** One must lie ahead; of a list, those that are over are left out. */
function resolveAt(at: string | readonly string[], context: RuleContext): Rule {
	const { path, acceptedAt } = context;
	if (typeof at === 'string') {
		return { kind: 'at', at: later(instantOf(at, context), { path, acceptedAt }) };
	}
	const instants = at.map((text, index) =>
		instantOf(text, { ...context, path: `${path}[${index}]` }),
	);
	const dates = [...new Set(instants)].filter((each) => each > acceptedAt).sort((a, b) => a - b);
	if (dates.length === 0) {
		const expected = `at least one instant after now (${toIso(acceptedAt)})`;
		throw invalidTiming(path, expected, `${at.length} that are over`);
	}
	return { kind: 'dates', dates };
}

function instantOf(written: string, { timeZone, path }: RuleContext): Instant {
	const text = written.trim();
	const instant = instantSchema.safeParse(text);
	if (instant.success) return instant.data;
	const local = parseLocal(text);
	if (local !== undefined) return toInstant(timeZone, local);
	const expected =
		'a date and time that exist, like 2027-01-31T09:00:00+01:00, or 2027-01-31T09:00:00 in "timeZone"';
	throw invalidTiming(path, expected, shorten(written));
}

export function later(
	at: Instant,
	{ path, acceptedAt }: { path: string; acceptedAt: Instant },
): Instant {
	if (at > acceptedAt) return at;
	throw invalidTiming(path, `an instant after now (${toIso(acceptedAt)})`, toIso(at));
}
