import type { SQLInputValue } from 'node:sqlite';

import type { Codec } from './rows.ts';

/** `a = ?, b = ?` and its values. Fields come from our own code, in few combinations: statements are kept. */
export function assignments<T>(
	codec: Codec<T>,
	set: Partial<T>,
): { sql: string; values: SQLInputValue[] } {
	let sql = '';
	const values: SQLInputValue[] = [];
	for (const field of Object.keys(set) as (keyof T & string)[]) {
		if (set[field] === undefined) continue;
		sql += sql === '' ? `${field} = ?` : `, ${field} = ?`;
		values.push(codec.encode(field, set[field]));
	}
	return { sql, values };
}
