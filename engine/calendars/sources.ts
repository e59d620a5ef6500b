import type { CalendarSources } from './calendars.port.ts';
import { holidayCountries, holidayDays } from './holidays.ts';
import { readIcs } from './ics.ts';

/** iCalendar by `ical.js`, public holidays by `date-holidays`: both read what is here, neither the network. */
export function createCalendarSources(): CalendarSources {
	return {
		readIcs: (text, horizon) => readIcs(text, horizon),
		holidays: holidayDays,
		countries: holidayCountries,
	};
}
