import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { InputIssue } from '../../contract/errors.ts';
import type { Policies } from '../../contract/policies.ts';
import { concurrencyOf, ON_TIME_WITHIN } from '../../contract/policies.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { formatDuration } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { backoff } from '../run/retry.ts';
import type { Rhythm } from './rhythm.ts';
import { FEW, MANY, rhythmOf } from './rhythm.ts';

export type PolicyErrorCode =
	| 'HEARTBEAT_NOT_SHORTER'
	| 'CATCH_UP_CANCELS_ITSELF'
	| 'CATCH_UP_WINDOW_CLOSED'
	| 'RETRY_AFTER_SLA'
	| 'JITTER_ON_ONE_SHOT';

export type PolicyWarningCode =
	| 'SHORTER_THAN_TIMEOUT'
	| 'RETRIES_BEYOND_INTERVAL'
	| 'BUFFER_GROWS'
	| 'CANCELS_BEFORE_END'
	| 'ABOVE_CONCURRENCY'
	| 'ABOVE_KEY_LIMIT'
	| 'KEY_LIMIT_ABOVE_CONCURRENCY'
	| 'CATCH_UP_WINDOW_SHORT'
	| 'CATCH_UP_FLOOD'
	| 'PAUSE_ON_ONE_SHOT'
	| 'HELD_RUN_BLOCKS'
	| 'RETRY_ON_NOTHING'
	| 'RETRIES_BEYOND_SLA'
	| 'SLA_SHORTER_THAN_TIMEOUT'
	| 'HEARTBEAT_WITHOUT_CALLBACK';

/** A contradiction: one of the two wishes could never come true. */
export interface PolicyError extends InputIssue {
	code: PolicyErrorCode;
}

/** Allowed, and perhaps not meant. */
export interface PolicyWarning {
	code: PolicyWarningCode;
	message: string;
}

export interface LintContext {
	/** From when on the timing is looked at. */
	from: Instant;
	calendars?: Calendars;
	/** How many runs the engine carries out at once; not given: nothing is said about it. */
	concurrency?: number;
	/** Whether the capability's binding can call back; not given: nothing is said about it. */
	canCallBack?: boolean;
}

/** How many runs an outage of the length of `catchUp.window` may leave before it is worth a word. */
const FLOOD = 1000;

/** What contradicts and what may surprise in policies, with the timing that they go with; null: a run by hand. */
export function lintPolicies(
	timing: Timing | null,
	policies: Policies,
	{ from, calendars = NO_CALENDARS, concurrency, canCallBack }: LintContext,
): { errors: PolicyError[]; warnings: PolicyWarning[] } {
	const { overlap, catchUp } = policies;
	const sample = overlap === 'buffer_all' || catchUp.mode === 'all' ? MANY : FEW;
	const rhythm = timing === null ? null : rhythmOf(timing, { from, calendars, sample });
	const about = { policies, rhythm, concurrency, canCallBack };
	return {
		errors: [...contradictions(policies), ...jitterOnOneShot(timing)],
		warnings: [
			...overlapWarnings(about),
			...capacityWarnings(about),
			...catchUpWarnings(about),
			...failureWarnings(about),
			...slaWarnings(about),
		],
	};
}

interface About {
	policies: Policies;
	/** Null when no occurrence makes the runs. */
	rhythm: Rhythm | null;
	concurrency: number | undefined;
	canCallBack: boolean | undefined;
}

function contradictions(policies: Policies): PolicyError[] {
	const { heartbeat, timeout, overlap, catchUp, retry, sla } = policies;
	const errors: PolicyError[] = [];
	const within = sla?.deliveredWithin;
	if (heartbeat !== undefined && heartbeat >= timeout) {
		errors.push({
			code: 'HEARTBEAT_NOT_SHORTER',
			path: 'policies.heartbeat',
			expected: `less than policies.timeout, which is ${formatDuration(timeout)}`,
			received: formatDuration(heartbeat),
		});
	}
	if (overlap === 'cancel_other' && catchUp.mode === 'all') {
		errors.push({
			code: 'CATCH_UP_CANCELS_ITSELF',
			path: 'policies.catchUp.mode',
			expected:
				'"latest" or "none" with overlap "cancel_other", under which each occurrence caught up on would cancel the one before',
			received: '"all"',
		});
	}
	if (catchUp.mode !== 'none' && catchUp.window <= ON_TIME_WITHIN) {
		errors.push({
			code: 'CATCH_UP_WINDOW_CLOSED',
			path: 'policies.catchUp.window',
			expected: `more than ${formatDuration(ON_TIME_WITHIN)}, before which nothing counts as late, or mode "none"`,
			received: formatDuration(catchUp.window),
		});
	}
	if (within !== undefined && retry.attempts > 1 && retry.delay > within) {
		errors.push({
			code: 'RETRY_AFTER_SLA',
			path: 'policies.retry.delay',
			expected: `at most policies.sla.deliveredWithin, which is ${formatDuration(within)}, or attempts 1`,
			received: formatDuration(retry.delay),
		});
	}
	return errors;
}

function jitterOnOneShot(timing: Timing | null): PolicyError[] {
	if (timing?.kind !== 'at' || timing.jitter === undefined || timing.jitter.max === 0) return [];
	return [
		{
			code: 'JITTER_ON_ONE_SHOT',
			path: 'timing.jitter',
			expected: 'no jitter for a single instant, which it would only make late',
			received: formatDuration(timing.jitter.max),
		},
	];
}

/** What happens when runs take as long as they may. */
function overlapWarnings({ policies, rhythm }: About): PolicyWarning[] {
	if (rhythm === null || rhythm.once) return [];
	const { overlap, timeout, retry } = policies;
	const { shortest, mean } = rhythm;
	const every = `due every ${formatDuration(shortest)}`;
	const run = `a run may take ${formatDuration(timeout)}`;
	const skips = overlap === 'skip' || overlap === 'buffer_one';
	if (skips && shortest < timeout) {
		const message = `${every}, but ${run} (timeout): what falls due meanwhile is skipped (overlap "${overlap}")`;
		return [{ code: 'SHORTER_THAN_TIMEOUT', message }];
	}
	if (overlap === 'buffer_all' && mean < timeout) {
		const message = `due every ${formatDuration(mean)} on average, but ${run} (timeout): runs that take longer than the interval pile up without end (overlap "buffer_all")`;
		return [{ code: 'BUFFER_GROWS', message }];
	}
	if (overlap === 'cancel_other' && shortest < timeout) {
		const message = `${every}, but ${run} (timeout): one that takes longer than the interval is always cancelled before its end (overlap "cancel_other")`;
		return [{ code: 'CANCELS_BEFORE_END', message }];
	}
	const waits = waitsOf(retry);
	if (skips && waits >= shortest) {
		const message = `${every}, but the retries of a failing run wait ${formatDuration(waits)} in all: what falls due meanwhile is skipped (overlap "${overlap}")`;
		return [{ code: 'RETRIES_BEYOND_INTERVAL', message }];
	}
	return [];
}

function capacityWarnings({ policies, rhythm, concurrency }: About): PolicyWarning[] {
	const warnings: PolicyWarning[] = [];
	const key = concurrencyOf(policies);
	if (key !== null && concurrency !== undefined && key.limit > concurrency) {
		const message = `${key.limit} runs may hold "${key.key}", but an engine carries out ${concurrency} at once`;
		warnings.push({ code: 'KEY_LIMIT_ABOVE_CONCURRENCY', message });
	}
	if (rhythm === null || policies.overlap !== 'allow_all') return warnings;
	const { timeout } = policies;
	const { perMinute, mean, shortest } = rhythm;
	/** How many are carried out at once, if runs take as long as they may. */
	const most = Math.ceil(
		Math.min((perMinute * timeout) / 60_000, timeout / shortest, timeout / mean + perMinute),
	);
	const fires = `due up to ${perMinute} times a minute, and a run may take ${formatDuration(timeout)} (timeout): up to ${most} at once`;
	if (key !== null && most > key.limit) {
		const message = `${fires}, but the key "${key.key}" lets ${key.limit} run`;
		warnings.push({ code: 'ABOVE_KEY_LIMIT', message });
	} else if (concurrency !== undefined && most > concurrency) {
		const message = `${fires}, but an engine carries out ${concurrency}`;
		warnings.push({ code: 'ABOVE_CONCURRENCY', message });
	}
	return warnings;
}

function catchUpWarnings({ policies, rhythm }: About): PolicyWarning[] {
	const { mode, window } = policies.catchUp;
	if (rhythm === null || mode === 'none') return [];
	if (!rhythm.once && window < rhythm.shortest) {
		const message = `after an outage, what was due more than ${formatDuration(window)} ago (catchUp.window) is missed, although the next instant is ${formatDuration(rhythm.shortest)} after it`;
		return [{ code: 'CATCH_UP_WINDOW_SHORT', message }];
	}
	const flood = Math.floor(window / rhythm.mean);
	if (mode === 'all' && !rhythm.once && flood > FLOOD) {
		const message = `after an outage of ${formatDuration(window)} (catchUp.window), about ${flood} runs are made, one after another (catchUp "all")`;
		return [{ code: 'CATCH_UP_FLOOD', message }];
	}
	return [];
}

function failureWarnings({ policies, rhythm, canCallBack }: About): PolicyWarning[] {
	const { pauseOnFailure, onUnknown, overlap, retry, heartbeat } = policies;
	const warnings: PolicyWarning[] = [];
	if (pauseOnFailure !== false && (rhythm === null || rhythm.once)) {
		const message = `there is only one occurrence: pauseOnFailure (${pauseOnFailure}) has nothing to pause`;
		warnings.push({ code: 'PAUSE_ON_ONE_SHOT', message });
	}
	if (onUnknown === 'manual' && overlap !== 'allow_all' && rhythm?.once === false) {
		const message = `a run that is held for an operator (onUnknown "manual") counts as not over: until somebody decides, no other run of the schedule begins (overlap "${overlap}")`;
		warnings.push({ code: 'HELD_RUN_BLOCKS', message });
	}
	if (retry.attempts > 1 && retry.on.length === 0) {
		const message = `${retry.attempts} attempts, but retry.on names no reason: only what the capability itself asks to be tried later is tried again`;
		warnings.push({ code: 'RETRY_ON_NOTHING', message });
	}
	if (heartbeat !== undefined && canCallBack === false) {
		const message = `this capability cannot call back, so nothing watches for its heartbeat (${formatDuration(heartbeat)})`;
		warnings.push({ code: 'HEARTBEAT_WITHOUT_CALLBACK', message });
	}
	return warnings;
}

function slaWarnings({ policies }: About): PolicyWarning[] {
	const { sla, timeout, retry } = policies;
	if (sla === undefined) return [];
	const promised = `delivery is promised within ${formatDuration(sla.deliveredWithin)} (sla)`;
	if (sla.deliveredWithin < timeout) {
		const message = `${promised}, but one attempt may take ${formatDuration(timeout)} (timeout)`;
		return [{ code: 'SLA_SHORTER_THAN_TIMEOUT', message }];
	}
	const waits = waitsOf(retry);
	if (retry.delay <= sla.deliveredWithin && waits >= sla.deliveredWithin) {
		const message = `${promised}, but the waits between ${retry.attempts} attempts add up to ${formatDuration(waits)}: the last of them come too late`;
		return [{ code: 'RETRIES_BEYOND_SLA', message }];
	}
	return [];
}

/** All waits of a run whose every attempt fails at once, without jitter. */
function waitsOf(retry: Policies['retry']): Duration {
	let total = 0;
	for (let attempt = 1; attempt < retry.attempts; attempt++) total += backoff(retry, attempt);
	return total;
}
