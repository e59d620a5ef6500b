/*
 * The proleptic Gregorian calendar as arithmetic: days count from 1970-01-01. `Date` would take years below
 * 100 for those of 1900, and takes more than twice as long.
 */

export const DAY_SECONDS = 86_400;

/** Days of 400 years, after which dates and weekdays repeat. */
export const ERA_DAYS = 146_097;

export interface Civil {
	year: number;
	/** 1 to 12. */
	month: number;
	day: number;
}

export function civilToDay(year: number, month: number, day: number): number {
	const y = month <= 2 ? year - 1 : year;
	const era = Math.floor(y / 400);
	const yearOfEra = y - era * 400;
	const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
	const dayOfEra =
		yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
	return era * ERA_DAYS + dayOfEra - 719_468;
}

export function dayToCivil(days: number): Civil {
	const shifted = days + 719_468;
	const era = Math.floor(shifted / ERA_DAYS);
	const dayOfEra = shifted - era * ERA_DAYS;
	const yearOfEra = Math.floor(
		(dayOfEra -
			Math.floor(dayOfEra / 1460) +
			Math.floor(dayOfEra / 36_524) -
			Math.floor(dayOfEra / 146_096)) /
			365,
	);
	const dayOfYear =
		dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
	const part = Math.floor((5 * dayOfYear + 2) / 153);
	const month = part < 10 ? part + 3 : part - 9;
	return {
		year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
		month,
		day: dayOfYear - Math.floor((153 * part + 2) / 5) + 1,
	};
}

export function isLeap(year: number): boolean {
	return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function lengthOfMonth(year: number, month: number): number {
	if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
	return isLeap(year) ? 29 : 28;
}

export function lengthOfYear(year: number): number {
	return isLeap(year) ? 366 : 365;
}

/** Monday is 0, as RFC 5545 counts; 1970-01-01 was a Thursday. */
export function weekdayFromMonday(day: number): number {
	return modulo(day + 3, 7);
}

/** Sunday is 0, as cron and `Date` count. */
export function weekdayFromSunday(day: number): number {
	return modulo(day + 4, 7);
}

export function modulo(value: number, size: number): number {
	return ((value % size) + size) % size;
}
