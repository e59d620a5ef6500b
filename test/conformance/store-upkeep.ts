import { expect, it } from '@jest/globals';

import type { Retention, Store } from '../../engine/stores/store.port.ts';
import { T0, TENANT } from '../support/store-records.ts';
import { onceOf, keyOf } from './store-access.ts';
import { added, claim, oneClaimed, oneWithAll } from './store-runs.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

const DAY = 86_400_000;
const KEEP: Retention = { runs: 90 * DAY, results: 30 * DAY, ledger: 400 * DAY, events: 30 * DAY };

export function exerciseUpkeep(bench: Bench): void {
	const problems = async (at = bench.clock.at) =>
		(await bench.store.doctor(at)).filter(({ severity }) => severity === 'problem');

	it('is well when it is new, and answers a check', async () => {
		const { store } = bench;
		await store.check();
		expect(await store.doctor(T0)).toEqual([]);
		expect(await store.counts()).toEqual({ schedules: {}, runs: {}, deliveries: {}, timers: 0 });
		expect(await store.nextTimerAt()).toBeNull();
		expect(await store.healTimers(100)).toBe(0);
	});

	it('counts by state and tenant', async () => {
		const { store } = bench;
		await added(bench, {}, {}, { tenant: 'other' });
		await claim(bench, 1);
		expect((await store.counts()).runs).toEqual({ queued: 2, running: 1 });
		expect((await store.counts('other')).runs).toEqual({ queued: 1 });
		await created(bench);
		expect((await store.counts(TENANT)).schedules).toEqual({ active: 1 });
	});

	it('prunes results first, then runs with all that is theirs', async () => {
		const { store, clock } = bench;
		const { run, settlement } = await oneWithAll(bench);
		const blob = settlement.result?.record.blob ?? { sha256: '', size: 0 };
		expect(await store.prune(T0 + 29 * DAY, KEEP, 100)).toBe(0);

		clock.at = T0 + 31 * DAY;
		expect(await store.prune(clock.at, { ...KEEP, events: 1e12 }, 100)).toBe(1);
		expect(await store.getRunDetails(TENANT, run.id)).toMatchObject({ result: null });
		await expect(store.blobs.read(blob)).rejects.toMatchObject({ code: 'NOT_FOUND' });

		clock.at = T0 + 91 * DAY;
		expect(await store.prune(clock.at, KEEP, 100)).toBeGreaterThan(4);
		expect(await store.getRun(TENANT, run.id)).toBeNull();
		expect(await store.findLink(settlement.links?.[0]?.id ?? 'lnk_')).toBeNull();
		expect(await store.deliveriesOfRun(TENANT, run.id)).toEqual([]);
		expect((await store.getSpecs([run.specId])).size).toBe(0);
		expect(await store.counts()).toEqual({ schedules: {}, runs: {}, deliveries: {}, timers: 0 });
		expect(await problems()).toEqual([]);
	});

	it('keeps a run while a delivery or notification of it is still tried, however old', async () => {
		const { store, records, clock } = bench;
		const pushed = await oneClaimed(bench);
		const delivery = records.delivery(pushed, { state: 'failed', dueAt: T0 + 200 * DAY });
		await store.settleRuns([records.success(pushed, { deliveries: [delivery] })]);
		const told = await oneClaimed(bench);
		const notification = records.notification(told, { dueAt: T0 + 200 * DAY });
		await store.settleRuns([records.success(told, { notifications: [notification] })]);
		clock.at = T0 + 150 * DAY;
		for (let i = 0; i < 5; i++) await store.prune(clock.at, KEEP, 100);
		expect(await store.deliveriesOfRun(TENANT, pushed.id)).toHaveLength(1);
		expect((await store.getRunDetails(TENANT, told.id))?.notifications).toHaveLength(1);
	});

	it('keeps what is unfinished, however old, and bytes that another record needs', async () => {
		const { store, records, clock } = bench;
		const [waiting] = await added(bench, { readyAt: T0 + 365 * DAY });
		const old = await oneClaimed(bench);
		await store.settleRuns([records.success(old)]);
		clock.at = T0 + 80 * DAY;
		const young = await oneClaimed(bench);
		const settlement = records.success(young);
		await store.settleRuns([settlement]);
		clock.at = T0 + 100 * DAY;
		for (let i = 0; i < 5; i++) await store.prune(clock.at, KEEP, 100);
		expect(await store.getRun(TENANT, waiting?.id ?? 'run_')).toEqual(waiting);
		expect(await store.getRun(TENANT, old.id)).toBeNull();
		const { blob } = settlement.result?.record ?? { blob: { sha256: '', size: 0 } };
		expect(Buffer.from(await store.blobs.read(blob)).toString()).toBe('{"ok":true}');
		expect((await store.getSpecs([young.specId])).size).toBe(1);
	});

	it('prunes in batches of the limit', async () => {
		const { store, clock } = bench;
		for (let i = 0; i < 5; i++) await store.putKey(keyOf(bench), [], onceOf({ key: `k${i}` }));
		clock.at = T0 + 2 * DAY;
		expect(await store.prune(clock.at, KEEP, 3)).toBe(3);
		expect(await store.prune(clock.at, KEEP, 3)).toBe(2);
		expect(await store.prune(clock.at, KEEP, 3)).toBe(0);
	});

	it('prunes by several engines at once: each row goes once, and what is kept stays', async () => {
		const { store, records, clock } = bench;
		const engines = [store, (await bench.another?.()) ?? store];
		/** Seven runs with all that is theirs, long ago; pruned in small batches. @returns how many rows went */
		const pruneSome = async (by: readonly Store[]): Promise<number> => {
			for (let n = 0; n < 7; n++) await oneWithAll(bench);
			clock.at += 80 * DAY;
			const young = await oneClaimed(bench);
			await store.settleRuns([records.success(young)]);
			clock.at += 20 * DAY;
			let total = 0;
			// What another has in hand is passed over, so one round may find nothing and the next something.
			for (let idle = 0; idle < 2;) {
				const gone = await Promise.all(by.map(async (one) => one.prune(clock.at, KEEP, 5)));
				const sum = gone.reduce((a, b) => a + b, 0);
				total += sum;
				idle = sum === 0 ? idle + 1 : 0;
			}
			expect(await store.getRun(TENANT, young.id)).not.toBeNull();
			return total;
		};
		await pruneSome([store]);
		// From now on the young one of before has grown old each time.
		const alone = await pruneSome([store]);
		expect(alone).toBeGreaterThan(30);
		expect(await pruneSome([...engines, ...engines])).toBe(alone);
		expect(await problems()).toEqual([]);
		expect((await store.counts()).runs).toEqual({ succeeded: 1 });
	});

	it('forgets a deleted schedule when its ledger and runs are gone', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench, { labels: { a: 'b' } });
		await store.changeSchedule(changeOf(schedule, { set: { state: 'deleted', updatedAt: T0 } }));
		expect((await store.counts()).schedules).toEqual({ deleted: 1 });
		clock.at = T0 + 500 * DAY;
		await store.prune(clock.at, KEEP, 100);
		expect((await store.counts()).schedules).toEqual({});
		expect((await store.getSpecs([schedule.specId])).size).toBe(0);
	});
}
