import { expect, it } from '@jest/globals';

import type { KeyRecord } from '../../engine/contract/access.ts';
import type { Capability } from '../../engine/contract/capability.ts';
import type { Destination } from '../../engine/contract/destination.ts';
import type { IdempotencyRecord } from '../../engine/stores/store.port.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import type { Bench } from './store.ts';

export function keyOf(bench: Bench, changes: Partial<KeyRecord> = {}): KeyRecord {
	return {
		id: bench.records.newId('key'),
		tenant: TENANT,
		name: 'first',
		hash: 'ab',
		scopes: ['admin'],
		createdAt: T0,
		...changes,
	};
}

export function capabilityOf(changes: Partial<Capability> = {}): Omit<Capability, 'revision'> {
	return {
		tenant: TENANT,
		name: 'reports',
		actions: { daily: { description: 'x' } },
		binding: { type: 'http', settings: { url: 'http://x' }, sealed: { token: 'v1.x' } },
		createdAt: T0,
		updatedAt: T0,
		...changes,
	};
}

export function destinationOf(bench: Bench, changes: Partial<Destination> = {}): Destination {
	return {
		id: bench.records.newId('destination'),
		tenant: TENANT,
		name: 'crm',
		channel: 'webhook',
		settings: { url: 'http://x' },
		sealed: {},
		enabled: true,
		disabledReason: null,
		revision: 1,
		createdAt: T0,
		updatedAt: T0,
		...changes,
	};
}

export function onceOf(changes: Partial<IdempotencyRecord> = {}): IdempotencyRecord {
	return {
		tenant: TENANT,
		key: 'k1',
		fingerprint: 'f1',
		expiresAt: T0 + 86_400_000,
		response: 'v1.sealed',
		...changes,
	};
}

export function exerciseAccess(bench: Bench): void {
	it('keeps a key with its optional fields as they were, and revokes it once', async () => {
		const { store } = bench;
		const plain = keyOf(bench);
		const full = keyOf(bench, { capabilities: ['a'], expiresAt: T0 + 1 });
		await store.putKey(plain, []);
		await store.putKey(full, []);
		expect(await store.getKey(plain.id)).toEqual(plain);
		expect(await store.getKey(full.id)).toEqual(full);
		expect((await store.listKeys(TENANT)).map(({ id }) => id).sort()).toEqual(
			[plain.id, full.id].sort(),
		);
		expect(await store.countKeys()).toBe(2);
		expect(await store.revokeKey(TENANT, plain.id, T0 + 5, [])).toBe(true);
		expect(await store.revokeKey(TENANT, plain.id, T0 + 6, [])).toBe(false);
		expect((await store.getKey(plain.id))?.revokedAt).toBe(T0 + 5);
	});

	it('writes once under an idempotency key and gives the earlier record back', async () => {
		const { store } = bench;
		const first = await store.putKey(keyOf(bench), [], onceOf());
		const second = await store.putKey(keyOf(bench), [], onceOf({ fingerprint: 'f2' }));
		expect(first.replayed).toBe(false);
		expect(second).toEqual({ replayed: true, earlier: onceOf() });
		expect(await store.countKeys()).toBe(1);
		expect(await store.findIdempotent(TENANT, 'k1', T0)).toEqual(onceOf());
	});

	it('forgets an idempotency key when it expires', async () => {
		const { store, clock } = bench;
		await store.putKey(keyOf(bench), [], onceOf());
		clock.at = T0 + 86_400_000;
		expect(await store.findIdempotent(TENANT, 'k1', clock.at)).toBeNull();
		const again = await store.putKey(keyOf(bench), [], onceOf({ expiresAt: clock.at + 1000 }));
		expect(again.replayed).toBe(false);
		expect(await store.countKeys()).toBe(2);
	});

	it('makes one write of 50 that come at once under one key', async () => {
		const { store } = bench;
		const all = await Promise.all(
			Array.from({ length: 50 }, () => store.putKey(keyOf(bench), [], onceOf())),
		);
		expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
		expect(await store.countKeys()).toBe(1);
	});

	it('creates and replaces a capability under its revision', async () => {
		const { store } = bench;
		const made = await store.putCapability(capabilityOf(), { expected: null, events: [] });
		expect(made).toEqual({ ...capabilityOf(), revision: 1 });
		expect(await store.putCapability(capabilityOf(), { expected: null, events: [] })).toBe(
			'revision_differs',
		);
		const next = capabilityOf({ title: 'T', createdAt: T0 + 9, updatedAt: T0 + 9 });
		expect(await store.putCapability(next, { expected: 2, events: [] })).toBe('revision_differs');
		expect(await store.putCapability(next, { expected: 1, events: [] })).toEqual({
			...next,
			createdAt: T0,
			revision: 2,
		});
		expect(await store.getCapability(TENANT, 'reports')).toMatchObject({ revision: 2, title: 'T' });
	});

	it('deletes a capability only when no schedule that may run uses it', async () => {
		const { store, records } = bench;
		await store.putCapability(capabilityOf(), { events: [] });
		const schedule = records.schedule();
		await store.createSchedule({ schedule, spec: records.spec(), timerAt: null, events: [] });
		expect(await store.deleteCapability(TENANT, 'reports', { events: [] })).toEqual({
			usedBy: [schedule.id],
		});
		await store.changeSchedule({
			tenant: TENANT,
			id: schedule.id,
			from: ['active'],
			readNextAt: schedule.nextAt,
			set: { state: 'deleted' },
			timerAt: null,
			settle: [],
			events: [],
		});
		expect(await store.deleteCapability(TENANT, 'reports', { expected: 7, events: [] })).toBe(
			'revision_differs',
		);
		expect(await store.deleteCapability(TENANT, 'reports', { expected: 1, events: [] })).toBe(
			'deleted',
		);
		expect(await store.deleteCapability(TENANT, 'reports', { events: [] })).toBe('not_found');
	});

	it('pages through capabilities and destinations without losing or doubling any', async () => {
		const { store } = bench;
		for (let i = 0; i < 7; i++) {
			await store.putCapability(capabilityOf({ name: `c${i}` }), { events: [] });
			await store.createDestination(destinationOf(bench, { name: `d${i}` }), []);
		}
		for (const list of [
			async (cursor?: string) =>
				store.listCapabilities(TENANT, { limit: 3, ...withCursor(cursor) }),
			async (cursor?: string) =>
				store.listDestinations(TENANT, { limit: 3, ...withCursor(cursor) }),
		]) {
			const names: string[] = [];
			let cursor: string | undefined;
			do {
				const page = await list(cursor);
				names.push(...page.items.map(({ name }) => name));
				cursor = page.nextCursor ?? undefined;
			} while (cursor !== undefined);
			expect(new Set(names).size).toBe(7);
			expect(names).toHaveLength(7);
		}
	});

	it('keeps names of destinations unique and finds them by id or name', async () => {
		const { store } = bench;
		const one = destinationOf(bench);
		const two = destinationOf(bench, { name: 'erp' });
		await store.createDestination(one, [], onceOf());
		await store.createDestination(two, []);
		expect(await store.createDestination(destinationOf(bench), [], onceOf({ key: 'k2' }))).toBe(
			'name_taken',
		);
		expect(await store.findIdempotent(TENANT, 'k2', T0)).toBeNull();
		expect(await store.createDestination(one, [], onceOf())).toMatchObject({ replayed: true });
		expect(await store.getDestination(TENANT, 'crm')).toEqual(one);
		expect(await store.getDestination(TENANT, two.id)).toEqual(two);
		expect(await store.replaceDestination({ ...two, name: 'crm' }, { events: [] })).toBe(
			'name_taken',
		);
		expect(await store.replaceDestination(two, { expected: 4, events: [] })).toBe(
			'revision_differs',
		);
		expect(
			await store.replaceDestination({ ...two, enabled: false }, { events: [] }),
		).toMatchObject({ replayed: false, value: { revision: 2, enabled: false } });
	});

	it('replaces a destination once under an idempotency key, and not at all where it cannot', async () => {
		const { store } = bench;
		const one = destinationOf(bench);
		await store.createDestination(one, []);
		const change = async (name: string, expected: number, record: ReturnType<typeof onceOf>) =>
			store.replaceDestination({ ...one, name }, { expected, events: [], once: record });
		expect(await change('a', 7, onceOf())).toBe('revision_differs');
		expect(await store.findIdempotent(TENANT, 'k1', T0)).toBeNull();
		expect(await change('a', 1, onceOf())).toMatchObject({ replayed: false, value: { name: 'a' } });
		for (const expected of [1, 2]) {
			expect(await change('b', expected, onceOf())).toEqual({ replayed: true, earlier: onceOf() });
		}
		expect(await store.getDestination(TENANT, one.id)).toMatchObject({ name: 'a', revision: 2 });
	});

	it('keeps the first answer of an idempotency key that guards no write', async () => {
		const { store } = bench;
		const all = await Promise.all(
			['a', 'b', 'c'].map(async (response) => store.keepAnswer(onceOf({ response }))),
		);
		expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
		const kept = await store.findIdempotent(TENANT, 'k1', T0);
		for (const one of all) if (one.replayed) expect(one.earlier).toEqual(kept);
	});

	it('keeps the rules of a destination, and that there are none', async () => {
		const { store } = bench;
		const rules = { allow: { formats: ['csv'] }, limits: { parallel: 2 }, previousUntil: T0 };
		const ruled = destinationOf(bench, { rules });
		await store.createDestination(ruled, []);
		expect(await store.getDestination(TENANT, ruled.id)).toEqual(ruled);
		const { rules: _, ...free } = ruled;
		await store.replaceDestination(free, { events: [] });
		expect(await store.getDestination(TENANT, ruled.id)).not.toHaveProperty('rules');
	});

	it.each(['id', 'name'] as const)(
		'refuses to delete a destination that a schedule names by %s',
		async (by) => {
			const { store, records } = bench;
			const destination = destinationOf(bench);
			await store.createDestination(destination, []);
			const named = by === 'id' ? destination.id : destination.name;
			const spec = records.spec({ notify: [{ key: '0', destination: named, on: ['failed'] }] });
			const schedule = records.schedule({ specId: spec.id });
			await store.createSchedule({ schedule, spec, timerAt: null, events: [] });
			expect(await store.deleteDestination(TENANT, destination.id, { events: [] })).toEqual({
				usedBy: [schedule.id],
			});
			expect(await store.destinationUsers(TENANT, destination.id)).toEqual([schedule.id]);
			expect(await store.destinationUsers('other', destination.id)).toEqual([]);
			await store.changeSchedule({
				tenant: TENANT,
				id: schedule.id,
				from: ['active'],
				readNextAt: schedule.nextAt,
				set: { state: 'deleted' },
				timerAt: null,
				settle: [],
				events: [],
			});
			const gone = event('destination.deleted', { destinationId: destination.id });
			expect(await store.deleteDestination(TENANT, destination.id, { events: [gone] })).toBe(
				'deleted',
			);
			expect(await store.getDestination(TENANT, 'crm')).toBeNull();
		},
	);
}

export function withCursor(cursor: string | undefined): { cursor?: string } {
	return cursor === undefined ? {} : { cursor };
}
