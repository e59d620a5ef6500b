import type { Instant } from '../../contract/time.ts';

const TOKENS = {
	yyyy: 'year',
	MM: 'month',
	dd: 'day',
	HH: 'hour',
	mm: 'minute',
	ss: 'second',
} as const satisfies Record<string, Intl.DateTimeFormatPartTypes>;
const TOKEN = /yyyy|MM|dd|HH|mm|ss/g;

/** Whether the text is made of `yyyy MM dd HH mm ss` and the separators `-`, `_`, `.` and `T`. */
export function isPattern(text: string): boolean {
	return /^(?:(?:yyyy|MM|dd|HH|mm|ss)[-_.T]?)+$/.test(text);
}

/** Formatters cost much to make and little to use; there are as many as zones. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterFor(timeZone: string): Intl.DateTimeFormat {
	let formatter = formatters.get(timeZone);
	if (!formatter) {
		formatter = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
			timeZone,
			hourCycle: 'h23',
			year: 'numeric',
			month: '2-digit',
			day: '2-digit',
			hour: '2-digit',
			minute: '2-digit',
			second: '2-digit',
		});
		formatters.set(timeZone, formatter);
	}
	return formatter;
}

/** Writes an instant by the wall clock of a zone. */
export function formatLocal(instant: Instant, pattern: string, timeZone: string): string {
	const parts = formatterFor(timeZone).formatToParts(instant);
	return pattern.replace(TOKEN, (token) => {
		const type = TOKENS[token as keyof typeof TOKENS];
		const value = parts.find((part) => part.type === type)?.value ?? '';
		return value.padStart(token.length, '0');
	});
}
