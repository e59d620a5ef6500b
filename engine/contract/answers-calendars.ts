import { z } from 'zod';

import { count, id, instant, text } from './answers-parts.ts';
import { jsonObjectSchema } from './json.ts';

/* What the REST API answers of calendars. */

const date = text.meta({ format: 'date', examples: ['2027-12-24'] });

const day = z.looseObject({ date, name: text });

const fields = {
	id: id('cal'),
	name: text,
	title: text.nullable(),
	version: count.meta({ description: 'Rises with every change; versions stay.' }),
	weekend: z.array(text),
	source: jsonObjectSchema.meta({ description: 'Where its days come from.' }),
	knownFrom: date,
	knownUntil: date.meta({ description: 'Days after it are taken for ordinary ones.' }),
	dayCount: count,
	inForceSince: instant,
};

/** In lists, without its days. */
export const calendarSummarySchema = z.looseObject(fields).meta({ id: 'CalendarSummary' });

export const calendarSchema = z
	.looseObject({ ...fields, days: z.array(day) })
	.meta({ id: 'Calendar' });

export const calendarDaysSchema = z
	.looseObject({
		version: count,
		days: z.array(
			z.looseObject({ date, name: text.nullable(), weekend: z.boolean(), workingDay: z.boolean() }),
		),
	})
	.meta({ id: 'CalendarDays' });

const place = { code: text, name: text };

export const holidayCountriesSchema = z
	.looseObject({
		countries: z.array(
			z.looseObject({ ...place, regions: z.array(z.looseObject(place)).optional() }),
		),
	})
	.meta({ id: 'HolidayCountries' });
