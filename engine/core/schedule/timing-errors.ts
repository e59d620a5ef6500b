import type { CapError } from '../../contract/errors.ts';
import { inputError } from '../../contract/errors.ts';
import type { Duration } from '../../contract/time.ts';
import { formatDuration } from '../../contract/time.ts';

export function invalidTiming(path: string, expected: string, received: string): CapError {
	return inputError('INVALID_TIMING', { path, expected, received });
}

export function tooOften(path: string, smallest: Duration, gap: Duration): CapError {
	const expected = `at least ${formatDuration(smallest)} between occurrences`;
	return inputError('INTERVAL_TOO_SMALL', { path, expected, received: formatDuration(gap) });
}
