import type { Condition } from '../../contract/delivery.ts';

/** What is known of a result when a delivery's condition is judged. */
export interface ResultFacts {
	/** Null when it holds no rows but bytes or a value. */
	rows: number | null;
	/** SHA-256 of the result's bytes. */
	sha256: string;
	/** That of the last result that was delivered to the same target of the schedule; null: none was. */
	lastDelivered: string | null;
}

/** @returns why the delivery is skipped, or null when it is to be sent */
export function whySkipped(when: Condition, facts: ResultFacts): string | null {
	switch (when) {
		case 'always':
			return null;
		case 'has_rows':
			return facts.rows === 0 ? 'the result has no rows' : null;
		case 'no_rows':
			return facts.rows === 0 ? null : 'the result has rows';
		case 'changed':
			return facts.lastDelivered === facts.sha256 ? 'the result has not changed' : null;
	}
}
