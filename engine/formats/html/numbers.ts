import { escape, Html, markup } from './template.ts';

const GROUPABLE = /^(-?)(\d{4,})(\.\d+)?$/;

/**
 * Digits in groups of three, parted by the style sheet and not by a character, so that what is copied
 * is the number itself. Markup; what is no number is escaped.
 */
export function groupedDigits(text: string): string {
	const match = GROUPABLE.exec(text);
	if (!match) return escape(text);
	const [, sign = '', whole = '', fraction = ''] = match;
	const head = whole.length % 3 || 3;
	let grouped = sign + whole.slice(0, head);
	for (let at = head; at < whole.length; at += 3) grouped += `<i>${whole.slice(at, at + 3)}</i>`;
	return grouped + fraction;
}

/** Of each three digits behind others. */
const THREES = Array.from(
	{ length: 1000 },
	(_, number) => `<i>${String(number).padStart(3, '0')}</i>`,
);

/** As `groupedDigits`, of a whole number from 0 to 2^53. */
export function groupedWhole(number: number): string {
	if (number < 1000) return String(number);
	let groups = '';
	let rest = number;
	for (; rest >= 1000; rest = Math.floor(rest / 1000)) groups = THREES[rest % 1000]! + groups;
	return rest + groups;
}

export const digits = (text: string): Html => Html.trusted(groupedDigits(text));

export function counted(count: number, one: string, many: string): Html {
	return markup`${digits(String(count))} ${count === 1 ? one : many}`;
}
