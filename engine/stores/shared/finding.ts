import type { Finding } from '../store.port.ts';

/** What is done within this time of its instant is not overdue: milliseconds. */
export const TOLERANCE = 60_000;

export function problem(code: string, message: string, count = 0): Finding {
	return { severity: 'problem', code, message, count };
}
