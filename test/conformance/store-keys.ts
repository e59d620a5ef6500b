import { expect, it } from '@jest/globals';

import type { Run } from '../../engine/contract/run.ts';
import { T0 } from '../support/store-records.ts';
import { added, claim } from './store-runs.ts';
import type { Bench } from './store.ts';

function firstOf(runs: Run[]): Run {
	const [first] = runs;
	if (first === undefined) throw new Error('no run');
	return first;
}

export function exerciseKeys(bench: Bench): void {
	const end = (run: Run | undefined, state: 'failed' | 'cancelled' = 'failed') => {
		if (run === undefined) throw new Error('no run to end');
		const { store, records } = bench;
		return store.settleRuns([
			records.change(run, state, {
				epoch: null,
				set: { state, owner: null, leaseUntil: null, endedAt: T0 },
			}),
		]);
	};
	const one = async (): Promise<Run> => {
		const claimed = await claim(bench);
		expect(claimed).toHaveLength(1);
		return firstOf(claimed);
	};

	it('runs a serial key one at a time, in the order of creation', async () => {
		const { records, store } = bench;
		const runs = await added(
			bench,
			{ serialKey: 's', readyAt: T0 },
			{ serialKey: 's', readyAt: T0 - 10 },
			{ serialKey: 's', readyAt: T0 - 20 },
		);
		const first = await one();
		expect(first.id).toBe(runs[0]?.id);
		// Retrying still holds the key.
		await store.settleRuns([
			records.change(first, 'retrying', {
				set: { state: 'retrying', owner: null, leaseUntil: null },
				timer: { name: 'run.retry', at: T0 + 5 },
			}),
		]);
		expect(await claim(bench)).toEqual([]);
		await store.settleRuns([
			records.change(first, 'queued', { from: ['retrying'], set: { state: 'queued' } }),
		]);
		expect((await one()).id).toBe(first.id);
		await end(first);
		const second = await one();
		expect(second.id).toBe(runs[1]?.id);
		await end(second);
		expect((await one()).id).toBe(runs[2]?.id);
	});

	it('waits for the head of a serial key, even while that is not ready yet', async () => {
		const { clock } = bench;
		const [head] = await added(bench, { serialKey: 's', readyAt: T0 + 50 }, { serialKey: 's' });
		expect(await claim(bench)).toEqual([]);
		clock.at = T0 + 50;
		expect((await one()).id).toBe(head?.id);
	});

	it('goes on behind a serial run that is cancelled, at the head or in the queue', async () => {
		const runs = await added(
			bench,
			{ serialKey: 's' },
			{ serialKey: 's' },
			{ serialKey: 's' },
			{ serialKey: 's' },
		);
		await end(runs[1], 'cancelled');
		await end(runs[0], 'cancelled');
		const third = await one();
		expect(third.id).toBe(runs[2]?.id);
		await end(third);
		expect((await one()).id).toBe(runs[3]?.id);
	});

	it('runs a concurrency key one at a time, whatever the schedule, by readiness', async () => {
		const { records, store } = bench;
		const runs = await added(
			bench,
			{ concurrencyKey: 'crm', readyAt: T0, scheduleId: 'sch_a' },
			{ concurrencyKey: 'crm', readyAt: T0 - 10, scheduleId: 'sch_b' },
			{ concurrencyKey: 'erp', readyAt: T0 - 5 },
			{ readyAt: T0 - 7 },
		);
		const claimed = await claim(bench);
		expect(claimed.map(({ id }) => id)).toEqual([runs[1]?.id, runs[3]?.id, runs[2]?.id]);
		const holder = firstOf(claimed);
		// Waiting for a call back holds the key, a pause before a retry does not.
		await store.settleRuns([
			records.change(holder, 'waiting', {
				set: { state: 'waiting', owner: null, leaseUntil: null, deadlineAt: T0 + 9 },
			}),
		]);
		expect(await claim(bench)).toEqual([]);
		await store.settleRuns([
			records.change(holder, 'retrying', {
				set: { state: 'retrying', readyAt: T0 + 5 },
				timer: { name: 'run.retry', at: T0 + 5 },
			}),
		]);
		expect((await one()).id).toBe(runs[0]?.id);
	});

	it('does not let a run that is not ready keep a concurrency key from one that is', async () => {
		const [, ready] = await added(
			bench,
			{ concurrencyKey: 'crm', readyAt: T0 + 100 },
			{ concurrencyKey: 'crm', readyAt: T0 },
		);
		expect((await one()).id).toBe(ready?.id);
	});

	it('keeps the concurrency keys of tenants apart', async () => {
		await added(
			bench,
			{ concurrencyKey: 'crm', tenant: 'one' },
			{ concurrencyKey: 'crm', tenant: 'two' },
		);
		expect(await claim(bench)).toHaveLength(2);
	});

	it('obeys both keys of a run', async () => {
		const runs = await added(
			bench,
			{ serialKey: 's', concurrencyKey: 'crm' },
			{ serialKey: 's', concurrencyKey: 'crm' },
			{ serialKey: 't', concurrencyKey: 'crm', readyAt: T0 - 1 },
		);
		const other = await one();
		expect(other.id).toBe(runs[2]?.id);
		await end(other);
		const head = await one();
		expect(head.id).toBe(runs[0]?.id);
		await end(head);
		expect((await one()).id).toBe(runs[1]?.id);
	});

	it('has no wrong counts, gates or timers after all that', async () => {
		const { store, clock } = bench;
		const runs = await added(bench, { serialKey: 's', concurrencyKey: 'c' }, { serialKey: 's' });
		await end(await one());
		await end(runs[1], 'cancelled');
		const problems = (await store.doctor(clock.at)).filter(
			({ severity }) => severity === 'problem',
		);
		expect(problems).toEqual([]);
	});
}
