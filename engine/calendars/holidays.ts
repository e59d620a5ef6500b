import { setImmediate as nextTurn } from 'node:timers/promises';

import type { CalendarDay } from '../contract/calendar.ts';
import { inputError } from '../contract/errors.ts';
import { nearest } from '../contract/nearest.ts';
import type { HolidayCountry, HolidayPlace, Horizon } from './calendars.port.ts';
import { DAY, DayList, dateOf } from './days.ts';

/** For names of days and places: the language of all else that the engine says. */
const LANGUAGE = 'en';

/** The data of all countries is 2 MB: loaded when somebody asks. */
const load = async () => (await import('date-holidays')).default;
type Holidays = InstanceType<Awaited<ReturnType<typeof load>>>;

let known: HolidayCountry[] | null = null;

/** Countries by code, with their regions: `BY`, or `BY-A` for a part of one. */
export async function holidayCountries(): Promise<HolidayCountry[]> {
	if (known !== null) return known;
	const data = new (await load())();
	known = places(data.getCountries(LANGUAGE)).map((country) => ({
		...country,
		regions: regionsOf(data, country.code),
	}));
	return known;
}

function regionsOf(data: Holidays, country: string): HolidayPlace[] {
	return places(data.getStates(country, LANGUAGE)).flatMap((state) => [
		state,
		...places(data.getRegions(country, state.code, LANGUAGE)).map(({ code, name }) => ({
			code: `${state.code}-${code}`,
			name: `${state.name}, ${name}`,
		})),
	]);
}

function places(named: Record<string, string> | undefined): HolidayPlace[] {
	return Object.entries(named ?? {})
		.map(([code, name]) => ({ code, name }))
		.sort((a, b) => (a.code < b.code ? -1 : 1));
}

/**
 * Days that are holidays there, of the kinds asked for. A holiday of hours only (the afternoon of 24
 * December) is none.
 * @throws CapError INVALID_REQUEST
 */
export async function holidayDays(
	{ country, region, types }: { country: string; region?: string; types: readonly string[] },
	{ from, until }: Horizon,
): Promise<CalendarDay[]> {
	const place = await placeOf(country, region);
	const data = new (await load())();
	data.init(...place);
	const days = new DayList();
	const last = Number(until.slice(0, 4));
	// One that begins at the end of a year lasts into the next.
	for (let year = Number(from.slice(0, 4)) - 1; year <= last; year++) {
		for (const { date, start, end, name, type } of data.getHolidays(year, LANGUAGE)) {
			const length = Math.round((end.getTime() - start.getTime()) / DAY);
			if (!types.includes(type) || length < 1) continue;
			// The date is that of the place; what begins at sunset before counts from midnight.
			const first = Date.parse(`${date.slice(0, 10)}T00:00:00Z`);
			for (let n = 0; n < length; n++) {
				const day = dateOf(first + n * DAY);
				if (day >= from && day <= until) days.add(day, name);
			}
		}
		await nextTurn();
	}
	return days.toDays();
}

async function placeOf(
	country: string,
	region: string | undefined,
): Promise<[country: string, state?: string, region?: string]> {
	const countries = await holidayCountries();
	const found = countries.find(({ code }) => code === country.toUpperCase());
	if (found === undefined) throw unknown('country', country, countries);
	if (region === undefined) return [found.code];
	if (!found.regions.some(({ code }) => code === region.toUpperCase())) {
		throw unknown('region', region, found.regions);
	}
	const [state = '', part] = splitRegion(found.regions, region.toUpperCase());
	return part === undefined ? [found.code, state] : [found.code, state, part];
}

/** A code of a state may have a hyphen itself. */
function splitRegion(regions: readonly HolidayPlace[], code: string): string[] {
	const state = regions
		.filter((each) => code.startsWith(`${each.code}-`))
		.sort((a, b) => a.code.length - b.code.length)[0];
	return state === undefined ? [code] : [state.code, code.slice(state.code.length + 1)];
}

/** The nearest by code, by name ("germany"), or the only one whose name begins so. */
function unknown(
	field: 'country' | 'region',
	sent: string,
	all: readonly HolidayPlace[],
): ReturnType<typeof inputError> {
	const wanted = sent.trim().toLowerCase();
	const byName = all.find(({ name }) => name.toLowerCase() === wanted);
	const beginning = all.filter(
		({ name }) => wanted !== '' && name.toLowerCase().startsWith(wanted),
	);
	const name = nearest(
		wanted,
		all.map((each) => each.name.toLowerCase()),
	);
	const code = nearest(
		sent.toUpperCase(),
		all.map((each) => each.code),
	);
	const close =
		byName ??
		beginning[0] ??
		all.find((each) => each.name.toLowerCase() === name) ??
		all.find((each) => each.code === code);
	const none = all.length === 0 ? '; no region of it is known' : '';
	const hint = close === undefined ? none : `, perhaps "${close.code}" (${close.name})`;
	return inputError('INVALID_REQUEST', {
		path: `holidays.${field}`,
		expected: `the code of a ${field} from GET /v1/holidays${hint}`,
		received: JSON.stringify(sent),
	});
}
