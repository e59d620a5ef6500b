/* The words of `GET /v1/schedules/{id}/explain`. */

/** The rules that decide over an instant, in the order in which they are asked. */
export const EXPLAINED_RULES = [
	'schedule',
	'timing',
	'clock',
	'start',
	'end',
	'only',
	'exclude',
	'dst',
	'by_hand',
	'limit',
	'pause',
	'jitter',
	'catch_up',
	'overlap',
	'run',
] as const;

/** What there is to say of an instant without an outcome. */
export const VERDICTS_BESIDE_OUTCOMES = [
	'due',
	'will_run',
	'will_skip',
	'no_occurrence',
	'unknown',
] as const;

export const STEP_RESULTS = ['passed', 'stopped', 'noted', 'open'] as const;
