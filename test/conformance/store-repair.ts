import { expect, it } from '@jest/globals';

import type { Repair } from '../../engine/stores/doctor.port.ts';
import { T0 } from '../support/store-records.ts';
import { added, claim, oneClaimed, oneWithAll } from './store-runs.ts';
import { created } from './store-schedules.ts';
import type { Bench } from './store.ts';

/** What is done to the rows of a store behind its back. */
export type Spoilt =
	/** All schedules are paused, and their timers stay. */
	| 'schedules_paused'
	/** All runs are gone, and what belongs to them stays. */
	| 'runs_gone'
	/** Running runs have a lease without an end. */
	| 'leases_endless'
	/** Waiting runs have no deadline. */
	| 'deadlines_gone'
	/** What is kept beside the rows: counts, or who holds which key. */
	| 'sums_wrong';

/** By the SQL of the two stores that have tables. */
export const SPOILS: Record<Spoilt, string> = {
	schedules_paused: `UPDATE schedules SET state = 'paused';
		UPDATE tallies SET state = 'paused' WHERE kind = 'schedule'`,
	runs_gone: `DELETE FROM runs; DELETE FROM tallies WHERE kind = 'run'`,
	leases_endless: 'UPDATE runs SET leaseUntil = NULL',
	deadlines_gone: 'UPDATE runs SET deadlineAt = NULL',
	sums_wrong: 'UPDATE tallies SET count = count + 1; DELETE FROM keyed_runs',
};

const MINUTE = 60_000;

export function exerciseRepair(bench: Bench): void {
	const problems = async (): Promise<string[]> => {
		const findings = await bench.store.doctor(bench.clock.at);
		return findings.map(({ code }) => code);
	};
	const codes = (repairs: readonly Repair[]): string[] => repairs.map(({ code }) => code);
	const repair = async (beside: 'nobody' | 'engines' = 'nobody'): Promise<Repair[]> =>
		bench.store.repair(bench.clock.at, beside);
	const spoil = async (what: Spoilt): Promise<void> => {
		if (bench.spoil === undefined) throw new Error(`this store cannot be spoilt: ${what}`);
		await bench.spoil(what);
	};
	/** Giving it again finds nothing more, and nothing is said to be wrong. */
	const expectMended = async (): Promise<void> => {
		expect(await repair()).toEqual([]);
		expect(await problems()).toEqual([]);
	};

	it('mends nothing in a store that is well', async () => {
		const { store, records } = bench;
		await created(bench);
		await added(bench, { readyAt: T0 + MINUTE });
		const run = await oneClaimed(bench);
		const more = { deliveries: [records.delivery(run, { state: 'failed', dueAt: T0 + MINUTE })] };
		await store.settleRuns([records.success(run, more)]);
		const counts = await store.counts();
		await expectMended();
		expect(await repair('engines')).toEqual([]);
		expect(await store.counts()).toEqual(counts);
	});

	it('sets timers that are missing', async () => {
		await created(bench);
		await bench.loseTimers?.();
		expect(await problems()).toEqual(['SCHEDULE_WITHOUT_TIMER']);
		expect(await repair('engines')).toMatchObject([{ code: 'HEALED', count: 1 }]);
		await expectMended();
		expect((await bench.store.counts()).timers).toBe(1);
	});

	it('removes timers for nothing, however far off', async () => {
		await created(bench);
		await spoil('schedules_paused');
		expect(await problems()).toContain('TIMER_WITHOUT_WORK');
		expect(codes(await repair())).toContain('TIMER_WITHOUT_WORK');
		await expectMended();
		expect(await bench.store.nextTimerAt()).toBeNull();
	});

	it('removes what belongs to runs that do not exist', async () => {
		const { store } = bench;
		const { settlement } = await oneWithAll(bench);
		await spoil('runs_gone');
		expect(await problems()).toContain('ORPHAN');
		expect(codes(await repair())).toContain('ORPHAN');
		await expectMended();
		expect((await store.counts()).deliveries).toEqual({});
		expect(await store.findLink(settlement.links?.[0]?.id ?? 'lnk_')).toBeNull();
	});

	it('gives work whose lease has no end to the next sweep', async () => {
		const { store } = bench;
		const run = await oneClaimed(bench);
		await spoil('leases_endless');
		expect(await problems()).toContain('RUN_STUCK');
		expect(await repair('engines')).toMatchObject([{ code: 'LEASE_ENDLESS', count: 1 }]);
		expect(await repair()).toEqual([]);
		expect((await store.listExpiredRuns(bench.clock.at, 10)).map(({ id }) => id)).toEqual([run.id]);
	});

	it('ends a wait that has no deadline', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const set = {
			state: 'waiting',
			owner: null,
			leaseUntil: null,
			deadlineAt: T0 + MINUTE,
		} as const;
		const timer = { name: 'run.deadline', at: T0 + MINUTE } as const;
		await store.settleRuns([records.change(run, 'waiting', { set, timer })]);
		await spoil('deadlines_gone');
		expect(await problems()).toContain('RUN_WAITS_FOR_EVER');
		expect(codes(await repair())).toContain('RUN_WAITS_FOR_EVER');
		expect(await repair()).toEqual([]);
		expect((await store.listDueRuns(bench.clock.at, 10)).map(({ id }) => id)).toEqual([run.id]);
	});

	it('works out anew what is kept beside the rows', async () => {
		const { store } = bench;
		await added(
			bench,
			{ concurrencyKey: 'k', concurrencyLimit: 1 },
			{ concurrencyKey: 'k', concurrencyLimit: 1, readyAt: T0 - 1 },
		);
		const [holder] = await claim(bench);
		const counts = await store.counts();
		await spoil('sums_wrong');
		const wrong = await problems();
		expect(wrong.length).toBeGreaterThan(0);
		const beside = codes(await repair('engines'));
		if (beside.length === 0) {
			expect(await problems()).toEqual(wrong);
			expect(codes(await repair())).toEqual(wrong);
		} else {
			// Key by key, as MongoDB's store does it: that is no harm beside engines.
			expect(beside).toEqual(['HEALED']);
		}
		await expectMended();
		expect(await store.counts()).toEqual(counts);
		// The key is held still.
		expect(await claim(bench)).toEqual([]);
		expect(holder).toBeDefined();
	});
}
