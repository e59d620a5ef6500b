import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Clock } from '../../../engine/clock.ts';
import { RateLimiter } from '../../../engine/http/rate-limit.ts';
import type { TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';

function handClock(): Clock & { pass(milliseconds: number): void } {
	let now = 0;
	return {
		now: () => now,
		monotonic: () => now,
		after: () => () => undefined,
		pass(milliseconds) {
			now += milliseconds;
		},
	};
}

describe('a quota per minute', () => {
	it('may be used at once, comes back evenly, and is never more', () => {
		const clock = handClock();
		const limiter = new RateLimiter(60, clock);
		const taken = Array.from({ length: 61 }, () => limiter.take('a'));
		expect(taken.map(({ allowed }) => allowed).lastIndexOf(true)).toBe(59);
		expect(taken[0]).toEqual({ allowed: true, remaining: 59, resetAfter: 1, retryAfter: 0 });
		expect(taken[60]).toEqual({ allowed: false, remaining: 0, resetAfter: 60, retryAfter: 1000 });
		clock.pass(999);
		expect(limiter.take('a').allowed).toBe(false);
		clock.pass(1);
		expect(limiter.take('a').allowed).toBe(true);
		expect(limiter.take('a').allowed).toBe(false);
		clock.pass(3_600_000);
		expect(limiter.take('a').remaining).toBe(59);
	});

	it('is everyone’s own, and looking takes nothing', () => {
		const limiter = new RateLimiter(1, handClock());
		expect(limiter.look('a').allowed).toBe(true);
		expect(limiter.take('a').allowed).toBe(true);
		expect(limiter.look('a').allowed).toBe(false);
		expect(limiter.take('b').allowed).toBe(true);
	});

	it('forgets strangers rather than growing', () => {
		const limiter = new RateLimiter(1, handClock());
		limiter.take('first');
		for (let i = 0; i < 30_000; i++) limiter.take(`stranger ${i}`);
		expect(limiter.take('first').allowed).toBe(true);
		expect(limiter.take('stranger 29999').allowed).toBe(false);
	});
});

describe('the engine', () => {
	let test: TestEngine;
	beforeAll(async () => {
		test = await startTestEngine({ CAPSCHEDULER_RATE_LIMIT: '5' });
	});
	afterAll(() => test.close());

	it('tells what is left, and when to come back', async () => {
		const client = test.client(await test.keyOf(['runs:read']));
		const answers = await Promise.all(Array.from({ length: 6 }, () => client.get('/v1/me')));
		const refused = answers.filter(({ status }) => status === 429);
		expect(refused).toHaveLength(1);
		expect(refused[0]?.body.code).toBe('RATE_LIMITED');
		expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
		expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"key";q=5;w=60');
		expect(answers[0]?.headers.get('ratelimit')).toMatch(/^"key";r=4;t=\d+$/);
		expect((await test.admin.get('/v1/me')).status).toBe(200);
	});

	it('stops guessing from one address, but not those whose key is known', async () => {
		const known = test.client(await test.keyOf(['runs:read']));
		await known.get('/v1/me');
		const guesses = [];
		for (let i = 0; i < 70; i++)
			guesses.push((await test.client(`csk_guess_${i}`).get('/v1/me')).status);
		expect(guesses[0]).toBe(401);
		expect(guesses.at(-1)).toBe(429);
		expect(
			(await test.client('csk_guess').get('/v1/me')).headers.get('retry-after'),
		).not.toBeNull();
		expect((await known.get('/v1/me')).status).toBe(200);
	});
});

describe('an engine whose limit is 0', () => {
	it('refuses nobody, and promises no quota', async () => {
		const test = await startTestEngine({ CAPSCHEDULER_RATE_LIMIT: '0' });
		const { status, headers } = await test.admin.get('/v1/me');
		expect({ status, quota: headers.get('ratelimit') }).toEqual({ status: 200, quota: null });
		await test.close();
	});
});
