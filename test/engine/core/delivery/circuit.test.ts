import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Circuit, Outcome } from '../../../../engine/core/delivery/circuit.ts';
import {
	admit,
	afterSend,
	askAgainAt,
	CLOSED,
	outcomeOf,
} from '../../../../engine/core/delivery/circuit.ts';

const PATIENCE = 60_000;
const DOWN: Outcome = {
	kind: 'failed',
	error: { code: 'TARGET_UNREACHABLE', message: 'no answer' },
};
const place = 'dst_a';

function after(circuit: Circuit, at: number, ...outcomes: Outcome[]): Circuit {
	return outcomes.reduce<Circuit>(
		(now, outcome) => afterSend(now, { place, id: 'dlv_x', at, outcome }),
		circuit,
	);
}

const opened = after(CLOSED, 1000, DOWN, DOWN, DOWN, DOWN, DOWN);

describe('the circuit of a place', () => {
	it('opens after five failures in a row, and not when one of them was delivered between', () => {
		expect(after(CLOSED, 0, DOWN, DOWN, DOWN, DOWN).state).toBe('closed');
		expect(opened).toMatchObject({
			state: 'open',
			trips: 1,
			reason: { code: 'TARGET_UNREACHABLE' },
		});
		expect(opened.until).toBeGreaterThanOrEqual(31_000);
		const mixed = after(CLOSED, 0, DOWN, DOWN, DOWN, DOWN, { kind: 'delivered' }, DOWN);
		expect(mixed).toMatchObject({ state: 'closed', failures: 1 });
	});

	it('opens at once for as long as the other side asks, at most an hour', () => {
		const busy = (retryAfter: number): Outcome => ({ ...DOWN, retryAfter });
		expect(after(CLOSED, 0, busy(90_000))).toMatchObject({ state: 'open', until: 90_000 });
		expect(after(CLOSED, 0, busy(9e9))).toMatchObject({ state: 'open', until: 3_600_000 });
	});

	it('counts only what speaks of the place', () => {
		const error = (code: 'TARGET_REFUSED' | 'FORMAT_UNSUITABLE') => ({ code, message: '' });
		expect(outcomeOf({ error: error('TARGET_REFUSED'), retry: 'later' }).kind).toBe('failed');
		expect(outcomeOf({ error: error('TARGET_REFUSED'), retry: 'never' }).kind).toBe('neutral');
		expect(outcomeOf({ error: error('FORMAT_UNSUITABLE'), retry: 'later' }).kind).toBe('neutral');
	});

	it('waits twice as long after each probe that fails, ten minutes at most, and forgets with a success', () => {
		let circuit = opened;
		let at = 0;
		const waits: number[] = [];
		for (let i = 0; i < 8; i++) {
			at = circuit.until ?? 0;
			const admission = admit(circuit, { id: 'dlv_x', at, patience: PATIENCE });
			if (!admission.go) throw new Error('its time is over');
			circuit = after(admission.circuit, at, DOWN);
			waits.push((circuit.until ?? 0) - at);
		}
		waits.forEach((wait, i) => {
			const least = Math.min(600_000, 30_000 * 2 ** (i + 1));
			expect(wait).toBeGreaterThanOrEqual(least);
			expect(wait).toBeLessThanOrEqual(least * 1.1);
		});
		expect(after(circuit, at, { kind: 'delivered' })).toMatchObject({ ...CLOSED, since: at });
	});

	it('a probe that told nothing of the place lets the next one try at once', () => {
		const at = opened.until ?? 0;
		const first = admit(opened, { id: 'dlv_x', at, patience: PATIENCE });
		if (!first.go) throw new Error('its time is over');
		const next = after(first.circuit, at + 5, { kind: 'neutral' });
		expect(admit(next, { id: 'dlv_y', at: at + 5, patience: PATIENCE }).go).toBe(true);
	});

	/** What can happen to a place, in any order. */
	const life = fc.array(
		fc.record({
			wait: fc.integer({ min: 0, max: 700_000 }),
			asks: fc.integer({ min: 1, max: 12 }),
			outcome: fc.constantFrom<Outcome>(DOWN, DOWN, { kind: 'delivered' }, { kind: 'neutral' }),
		}),
		{ maxLength: 60 },
	);

	it('never lets two go while it is not closed, but after a probe that was lost', () => {
		fc.assert(
			fc.property(life, (steps) => {
				let circuit: Circuit = CLOSED;
				let at = 1;
				let id = 0;
				for (const { wait, asks, outcome } of steps) {
					at += wait;
					const wasClosed = circuit.state === 'closed';
					const lost = circuit.state === 'half_open' && (circuit.until ?? 0) <= at;
					const due = circuit.state === 'open' && (circuit.until ?? 0) <= at;
					const gone: string[] = [];
					for (let i = 0; i < asks; i++) {
						const asked = `dlv_${id++}`;
						const admission = admit(circuit, { id: asked, at, patience: PATIENCE });
						if (admission.go) {
							gone.push(asked);
							({ circuit } = admission);
						} else {
							expect(admission.until).toBeGreaterThan(at);
						}
					}
					if (!wasClosed) expect(gone).toHaveLength(lost || due ? 1 : 0);
					for (const one of gone) circuit = afterSend(circuit, { place, id: one, at, outcome });
					if (circuit.state === 'open') expect(circuit.until).toBeGreaterThanOrEqual(at);
					expect(circuit.probe !== null).toBe(circuit.state === 'half_open');
					expect(circuit.until !== null).toBe(circuit.state !== 'closed');
				}
			}),
			{ numRuns: 2000 },
		);
	});

	it('spreads those that wait over some time after it may be tried, the more of them the longer', () => {
		for (const [waiting, ramp] of [
			[0, 5_000],
			[1000, 25_000],
			[10_000, 205_000],
			[100_000, 300_000],
		] as const) {
			const asks = Array.from({ length: 2000 }, (_, i) => askAgainAt(`dlv_${i}`, 7000, waiting));
			expect(Math.min(...asks)).toBeGreaterThanOrEqual(7000);
			expect(Math.max(...asks)).toBeLessThanOrEqual(7000 + ramp);
			// in no tenth of the time much more than a tenth of them
			for (let tenth = 0; tenth < 10; tenth++) {
				const from = 7000 + (ramp / 10) * tenth;
				const share = asks.filter((ask) => ask >= from && ask < from + ramp / 10).length;
				expect(share).toBeLessThan(300);
			}
		}
	});
});
