import { exactNumber } from './exact-json.ts';
import type { Cell } from './columns.ts';

/** A value as text: nothing for null, JSON for lists and objects, every digit of a number. */
export function cellText(value: Cell): string {
	switch (typeof value) {
		case 'string':
			return value;
		case 'number':
		case 'boolean':
			return String(value);
		case 'object':
			return value === null ? '' : (exactNumber(value) ?? JSON.stringify(value));
		default:
			return '';
	}
}
