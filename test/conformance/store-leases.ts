import { expect, it } from '@jest/globals';

import { T0, TENANT } from '../support/store-records.ts';
import { claim, oneClaimed } from './store-runs.ts';
import type { Bench } from './store.ts';

export function exerciseLeases(bench: Bench): void {
	it('renews a lease under its epoch only', async () => {
		const { store } = bench;
		const run = await oneClaimed(bench);
		expect(await store.renewLeases('run', [{ id: run.id, epoch: 2 }], T0 + 90_000)).toEqual(
			new Set(),
		);
		expect((await store.getRun(TENANT, run.id))?.leaseUntil).toBe(T0 + 30_000);
		expect(
			await store.renewLeases(
				'run',
				[
					{ id: run.id, epoch: 1 },
					{ id: 'run_none', epoch: 1 },
				],
				T0 + 90_000,
			),
		).toEqual(new Set([run.id]));
		expect((await store.getRun(TENANT, run.id))?.leaseUntil).toBe(T0 + 90_000);
	});

	it('lists runs whose lease ended, or which another engine holds', async () => {
		const { store } = bench;
		const run = await oneClaimed(bench);
		expect(await store.listExpiredRuns(T0 + 30_000, 10)).toEqual([]);
		expect(await store.listExpiredRuns(T0 + 30_001, 10)).toEqual([run]);
		expect(await store.listExpiredRuns(T0, 10, 'eng_two')).toEqual([run]);
		expect(await store.listExpiredRuns(T0, 10, 'eng_one')).toEqual([]);
	});

	it('fences an engine whose run was taken over: its writes and renewals change nothing', async () => {
		const { store, records, clock } = bench;
		const stale = await oneClaimed(bench);
		clock.at = T0 + 31_000;
		await store.settleRuns([
			records.change(stale, 'queued', {
				from: ['running'],
				set: { state: 'queued', owner: null, leaseUntil: null },
			}),
		]);
		const [taken] = await claim(bench);
		expect(taken).toMatchObject({ id: stale.id, epoch: 2 });
		expect(await store.settleRuns([records.success(stale)])).toEqual([false]);
		expect(
			await store.renewLeases('run', [{ id: stale.id, epoch: stale.epoch }], T0 + 99_000),
		).toEqual(new Set());
		expect(await store.getRun(TENANT, stale.id)).toEqual(taken);
	});

	it('leaves a lease to its holder that was renewed since it was read', async () => {
		const { store, records, clock } = bench;
		const run = await oneClaimed(bench);
		clock.at = T0 + 31_000;
		const [read] = await store.listExpiredRuns(clock.at, 10);
		const taken = records.change(run, 'queued', {
			from: ['running'],
			readLeaseUntil: read?.leaseUntil ?? null,
			set: { state: 'queued', owner: null, leaseUntil: null },
		});
		await store.renewLeases('run', [{ id: run.id, epoch: run.epoch }], T0 + 61_000);
		expect(await store.settleRuns([taken])).toEqual([false]);
		expect(await store.getRun(TENANT, run.id)).toEqual({ ...run, leaseUntil: T0 + 61_000 });
		expect(await store.settleRuns([{ ...taken, readLeaseUntil: T0 + 61_000 }])).toEqual([true]);
	});

	it('leaves a cancelled run to nobody', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		await store.settleRuns([
			records.change(run, 'cancelled', {
				epoch: null,
				set: { state: 'cancelled', owner: null, leaseUntil: null, endedAt: T0 },
			}),
		]);
		expect(await store.settleRuns([records.success(run)])).toEqual([false]);
		expect(await store.renewLeases('run', [{ id: run.id, epoch: 1 }], T0 + 9)).toEqual(new Set());
		expect(await claim(bench)).toEqual([]);
	});
}
