import type { SqlValue } from './database.ts';

/** Conditions joined by AND, whose texts are ours and whose values are bound; `?` stands for the next value. */
export interface Conditions {
	add(condition: string, ...values: SqlValue[]): void;
	/** A value outside the conditions. @returns its placeholder */
	bind(value: SqlValue): string;
	readonly sql: string;
	readonly values: SqlValue[];
}

export function createConditions(): Conditions {
	const terms: string[] = [];
	const values: SqlValue[] = [];
	const bind = (value: SqlValue): string => `$${values.push(value)}`;
	return {
		add(condition, ...more) {
			let next = 0;
			terms.push(condition.replaceAll('?', () => bind(more[next++] ?? null)));
		},
		bind,
		get sql() {
			return terms.length === 0 ? 'TRUE' : terms.join(' AND ');
		},
		values,
	};
}
