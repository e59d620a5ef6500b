import { expect, it } from '@jest/globals';

import type { Run } from '../../../engine/contract/run.ts';
import { createRunGates } from '../../../engine/stores/postgres/run-gates.ts';
import type { Transaction } from '../../../engine/stores/postgres/transaction.ts';

const MANY = 200;

/** Answers what it is asked in turn, and keeps what was sent. */
function transaction(...answers: unknown[][]): { tx: Transaction; sent: string[] } {
	const sent: string[] = [];
	const tx = {
		rows: async (sql: string) => {
			sent.push(sql);
			return Promise.resolve(answers.shift() ?? []);
		},
		later: (sql: string) => sent.push(sql),
	};
	return { tx: tx as unknown as Transaction, sent };
}

function runOf(serialKey: string | null): Run {
	const keys = { tenant: 'acme', serialKey, concurrencyKey: null, concurrencyLimit: 1 };
	return { ...keys, state: 'queued', priority: 0, readyAt: 0 } as Run;
}

it('one question tells of any number of runs who is behind another with its serial key', async () => {
	const { tx, sent } = transaction([['acme', 'busy']]);
	const waits = runOf('busy');
	const first = runOf('free');
	const second = runOf('free');
	const others = Array.from({ length: MANY }, (_, n) => runOf(`own ${n}`));
	const blocked = await createRunGates().enter(tx, [waits, first, second, ...others]);
	expect(sent).toHaveLength(1);
	expect([...blocked]).toEqual([waits, second]);
});

it('any number of runs begins and ends with a handful of statements, and the next of each key moves up', async () => {
	const begun = transaction(
		Array.from({ length: MANY }, (_, n) => [n, 'acme', `k${n}`, null, false]),
	);
	const moves = Array.from({ length: MANY }, (_, seq) => ({ seq, readyAt: 0 }));
	await createRunGates().move(
		begun.tx,
		moves.map((move) => ({ ...move, state: 'running' as const })),
	);
	expect(begun.sent).toHaveLength(1);

	const ended = transaction(
		Array.from({ length: MANY }, (_, n) => [n, 'acme', `k${n}`, null, false]),
		Array.from({ length: MANY }, (_, n) => [MANY + n, 'acme', null, 0, 0]),
	);
	await createRunGates().move(
		ended.tx,
		moves.map((move) => ({ ...move, state: 'succeeded' as const })),
	);
	// they are removed, the next are asked for, those are let go, and found by a claim
	expect(ended.sent).toHaveLength(4);
});

it('a run that is changed in the commit that makes it the head of its key does not wait for it', async () => {
	const { tx } = transaction(
		[[2, 'acme', 'k', null, true]],
		[[1, 'acme', 'k', null, false]],
		[[2, 'acme', null, 0, 0]],
	);
	const gated = await createRunGates().move(tx, [
		{ seq: 2, state: 'queued', readyAt: 5 },
		{ seq: 1, state: 'succeeded', readyAt: 0 },
	]);
	expect(gated.size).toBe(0);
});
