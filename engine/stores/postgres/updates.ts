import type { SqlValue } from './database.ts';
import type { Codec } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** `a = $1, b = $2` and its values, counted from `first`. Fields come from our own code, in few combinations. */
export function assignments<T>(
	codec: Codec<T>,
	set: Partial<T>,
	first = 1,
): { sql: string; values: SqlValue[] } {
	const fields = fieldsOf(set);
	return {
		sql: fields.map((field, i) => `${field} = $${i + first}`).join(', '),
		values: fields.map((field) => codec.encode(field, set[field])),
	};
}

function fieldsOf<T>(set: Partial<T>): (keyof T & string)[] {
	return (Object.keys(set) as (keyof T & string)[]).filter((field) => set[field] !== undefined);
}

/** A change of one row. */
export interface RowUpdate<T> {
	/** Of the row. */
	key: string | number;
	set: Partial<T>;
	/** Of columns that the codec does not have. */
	extra?: Record<string, number | string | null>;
}

/**
 * Inside a write: changes many rows that the transaction has locked, one statement for each combination of
 * fields. `extra` is the type of columns beside those of the codec.
 */
export function updateMany<T>(
	tx: Pick<Transaction, 'later'>,
	how: { codec: Codec<T>; key: string; type: 'bigint' | 'text'; extra?: 'bigint' | 'text' },
	updates: readonly RowUpdate<T>[],
): void {
	const { codec, key, type, extra: extraType = 'bigint' } = how;
	const groups = Map.groupBy(updates, ({ set, extra = {} }) =>
		[...fieldsOf(set), '|', ...Object.keys(extra)].join(' '),
	);
	for (const group of groups.values()) {
		const [model] = group;
		if (model === undefined) continue;
		const fields = fieldsOf(model.set);
		const extra = Object.keys(model.extra ?? {});
		const columns = [...fields, ...extra];
		if (columns.length === 0) continue;
		const types = [
			type,
			...fields.map((field) => codec.typeOf(field)),
			...extra.map(() => extraType),
		];
		tx.later(
			`UPDATE ${codec.table} AS t SET ${columns.map((name) => `${name} = u.${name}`).join(', ')}
			FROM unnest(${types.map((one, i) => `$${i + 1}::${one}[]`).join(', ')})
				AS u (the_key, ${columns.join(', ')})
			WHERE t.${key} = u.the_key`,
			[
				group.map((one) => one.key),
				...fields.map((field) =>
					group.map(({ set }) => codec.encode(field, set[field]) as string | null),
				),
				...extra.map((name) => group.map((one) => one.extra?.[name] ?? null)),
			],
		);
	}
}
