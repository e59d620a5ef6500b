import { describe, expect, it } from '@jest/globals';

import { createDeadline } from '../../../engine/channels/shared/deadline.ts';
import type { Clock } from '../../../engine/clock.ts';
import { CapError } from '../../../engine/contract/errors.ts';

/** A clock that stands until it is moved. */
function handClock() {
	let now = 0;
	const timers = new Set<{ at: number; call: () => void }>();
	const clock: Clock = {
		now: () => now,
		monotonic: () => now,
		after(delay, call) {
			const timer = { at: now + delay, call };
			timers.add(timer);
			return () => timers.delete(timer);
		},
	};
	const pass = (time: number): void => {
		now += time;
		for (const timer of timers) {
			if (timer.at > now) continue;
			timers.delete(timer);
			timer.call();
		}
	};
	return { clock, pass, timers };
}

const never = new AbortController().signal;

describe('the time of an attempt', () => {
	it('ends after silence', () => {
		const { clock, pass } = handClock();
		const deadline = createDeadline(clock, { signal: never, timeout: 100_000, silence: 20_000 });
		pass(19_999);
		expect(deadline.signal.aborted).toBe(false);
		pass(1);
		expect(deadline.signal.reason).toMatchObject({ code: 'TIMEOUT', retry: 'later' });
	});

	it('knows no silence while its turn is waited for, but its whole', () => {
		const { clock, pass } = handClock();
		const deadline = createDeadline(clock, { signal: never, timeout: 100_000, silence: 20_000 });
		deadline.rest();
		pass(50_000);
		expect(deadline.signal.aborted).toBe(false);
		deadline.progress();
		pass(20_000);
		expect(deadline.signal.reason).toMatchObject({ message: 'nothing moved for 20000 ms' });
		const other = createDeadline(clock, { signal: never, timeout: 100_000, silence: 20_000 });
		other.rest();
		pass(100_000);
		expect(other.signal.reason).toMatchObject({ message: 'not done within 100000 ms' });
	});

	it('goes on while something moves, up to its whole', () => {
		const { clock, pass } = handClock();
		const deadline = createDeadline(clock, { signal: never, timeout: 100_000, silence: 20_000 });
		for (let i = 0; i < 6; i++) {
			pass(15_000);
			deadline.progress();
		}
		expect(deadline.signal.aborted).toBe(false);
		pass(10_000);
		expect(deadline.signal.reason).toMatchObject({ code: 'TIMEOUT' });
	});

	it('ends with the outer signal, by its reason', () => {
		const outer = new AbortController();
		const { clock } = handClock();
		const deadline = createDeadline(clock, { signal: outer.signal, timeout: 1000, silence: 1000 });
		outer.abort(new CapError('FENCED', 'another engine has it'));
		expect(deadline.signal.reason).toMatchObject({ code: 'FENCED' });
	});

	it.each([1000, 500])('leaves no timer behind (silence %d)', (silence) => {
		const { clock, timers } = handClock();
		const deadline = createDeadline(clock, { signal: never, timeout: 1000, silence });
		deadline.progress();
		deadline.end();
		expect(timers.size).toBe(0);
	});
});
