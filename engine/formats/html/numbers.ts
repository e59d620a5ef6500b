import { markup, type Html } from './template.ts';

const GROUPABLE = /^(-?)(\d{4,})(\.\d+)?$/;

/**
 * Digits in groups of three, parted by the style sheet and not by a character, so that what is copied
 * is the number itself.
 */
export function digits(text: string): Html {
	const match = GROUPABLE.exec(text);
	if (!match) return markup`${text}`;
	const [, sign = '', whole = '', fraction = ''] = match;
	const head = whole.length % 3 || 3;
	const groups = whole.slice(head).match(/\d{3}/g) ?? [];
	return markup`${sign}${whole.slice(0, head)}${groups.map((group) => markup`<i>${group}</i>`)}${fraction}`;
}

export function counted(count: number, one: string, many: string): Html {
	return markup`${digits(String(count))} ${count === 1 ? one : many}`;
}
