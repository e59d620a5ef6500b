/**
 * A second opinion on cron in time zones that shares no code with the engine. It walks UTC second by second
 * or minute by minute, asks Intl for the wall clock each time, and applies the two rules for clock changes
 * to what it saw. Slow and plain on purpose.
 */

/** What a pattern means, made by the test together with its text, so that nothing here reads patterns. */
export interface PatternMeaning {
	seconds: readonly number[];
	minutes: readonly number[];
	hours: readonly number[];
	days: readonly number[];
	months: readonly number[];
	weekdays: readonly number[];
	eitherDay: boolean;
	/** Days that depend on their month, of either field. */
	dateRule?: (date: Date) => boolean;
	weekdayRule?: (date: Date) => boolean;
}

/** What clock changes do; as in the contract, told once more. */
export interface Changes {
	gap?: 'shift' | 'edge' | 'skip';
	fold?: 'first' | 'last' | 'both';
}

/** The wall clock of a zone over a stretch of time, one entry a tick. */
export interface Walk {
	tick: number;
	instants: number[];
	/** Wall-clock times as if the clock showed UTC. */
	walls: number[];
}

const formatters = new Map<string, Intl.DateTimeFormat>();

export function wallClock(zone: string, at: number): number {
	let formatter = formatters.get(zone);
	if (!formatter) {
		formatter = new Intl.DateTimeFormat('en-US', {
			timeZone: zone,
			hourCycle: 'h23',
			year: 'numeric',
			month: 'numeric',
			day: 'numeric',
			hour: 'numeric',
			minute: 'numeric',
			second: 'numeric',
		});
		formatters.set(zone, formatter);
	}
	// 3/28/2027, 03:00:00
	const numbers = formatter.format(at).match(/\d+/g)?.map(Number) ?? [];
	const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = numbers;
	return Date.UTC(year, month - 1, day, hour, minute, second);
}

export function walk(zone: string, from: number, until: number, tick: number): Walk {
	const instants: number[] = [];
	for (let at = from; at < until; at += tick) instants.push(at);
	return { tick, instants, walls: instants.map((at) => wallClock(zone, at)) };
}

/** Instants at which the distance between wall clock and UTC changed, to the minute, within a year. */
export function changesInYear(zone: string, year: number): number[] {
	const hours = 36;
	const changes: number[] = [];
	const distance = (at: number): number => wallClock(zone, at) - at;
	for (let low = Date.UTC(year); low < Date.UTC(year + 1); low += hours * 3_600_000) {
		const high = low + hours * 3_600_000;
		if (distance(low) === distance(high)) continue;
		let at = low;
		for (const size of [3_600_000, 60_000])
			while (distance(at + size) === distance(low)) at += size;
		changes.push(at + 60_000);
	}
	return changes;
}

/**
 * Every instant of the walk at which the pattern is due, with what is before `from` and after `until` left
 * out: a wall time that comes twice must be seen twice.
 */
export function dueInstants(
	pattern: PatternMeaning,
	{ tick, instants, walls }: Walk,
	{ from, until, changes = {} }: { from: number; until?: number; changes?: Changes },
): number[] {
	const fold = changes.fold ?? (pattern.hours.length === 24 ? 'both' : 'first');
	const lastSeen = new Map(walls.map((wall, index) => [wall, index]));
	const seen = new Set<number>();
	const due = new Set<number>();
	instants.forEach((at, index) => {
		const wall = walls[index] ?? 0;
		const previous = walls[index - 1] ?? wall - tick;
		// Wall times that the clock jumped over: they come as if it had not.
		for (let skipped = previous + tick; skipped < wall; skipped += tick) {
			if (!means(pattern, skipped)) continue;
			due.add(changes.gap === 'edge' ? at : at + (skipped - previous - tick));
		}
		const counts =
			fold === 'both' || (fold === 'first' ? !seen.has(wall) : lastSeen.get(wall) === index);
		if (counts && means(pattern, wall)) due.add(at);
		seen.add(wall);
	});
	const last = until ?? instants.at(-1) ?? 0;
	return [...due].filter((at) => at >= from && at <= last).sort((a, b) => a - b);
}

function means(pattern: PatternMeaning, wall: number): boolean {
	const date = new Date(wall);
	const byDate = pattern.days.includes(date.getUTCDate()) || pattern.dateRule?.(date) === true;
	const byWeekday =
		pattern.weekdays.includes(date.getUTCDay()) || pattern.weekdayRule?.(date) === true;
	return (
		pattern.minutes.includes(date.getUTCMinutes()) &&
		pattern.seconds.includes(date.getUTCSeconds()) &&
		pattern.hours.includes(date.getUTCHours()) &&
		pattern.months.includes(date.getUTCMonth() + 1) &&
		(pattern.eitherDay ? byDate || byWeekday : byDate && byWeekday)
	);
}
