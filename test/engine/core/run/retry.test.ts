import fc from 'fast-check';

import type { RetryPolicy } from '../../../../engine/contract/policies.ts';
import { RETRY_REASONS, retrySchema } from '../../../../engine/contract/policies.ts';
import { backoff, nextAttemptAt } from '../../../../engine/core/run/retry.ts';

const DAY = 86_400_000;

const policies: fc.Arbitrary<RetryPolicy> = fc
	.record({
		attempts: fc.integer({ min: 1, max: 50 }),
		backoff: fc.constantFrom('exponential', 'linear', 'fixed'),
		delay: fc.integer({ min: 0, max: DAY }),
		more: fc.integer({ min: 0, max: DAY }),
		jitter: fc.boolean(),
		on: fc.subarray([...RETRY_REASONS]),
	})
	.map(({ more, ...policy }) => ({ ...policy, maxDelay: policy.delay + more }));

const failures = fc.record({
	runId: fc.uuid(),
	attempt: fc.integer({ min: 1, max: 60 }),
	at: fc.integer({ min: 0, max: 4e12 }),
	retry: fc.constantFrom('later', 'never'),
	reason: fc.option(fc.constantFrom(...RETRY_REASONS), { nil: undefined }),
	retryAfter: fc.option(fc.integer({ min: 0, max: 3 * DAY }), { nil: undefined }),
});

describe('the time of the next attempt', () => {
	it('waits longer with every attempt and never longer than maxDelay', () => {
		fc.assert(
			fc.property(policies, fc.integer({ min: 1, max: 49 }), (policy, attempt) => {
				const wait = backoff(policy, attempt);
				expect(wait).toBeLessThanOrEqual(policy.maxDelay);
				expect(backoff(policy, attempt + 1)).toBeGreaterThanOrEqual(wait);
			}),
		);
	});

	it('spreads a wait over its upper half, the same each time it is asked', () => {
		fc.assert(
			fc.property(policies, failures, (policy, { retryAfter: _, ...failed }) => {
				const again = nextAttemptAt(policy, failed);
				expect(nextAttemptAt(policy, failed)).toBe(again);
				if (again === null) return;
				const full = backoff(policy, failed.attempt);
				const wait = again - failed.at;
				expect(wait).toBeLessThanOrEqual(full);
				expect(wait).toBeGreaterThanOrEqual(policy.jitter ? Math.floor(full / 2) : full);
			}),
		);
	});

	it('keeps the Retry-After of the other side, up to a day', () => {
		fc.assert(
			fc.property(policies, failures, (policy, failed) => {
				const again = nextAttemptAt(policy, failed);
				if (again === null) return;
				const asked = Math.min(failed.retryAfter ?? 0, DAY);
				expect(again - failed.at).toBeGreaterThanOrEqual(asked);
				expect(again - failed.at).toBeLessThanOrEqual(Math.max(asked, policy.maxDelay));
			}),
		);
	});

	it('is there exactly while attempts are left, the verdict allows it and `on` names the reason', () => {
		fc.assert(
			fc.property(policies, failures, (policy, failed) => {
				const wanted = failed.reason === undefined || policy.on.includes(failed.reason);
				const allowed = failed.retry === 'later' && failed.attempt < policy.attempts && wanted;
				expect(nextAttemptAt(policy, failed) !== null).toBe(allowed);
			}),
		);
	});

	it('doubles from 10 s by default, for three attempts in all', () => {
		const policy = { ...retrySchema.parse({}), jitter: false };
		const failed = { runId: 'run_1', at: 0, retry: 'later', reason: '5xx' } as const;
		const times = [1, 2, 3].map((attempt) => nextAttemptAt(policy, { ...failed, attempt }));
		expect(times).toEqual([10_000, 20_000, null]);
	});
});
