import type { CalendarDay, LocalDate } from '../contract/calendar.ts';

export const DAY = 86_400_000;

/** Several events of one day are one day with all their names. */
export class DayList {
	readonly #names = new Map<LocalDate, string[]>();

	get size(): number {
		return this.#names.size;
	}

	add(date: LocalDate, name: string): void {
		const names = this.#names.get(date);
		if (names === undefined) this.#names.set(date, [name]);
		else if (!names.includes(name) && names.length < 5) names.push(name);
	}

	toDays(): CalendarDay[] {
		return [...this.#names]
			.map(([date, names]) => ({ date, name: names.join(', ') }))
			.sort((a, b) => (a.date < b.date ? -1 : 1));
	}
}

export function dateOf(at: number): LocalDate {
	return new Date(at).toISOString().slice(0, 10);
}
