import type { Duration } from '../../contract/time.ts';
import { parseDuration } from '../../contract/time.ts';

const UNITS: ReadonlyMap<string, Duration> = new Map([
	['second', 1000],
	['sec', 1000],
	['s', 1000],
	['minute', 60_000],
	['min', 60_000],
	['m', 60_000],
	['hour', 3_600_000],
	['h', 3_600_000],
	['day', 86_400_000],
	['d', 86_400_000],
	['week', 604_800_000],
	['w', 604_800_000],
]);

/** `15m`, `PT15M`, `2 hours`, or just `hour`; `undefined` when it is none of these. */
export function readSpokenDuration(text: string): Duration | undefined {
	const short = parseDuration(text);
	if (short !== undefined) return short;
	const [, count, unit] = /^(?:(\d{1,9})\s*)?([a-z]+?)s?$/i.exec(text.trim()) ?? [];
	const size = unit === undefined ? undefined : UNITS.get(unit.toLowerCase());
	return size === undefined ? undefined : parseDuration(Number(count ?? 1) * size);
}

/** What follows the word: `afterWord('every', 'every 15m')` is `15m`; `undefined` without it. */
export function afterWord(word: 'in' | 'every', text: string): string | undefined {
	const [first, ...rest] = text.trim().split(/\s+/);
	return first?.toLowerCase() === word && rest.length > 0 ? rest.join(' ') : undefined;
}
