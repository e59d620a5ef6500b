import { z } from 'zod';

/**
 * Inside the engine an instant is a number of milliseconds since 1970-01-01T00:00:00Z, and a duration a
 * number of milliseconds. At the edges instants are ISO 8601 in UTC with milliseconds.
 */
export type Instant = number;
export type Duration = number;

/** The first and the last instant that the engine accepts: the years 1970 to 9999. */
export const MIN_INSTANT: Instant = 0;
export const MAX_INSTANT: Instant = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const UNIT: Record<string, number> = {
	ms: 1,
	s: 1000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
	w: 604_800_000,
};

const MAX_DURATION = 10 * 366 * 86_400_000;

/**
 * Reads `"90s"`, `"1h30m"`, `"PT5M"`, `"P1D"` or a number of milliseconds.
 * Days are 24 hours; months and years have no fixed length and are refused.
 * @returns milliseconds, or `undefined` when the text is no duration
 */
export function parseDuration(input: string | number): Duration | undefined {
	if (typeof input === 'number') {
		return Number.isSafeInteger(input) && input >= 0 && input <= MAX_DURATION ? input : undefined;
	}
	const text = input.trim();
	const iso =
		/^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,3}))?S)?)?$/.exec(text);
	let total = 0;
	if (iso && text.length > 2 && !text.endsWith('T')) {
		const [, w, d, h, m, s, f] = iso;
		total =
			Number(w ?? 0) * 604_800_000 +
			Number(d ?? 0) * 86_400_000 +
			Number(h ?? 0) * 3_600_000 +
			Number(m ?? 0) * 60_000 +
			Number(s ?? 0) * 1000 +
			Number((f ?? '0').padEnd(3, '0'));
	} else {
		if (!/^(?:\d+(?:ms|s|m|h|d|w)\s*)+$/.test(text)) return undefined;
		for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d|w)/g)) {
			total += Number(count) * (UNIT[unit ?? ''] ?? Number.NaN);
		}
	}
	return Number.isSafeInteger(total) && total <= MAX_DURATION ? total : undefined;
}

/** Writes a duration the short way: `90000` becomes `"1m30s"`. */
export function formatDuration(duration: Duration): string {
	if (duration === 0) return '0s';
	let rest = duration;
	let text = '';
	for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
		const size = UNIT[unit] ?? 1;
		const count = Math.floor(rest / size);
		if (count > 0) text += `${count}${unit}`;
		rest -= count * size;
	}
	return text;
}

/** A duration as input: `"90s"`, `"5m"`, `"PT5M"` or milliseconds; parsed to milliseconds. */
export const durationSchema = z
	.union([z.string().max(40), z.number().int().nonnegative().meta({ maximum: MAX_DURATION })])
	.transform((input, context): Duration => {
		const parsed = parseDuration(input);
		if (parsed === undefined) {
			context.addIssue({
				code: 'custom',
				message: 'a duration like "90s", "5m", "PT5M" or milliseconds, at most ten years',
			});
			return z.NEVER;
		}
		return parsed;
	})
	.meta({
		id: 'Duration',
		description: '`"90s"`, `"1h30m"`, `"PT5M"` or milliseconds.',
		examples: ['90s', '5m', 'PT5M', 5000],
	});

/** The last text that was made: what is sent in one turn has the same instants (0.5 µs each, two to six a run). */
let last = { instant: 0, text: '1970-01-01T00:00:00.000Z' };

/** ISO 8601 in UTC with milliseconds. */
export function toIso(instant: Instant): string {
	if (instant !== last.instant) last = { instant, text: new Date(instant).toISOString() };
	return last.text;
}

/** An instant as input: ISO 8601 with an offset or `Z`; parsed to milliseconds since 1970. */
export const instantSchema = z.iso
	.datetime({ offset: true, error: 'an instant with offset like 2027-01-31T09:00:00+01:00' })
	.transform((text, context): Instant => {
		const instant = Date.parse(text);
		if (!Number.isFinite(instant) || instant < MIN_INSTANT || instant > MAX_INSTANT) {
			context.addIssue({ code: 'custom', message: 'an instant between the years 1970 and 9999' });
			return z.NEVER;
		}
		return instant;
	})
	.meta({
		id: 'Instant',
		description: 'ISO 8601 with an offset or `Z`.',
		examples: ['2027-01-31T09:00:00+01:00'],
	});
