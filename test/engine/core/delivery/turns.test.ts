import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Limits, Turns } from '../../../../engine/core/delivery/turns.ts';
import { giveTurnBack, NO_TURNS, takeTurn } from '../../../../engine/core/delivery/turns.ts';

const PATIENCE = 30_000;

const events = fc.array(
	fc.record({ wait: fc.integer({ min: 0, max: 5000 }), done: fc.boolean() }),
	{ maxLength: 200 },
);

/** Everybody asks, waits as told or not, and gives the turn back or is lost with it. */
function play(
	limits: Limits,
	steps: { wait: number; done: boolean }[],
): { sent: number[]; most: number } {
	let turns: Turns = NO_TURNS;
	let at = 1_000_000;
	const sent: number[] = [];
	let most = 0;
	const running: { id: string; until: number }[] = [];
	steps.forEach(({ wait, done }, i) => {
		at += wait;
		const id = `dlv_${i}`;
		const turn = takeTurn(turns, limits, { id, at, patience: PATIENCE });
		if (!turn.go) {
			expect(turn.until).toBeGreaterThan(at);
			return;
		}
		({ turns } = turn);
		sent.push(at);
		running.push({ id, until: at + PATIENCE });
		most = Math.max(most, running.filter(({ until }) => until > at).length);
		if (done) {
			const first = running.shift();
			if (first) turns = giveTurnBack(turns, first.id);
		}
	});
	return { sent, most };
}

describe('turns at a place', () => {
	it('are never more at once than it takes, also when some are lost', () => {
		fc.assert(
			fc.property(events, fc.integer({ min: 1, max: 6 }), (steps, parallel) => {
				expect(play({ parallel }, steps).most).toBeLessThanOrEqual(parallel);
			}),
			{ numRuns: 500 },
		);
	});

	it('are never more in any minute than it takes', () => {
		const fast = fc.array(
			fc.record({ wait: fc.integer({ min: 0, max: 300 }), done: fc.boolean() }),
			{ minLength: 50, maxLength: 600 },
		);
		fc.assert(
			fc.property(fast, fc.integer({ min: 1, max: 400 }), (steps, perMinute) => {
				const { sent } = play({ perMinute }, steps);
				sent.forEach((from, i) => {
					const within = sent.slice(i).filter((at) => at < from + 60_000).length;
					expect(within).toBeLessThanOrEqual(perMinute);
				});
			}),
			{ numRuns: 300 },
		);
	});

	it('are all used by who waits as told', () => {
		const limits = { perMinute: 60 };
		let turns: Turns = NO_TURNS;
		let at = 0;
		for (let sent = 0; sent < 30; sent++) {
			let turn = takeTurn(turns, limits, { id: `${sent}`, at, patience: PATIENCE });
			if (!turn.go) {
				at = turn.until;
				turn = takeTurn(turns, limits, { id: `${sent}`, at, patience: PATIENCE });
			}
			if (!turn.go) throw new Error('waited as told');
			({ turns } = turn);
		}
		expect(at).toBe(29_000);
	});

	it('of a lost engine come back after their time', () => {
		const limits = { parallel: 1 };
		const first = takeTurn(NO_TURNS, limits, { id: 'a', at: 0, patience: PATIENCE });
		if (!first.go) throw new Error('nobody there');
		const ask = (at: number) => takeTurn(first.turns, limits, { id: 'b', at, patience: PATIENCE });
		expect(ask(PATIENCE - 1)).toMatchObject({ go: false, why: 'parallel', until: PATIENCE });
		expect(ask(PATIENCE).go).toBe(true);
	});
});
