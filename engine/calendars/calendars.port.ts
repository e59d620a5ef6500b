import type { CalendarDay, LocalDate } from '../contract/calendar.ts';

/** The days that are worked out, inclusive. */
export interface Horizon {
	from: LocalDate;
	until: LocalDate;
}

/** A country, or a region of one, whose holidays are known. */
export interface HolidayPlace {
	code: string;
	name: string;
}

export interface HolidayCountry extends HolidayPlace {
	regions: HolidayPlace[];
}

/** Where days come from. No network; the data is inside. */
export interface CalendarSources {
	/**
	 * The all-day events of an iCalendar text within the horizon, ascending, each day once.
	 * @throws CapError INVALID_REQUEST with the path `ics` when it is none, or is too much
	 */
	readIcs(text: string, horizon: Horizon): Promise<CalendarDay[]>;
	/**
	 * The public holidays of a place within the horizon.
	 * @throws CapError INVALID_REQUEST with the path `holidays.country` or `holidays.region`, and the nearest
	 */
	holidays(
		place: { country: string; region?: string; types: readonly string[] },
		horizon: Horizon,
	): Promise<CalendarDay[]>;
	/** All countries with their regions, by code. */
	countries(): Promise<HolidayCountry[]>;
}
