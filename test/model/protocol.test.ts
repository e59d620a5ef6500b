import { describe, expect, it } from '@jest/globals';

import { CASES, LARGE_CASES } from './cases.ts';
import type { Explored } from './checker.ts';
import { explore } from './checker.ts';
import type { Guard } from './rows.ts';
import type { Witness } from './steps.ts';
import { WITNESSES } from './steps.ts';
import type { Sizes } from './world.ts';

/*
 * P1, P2, P3, P7 for all that can happen, in small: see docs/protocol.md. CAPSCHEDULER_TEST_MODEL=large
 * explores the larger sizes too.
 */

const isLarge = process.env['CAPSCHEDULER_TEST_MODEL'] === 'large';
const cases = Object.entries(isLarge ? { ...CASES, ...LARGE_CASES } : CASES);
const known = new Map<Sizes, Explored>();

function explored(sizes: Sizes): Explored {
	let found = known.get(sizes);
	if (found === undefined) known.set(sizes, (found = explore(sizes)));
	return found;
}

const TIMEOUT = isLarge ? 3_600_000 : 120_000;

describe('the protocol of leases, epochs and occurrences', () => {
	it.each(cases)(
		'keeps what it promises, and is never stuck, in whatever order things happen: %s',
		(_, sizes) => {
			const { counterexample, states } = explored(sizes);
			expect(counterexample).toBeUndefined();
			expect(states).toBeGreaterThan(1_000);
		},
		TIMEOUT,
	);

	it(
		'comes into every situation that it is made for',
		() => {
			const met = new Set(cases.flatMap(([, sizes]): Witness[] => [...explored(sizes).witnesses]));
			expect(WITNESSES.filter((witness) => !met.has(witness))).toEqual([]);
		},
		TIMEOUT,
	);
});

const sync = { engines: 2, occurrences: [1], mode: 'sync', faults: 0, acts: 0, apart: [] } as const;
const async = { ...sync, mode: 'async' } as const;
const TWO = /under a lease that lasts: one at a time/;
const STUCK = /something is stuck for ever/;

/** Which guard is left out, what the model then finds, and in which sizes. */
const GUARDS: [guards: Guard[], finds: RegExp, sizes: Sizes][] = [
	[['epoch'], /a write under epoch 1 changed run 1, which is at epoch 2/, sync],
	[['state'], /terminal states absorb/, { ...sync, acts: 1 }],
	[['next', 'ledger'], /an occurrence has one outcome/, { ...sync, apart: ['occur'] }],
	[['ended'], TWO, sync],
	[['lease'], TWO, { ...sync, apart: ['sweep'] }],
	[['renewal'], TWO, sync],
	[['queued'], TWO, sync],
	[['rise'], /epochs rise with every claim/, sync],
	[
		['serial'],
		/one run of a schedule at a time/,
		{ ...sync, occurrences: [1, 2], policies: { overlap: 'buffer_all' } },
	],
	[['send'], /begun after one under 2: epochs must rise/, sync],
	[['token'], /a callback of epoch 1 changed run 1, which is at epoch 2/, async],
	[
		['beat'],
		/timed out although a sign of life had come/,
		{ ...async, apart: ['sweep'], policies: { heartbeat: true } },
	],
	[['heal'], STUCK, { ...sync, faults: 1 }],
	[['sweep'], STUCK, sync],
];

describe('the model', () => {
	it.each(GUARDS)('finds out what goes wrong without the guard %s', (guards, finds, sizes) => {
		const { counterexample = '' } = explore(sizes, { broken: guards });
		expect(counterexample).toMatch(finds);
		expect(counterexample).toMatch(/The shortest path there:\n {2}1\. \S/);
		expect(explore(sizes).counterexample).toBeUndefined();
	});

	it.each<Guard>(['next', 'ledger'])(
		'shows that an occurrence keeps its one outcome without %s: the other guard is there',
		(guard) => {
			const sizes: Sizes = { ...sync, apart: ['occur'], policies: { attempts: 1 } };
			expect(explore(sizes, { broken: [guard] }).counterexample).toBeUndefined();
		},
	);

	it('tells a counterexample step by step, with the rows after each', () => {
		const { counterexample } = explore(sync, { broken: ['queued'] });
		expect(counterexample).toBe(
			[
				'2 engines hold run_model_1 under a lease that lasts: one at a time',
				'The shortest path there:',
				'  1. 10 s pass',
				'       at 10 s | ledger 0, next 10 s | engine 1 up | engine 2 up',
				'  2. engine 1 writes what is due as fired',
				'       at 10 s | ledger 1, completed | run 1 queued, epoch 0, attempt 0 | engine 1 up | engine 2 up',
				'  3. engine 1 claims run 1 under epoch 1',
				'       at 10 s | ledger 1, completed | run 1 running, epoch 1, attempt 1, leased for 10 s | engine 1 up: run 1 epoch 1 claimed | engine 2 up',
				'  4. engine 2 claims run 1 under epoch 2',
				'       at 10 s | ledger 1, completed | run 1 running, epoch 2, attempt 2, leased for 10 s | engine 1 up: run 1 epoch 1 claimed | engine 2 up: run 1 epoch 2 claimed',
			].join('\n'),
		);
	});
});
