import { expect, it } from '@jest/globals';

import { T0, TENANT } from '../support/store-records.ts';
import { capabilityOf, destinationOf, keyOf, onceOf } from './store-access.ts';
import { oneClaimed } from './store-runs.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

const OTHER = 'other';

export function exerciseTenants(bench: Bench): void {
	it('shows nothing of one tenant to another, and lets it change nothing', async () => {
		const { store, records } = bench;
		const key = keyOf(bench);
		await store.putKey(key, [], onceOf());
		await store.putCapability(capabilityOf(), { events: [] });
		const destination = destinationOf(bench);
		await store.createDestination(destination, []);
		const schedule = await created(bench);
		const run = await oneClaimed(bench, { scheduleId: schedule.id });
		const delivery = records.delivery(run);
		const notification = records.notification(run, { dueAt: T0 + 50 });
		const link = records.link(run);
		const settlement = records.success(run, {
			deliveries: [delivery],
			notifications: [notification],
			links: [link],
		});
		await store.settleRuns([settlement]);
		const page = { limit: 10 };
		const none = { items: [], nextCursor: null };

		expect(await store.listKeys(OTHER)).toEqual([]);
		expect(await store.revokeKey(OTHER, key.id, T0, [])).toBe(false);
		expect(await store.findIdempotent(OTHER, 'k1', T0)).toBeNull();
		expect(await store.getCapability(OTHER, 'reports')).toBeNull();
		expect(await store.listCapabilities(OTHER, page)).toEqual(none);
		expect(await store.deleteCapability(OTHER, 'reports', { events: [] })).toBe('not_found');
		expect(await store.getDestination(OTHER, destination.id)).toBeNull();
		expect(await store.getDestination(OTHER, destination.name)).toBeNull();
		expect(await store.listDestinations(OTHER, page)).toEqual(none);
		expect(await store.replaceDestination({ ...destination, tenant: OTHER }, { events: [] })).toBe(
			'not_found',
		);
		expect(await store.deleteDestination(OTHER, destination.id, { events: [] })).toBe('not_found');
		expect(await store.getSchedule(OTHER, schedule.id)).toBeNull();
		expect(await store.listSchedules(OTHER, {}, page)).toEqual(none);
		expect(await store.changeSchedule(changeOf({ ...schedule, tenant: OTHER }))).toBe('not_found');
		expect(await store.listOccurrences(OTHER, schedule.id, {}, page)).toEqual(none);
		expect(await store.getRun(OTHER, run.id)).toBeNull();
		expect(await store.getRunDetails(OTHER, run.id)).toBeNull();
		expect(await store.listRuns(OTHER, {}, page)).toEqual(none);
		expect(await store.listRuns(OTHER, { scheduleId: schedule.id }, page)).toEqual(none);
		expect(await store.activeRunsOf(OTHER, schedule.id)).toEqual([]);
		expect(await store.getResult(OTHER, settlement.result?.record.id ?? 'res_')).toBeNull();
		expect(await store.revokeLink(OTHER, link.id, T0, [])).toBe('not_found');
		expect(await store.getDelivery(OTHER, delivery.id)).toBeNull();
		expect(await store.listDeliveries(OTHER, { runId: run.id }, page)).toEqual(none);
		expect(await store.deliveriesOfRun(OTHER, run.id)).toEqual([]);
		await store.releaseNotifications(OTHER, run.id, T0 + 1);
		expect((await store.getRunDetails(TENANT, run.id))?.notifications).toEqual([notification]);
		expect(await store.readEvents(OTHER, null, 10)).toEqual([]);
		expect(await store.counts(OTHER)).toMatchObject({ schedules: {}, runs: {}, deliveries: {} });
	});

	it('lets tenants use the same names and idempotency keys', async () => {
		const { store } = bench;
		for (const tenant of [TENANT, OTHER]) {
			const put = await store.putKey(keyOf(bench, { tenant }), [], onceOf({ tenant }));
			expect(put.replayed).toBe(false);
			const made = await store.createDestination(destinationOf(bench, { tenant }), []);
			expect(made).not.toBe('name_taken');
			expect(
				await store.putCapability(capabilityOf({ tenant }), { expected: null, events: [] }),
			).toMatchObject({ revision: 1 });
		}
	});
}
