import { expect, it } from '@jest/globals';

import type { DeliverySettlement, NotificationSettlement } from '../../engine/contract/change.ts';
import type { Delivery, Notification, Run } from '../../engine/contract/run.ts';
import { claimEvents, ENGINE, sha256, T0, TENANT } from '../support/store-records.ts';
import { destinationOf, onceOf } from './store-access.ts';
import { oneClaimed } from './store-runs.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

interface FollowUps {
	run: Run;
	deliveries: Delivery[];
	notifications: Notification[];
}

/** A run that succeeded, with what follows. */
async function succeeded(
	bench: Bench,
	follow: {
		run?: Partial<Run>;
		deliveries?: Partial<Delivery>[];
		notifications?: Partial<Notification>[];
		text?: string;
	},
): Promise<FollowUps> {
	const { store, records } = bench;
	const run = await oneClaimed(bench, follow.run);
	const deliveries = (follow.deliveries ?? []).map((changes) => records.delivery(run, changes));
	const notifications = (follow.notifications ?? []).map((c) => records.notification(run, c));
	const result = records.result(run, follow.text);
	await store.settleRuns([
		records.success(run, {
			set: { state: 'succeeded', owner: null, endedAt: bench.clock.at, resultId: result.record.id },
			result,
			deliveries,
			notifications,
		}),
	]);
	return { run, deliveries, notifications };
}

const request = (bench: Bench, limit = 10) => ({
	now: bench.clock.at,
	limit,
	owner: ENGINE,
	leaseUntil: bench.clock.at + 30_000,
});

function settled(
	delivery: Delivery,
	state: Delivery['state'],
	changes: Partial<DeliverySettlement> = {},
): DeliverySettlement {
	return {
		deliveryId: delivery.id,
		tenant: delivery.tenant,
		from: ['sending'],
		epoch: delivery.epoch,
		set: { state, owner: null, leaseUntil: null },
		events: [],
		...changes,
	};
}

function told(
	notification: Notification,
	state: Notification['state'],
	changes: Partial<NotificationSettlement> = {},
): NotificationSettlement {
	return {
		notificationId: notification.id,
		tenant: notification.tenant,
		from: ['sending'],
		epoch: notification.epoch,
		set: { state, owner: null, leaseUntil: null },
		events: [],
		...changes,
	};
}

export function exerciseDeliveries(bench: Bench): void {
	const claim = (limit?: number) => bench.store.claimDeliveries(request(bench, limit), claimEvents);
	const claimNotifications = () => bench.store.claimNotifications(request(bench), claimEvents);

	it('claims due deliveries under a lease and settles them under its epoch', async () => {
		const { store } = bench;
		const { deliveries, run } = await succeeded(bench, {
			deliveries: [{}, { targetKey: '1', dueAt: T0 + 50 }],
		});
		const [claimed, none] = await claim();
		expect(none).toBeUndefined();
		if (!claimed) throw new Error('claimed');
		expect(claimed).toEqual({
			...deliveries[0],
			state: 'sending',
			owner: ENGINE,
			leaseUntil: T0 + 30_000,
			epoch: 1,
			attempt: 1,
		});
		expect(await store.settleDeliveries([settled({ ...claimed, epoch: 9 }, 'delivered')])).toEqual([
			false,
		]);
		const attempt = {
			deliveryId: claimed.id,
			epoch: 1,
			attempt: 1,
			startedAt: T0,
			endedAt: T0 + 1,
			outcome: 'delivered' as const,
			error: null,
		};
		expect(await store.settleDeliveries([settled(claimed, 'delivered', { attempt })])).toEqual([
			true,
		]);
		expect(await store.getDelivery(TENANT, claimed.id)).toMatchObject({
			delivery: { state: 'delivered' },
			attempts: [attempt],
		});
		expect((await store.deliveriesOfRun(TENANT, run.id)).map(({ state }) => state)).toEqual([
			'delivered',
			'pending',
		]);
		expect(await store.counts()).toMatchObject({ deliveries: { delivered: 1, pending: 1 } });
	});

	it('claims those of the highest priority first, then as they became due', async () => {
		const { clock } = bench;
		clock.at = T0 + 10;
		const deliveries = [
			{ dueAt: T0 + 2 },
			{ targetKey: '1', dueAt: T0 + 1 },
			{ targetKey: '2', dueAt: T0 + 9, priority: 5, deadlineAt: T0 + 77 },
			{ targetKey: '3', dueAt: T0 + 1, priority: -5 },
			{ targetKey: '4', dueAt: T0 + 11, priority: 9 },
		];
		await succeeded(bench, { deliveries });
		const order = [...(await claim(3)), ...(await claim(3))].map(({ targetKey }) => targetKey);
		expect(order).toEqual(['2', '1', '0', '3']);
		expect(await claim()).toEqual([]);
	});

	it('keeps the bytes of a delivery that is added with some already', async () => {
		const { store, records } = bench;
		const { run } = await succeeded(bench, { deliveries: [{}] });
		const [first] = await claim();
		if (!first) throw new Error('claimed');
		const { ref, inline } = await store.blobs.stage(Buffer.from('same'), { maxBytes: 99 });
		const artifact = { ...ref, contentType: 'text/csv', filename: 'x.csv' };
		const record = {
			tenant: TENANT,
			resultId: 'res_x' as const,
			rendering: 'r',
			format: 'csv',
			contentType: 'text/csv',
			extension: 'csv',
			blob: ref,
			createdAt: T0,
		};
		const set = { state: 'dead' as const, owner: null, leaseUntil: null, artifact };
		const kept = { record, inline };
		await store.settleDeliveries([settled(first, 'dead', { set, artifact: kept })]);
		const next = records.delivery(run, { targetKey: 'r1', artifact });
		const added = settled(first, 'dead', { from: ['dead'], epoch: null, set: {}, next });
		expect(await store.settleDeliveries([added])).toEqual([true]);
		const [again] = await claim();
		if (!again) throw new Error('claimed');
		expect(again).toMatchObject({ id: next.id, artifact });
		// one of two that hold it lets go
		await store.settleDeliveries([
			settled(again, 'dead', { set: { state: 'dead', owner: null, artifact: null } }),
		]);
		expect(Buffer.from(await store.blobs.read(ref)).toString()).toBe('same');
		expect((await store.getDelivery(TENANT, first.id))?.delivery.state).toBe('dead');
	});

	it('waits for the instant of the next attempt, with a timer', async () => {
		const { store, clock } = bench;
		await succeeded(bench, { deliveries: [{}] });
		const [first] = await claim();
		if (!first) throw new Error('claimed');
		expect(await store.nextTimerAt()).toBeNull();
		const later = { state: 'failed' as const, owner: null, leaseUntil: null, dueAt: T0 + 5000 };
		await store.settleDeliveries([settled(first, 'failed', { set: later })]);
		expect(await store.nextTimerAt()).toBe(T0 + 5000);
		expect(await claim()).toEqual([]);
		clock.at = T0 + 5000;
		expect(await claim()).toMatchObject([{ id: first.id, epoch: 2, attempt: 2 }]);
		expect(await store.nextTimerAt()).toBeNull();
	});

	it('writes the fallback with the death of its delivery, once', async () => {
		const { store, records } = bench;
		const { run } = await succeeded(bench, { deliveries: [{}] });
		const [first] = await claim();
		if (!first) throw new Error('claimed');
		const next = records.delivery(run, { targetKey: '0.1' });
		await store.settleDeliveries([settled(first, 'dead', { next })]);
		const replay = settled(first, 'sending', {
			from: ['dead'],
			next: records.delivery(run, { targetKey: '0.1' }),
		});
		expect(await store.settleDeliveries([replay])).toEqual([true]);
		expect((await store.deliveriesOfRun(TENANT, run.id)).map(({ id }) => id)).toEqual([
			first.id,
			next.id,
		]);
	});

	it('keeps the rendered artifact for a replay of the identical bytes', async () => {
		const { store } = bench;
		await succeeded(bench, { deliveries: [{}] });
		const [first] = await claim();
		if (!first) throw new Error('claimed');
		const { ref, inline } = await store.blobs.stage(Buffer.from('a,b\n'), { maxBytes: 99 });
		const record = {
			tenant: TENANT,
			resultId: 'res_x' as const,
			rendering: 'r',
			format: 'csv',
			contentType: 'text/csv',
			extension: 'csv',
			blob: ref,
			createdAt: T0,
		};
		const artifact = { ...ref, contentType: 'text/csv', filename: 'x.csv' };
		await store.settleDeliveries([
			settled(first, 'dead', {
				set: { state: 'dead', owner: null, artifact, endedAt: T0 },
				artifact: { record, inline },
			}),
		]);
		expect((await store.getDelivery(TENANT, first.id))?.delivery.artifact).toEqual(artifact);
		const back = settled(first, 'pending', {
			from: ['dead'],
			epoch: null,
			set: { state: 'pending', dueAt: T0 },
		});
		expect(await store.replayDeliveries([back], onceOf())).toEqual({
			replayed: false,
			value: [true],
		});
		expect(await store.replayDeliveries([back], onceOf())).toMatchObject({ replayed: true });
		const [again] = await claim();
		expect(again?.artifact).toEqual(artifact);
		expect(Buffer.from(await store.blobs.read(ref)).toString()).toBe('a,b\n');
	});

	it('remembers per schedule and target what was delivered last', async () => {
		const { store } = bench;
		const scheduleId = 'sch_a' as const;
		for (const text of ['1', '2']) {
			await succeeded(bench, { run: { scheduleId }, deliveries: [{}], text });
			const [delivery] = await claim();
			if (!delivery) throw new Error('claimed');
			expect(await store.lastDeliveredResult(TENANT, scheduleId, '0')).toBe(
				text === '1' ? null : sha256('1'),
			);
			await store.settleDeliveries([settled(delivery, 'delivered')]);
		}
		expect(await store.lastDeliveredResult(TENANT, scheduleId, '0')).toBe(sha256('2'));
		expect(await store.lastDeliveredResult(TENANT, scheduleId, '1')).toBeNull();
	});

	it('disables a target that is gone: an inline one for its schedule, a destination for all', async () => {
		const { store } = bench;
		const scheduleId = 'sch_a' as const;
		const destination = destinationOf(bench);
		await store.createDestination(destination, []);
		await succeeded(bench, { run: { scheduleId }, deliveries: [{}, { targetKey: '1' }] });
		const [one, two] = await claim();
		if (!one || !two) throw new Error('two claimed');
		const gone = { scheduleId, reason: '410', at: T0 + 3 };
		await store.settleDeliveries([
			settled(one, 'dead', { disable: { ...gone, targetKey: one.targetKey, destination: null } }),
			settled(two, 'dead', { disable: { ...gone, targetKey: two.targetKey, destination: 'crm' } }),
		]);
		expect(await store.disabledTarget(TENANT, scheduleId, one.targetKey)).toBe('410');
		expect(await store.disabledTarget(TENANT, scheduleId, two.targetKey)).toBeNull();
		expect(await store.getDestination(TENANT, 'crm')).toMatchObject({
			enabled: false,
			disabledReason: '410',
			revision: 2,
		});
	});

	it('forgets what it knew of the targets, or of the notifications, that a change replaces', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench);
		const scheduleId = schedule.id;
		const deliveries = [{}, { targetKey: '1' }];
		await succeeded(bench, { run: { scheduleId }, deliveries, notifications: [{}], text: 'x' });
		const [one, two] = await claim();
		const [note] = await store.claimNotifications(request(bench), claimEvents);
		if (!one || !two || !note) throw new Error('three claimed');
		const gone = { scheduleId, destination: null, reason: '410', at: T0 };
		await store.settleDeliveries([
			settled(one, 'delivered'),
			settled(two, 'dead', { disable: { ...gone, targetKey: '1' } }),
		]);
		const disable = { ...gone, targetKey: 'notify.0' };
		await store.settleNotifications([told(note, 'dead', { disable })]);
		const known = async (): Promise<unknown[]> => [
			await store.lastDeliveredResult(TENANT, scheduleId, '0'),
			await store.disabledTarget(TENANT, scheduleId, '1'),
			await store.disabledTarget(TENANT, scheduleId, 'notify.0'),
		];
		const change = async (forget?: 'delivery' | 'notify'): Promise<void> => {
			const { nextAt } = schedule;
			const set = { updatedAt: clock.at };
			const more = forget === undefined ? {} : { forget: [forget] };
			await store.changeSchedule(changeOf(schedule, { set, timerAt: nextAt, ...more }));
		};
		await change();
		expect(await known()).toEqual([sha256('x'), '410', '410']);
		await change('delivery');
		expect(await known()).toEqual([null, null, '410']);
		await change('notify');
		expect(await known()).toEqual([null, null, null]);
	});

	it('lists deliveries by state, run and schedule, newest first', async () => {
		const { store, clock } = bench;
		const a = await succeeded(bench, { run: { scheduleId: 'sch_a' }, deliveries: [{}] });
		clock.at++;
		const b = await succeeded(bench, { deliveries: [{}] });
		const ids = async (filter: Parameters<typeof store.listDeliveries>[1]) =>
			(await store.listDeliveries(TENANT, filter, { limit: 5 })).items.map(({ id }) => id);
		const [idA, idB] = [a.deliveries[0]?.id, b.deliveries[0]?.id];
		expect(await ids({})).toEqual([idB, idA]);
		expect(await ids({ runId: a.run.id })).toEqual([idA]);
		expect(await ids({ scheduleId: 'sch_a' })).toEqual([idA]);
		const [first] = await claim(1);
		if (!first) throw new Error('claimed');
		await store.settleDeliveries([settled(first, 'delivered')]);
		expect(await ids({ state: 'pending' })).toEqual([idB]);
		expect(await ids({ state: 'delivered' })).toEqual([idA]);
		expect(await ids({ state: 'dead', scheduleId: 'sch_a' })).toEqual([]);
		const page = await store.listDeliveries(TENANT, {}, { limit: 1 });
		const rest = await store.listDeliveries(
			TENANT,
			{},
			{ limit: 1, cursor: page.nextCursor ?? '' },
		);
		expect([...page.items, ...rest.items].map(({ id }) => id)).toEqual([idB, idA]);
	});

	it('finds expired leases of deliveries and notifications, and renews them by epoch', async () => {
		const { store } = bench;
		await succeeded(bench, { deliveries: [{}], notifications: [{}] });
		const [delivery] = await claim();
		const [notification] = await claimNotifications();
		if (!delivery || !notification) throw new Error('claimed');
		expect(await store.listExpiredDeliveries(T0 + 30_001, 5)).toEqual([delivery]);
		expect(await store.listExpiredNotifications(T0 + 30_001, 5)).toEqual([notification]);
		expect(await store.listExpiredDeliveries(T0, 5, 'eng_two')).toEqual([delivery]);
		expect(await store.listExpiredNotifications(T0, 5, ENGINE)).toEqual([]);
		const held = { id: delivery.id, epoch: 1 };
		expect(await store.renewLeases('delivery', [held], T0 + 60_000)).toEqual(
			new Set([delivery.id]),
		);
		expect(await store.listExpiredDeliveries(T0 + 30_001, 5)).toEqual([]);
		const stale = { id: notification.id, epoch: 4 };
		expect(await store.renewLeases('notification', [stale], T0 + 60_000)).toEqual(new Set());
	});

	it('leaves a delivery or notification to its holder that renewed the lease since it was read', async () => {
		const { store, clock } = bench;
		await succeeded(bench, { deliveries: [{}], notifications: [{}] });
		const [delivery] = await claim();
		const [notification] = await claimNotifications();
		if (!delivery || !notification) throw new Error('claimed');
		clock.at = T0 + 31_000;
		const readLeaseUntil = delivery.leaseUntil;
		const renewed = T0 + 61_000;
		await store.renewLeases('delivery', [{ id: delivery.id, epoch: 1 }], renewed);
		await store.renewLeases('notification', [{ id: notification.id, epoch: 1 }], renewed);
		const taken = settled(delivery, 'failed', { readLeaseUntil });
		const untold = told(notification, 'failed', { readLeaseUntil });
		expect(await store.settleDeliveries([taken])).toEqual([false]);
		expect(await store.settleNotifications([untold])).toEqual([false]);
		const asRead = { readLeaseUntil: renewed };
		expect(await store.settleDeliveries([{ ...taken, ...asRead }])).toEqual([true]);
		expect(await store.settleNotifications([{ ...untold, ...asRead }])).toEqual([true]);
	});

	it('holds a notification until its run is released, and keeps its bytes for every attempt', async () => {
		const { store, clock } = bench;
		const { run } = await succeeded(bench, { notifications: [{ dueAt: T0 + 900 }] });
		expect(await claimNotifications()).toEqual([]);
		expect(await store.nextTimerAt()).toBe(T0 + 900);
		await store.releaseNotifications(TENANT, run.id, T0 + 10);
		expect(await store.nextTimerAt()).toBeNull();
		clock.at = T0 + 10;
		const [first] = await claimNotifications();
		if (!first) throw new Error('claimed');
		const set = {
			state: 'failed' as const,
			owner: null,
			leaseUntil: null,
			dueAt: T0 + 5010,
			sealedBody: 'v1.b',
			status: 503,
		};
		expect(await store.settleNotifications([told(first, 'failed', { set })])).toEqual([true]);
		expect(await store.settleNotifications([told(first, 'delivered')])).toEqual([false]);
		expect(await store.nextTimerAt()).toBe(T0 + 5010);
		clock.at = T0 + 5010;
		const [again] = await claimNotifications();
		expect(again).toMatchObject({ id: first.id, epoch: 2, sealedBody: 'v1.b', status: 503 });
	});
}
