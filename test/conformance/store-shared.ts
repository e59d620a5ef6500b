import { expect, it } from '@jest/globals';

import type { SharedState } from '../../engine/stores/shared-state.port.ts';
import { T0, TENANT } from '../support/store-records.ts';
import type { Bench } from './store.ts';

const stateOf = (changes: Partial<SharedState> = {}): Omit<SharedState, 'revision'> => ({
	tenant: TENANT,
	key: 'circuit:dst_a',
	value: { failures: 1 },
	dueAt: null,
	keepUntil: T0 + 1000,
	...changes,
});

const NEW = { expected: 0, events: [] };

export function exerciseShared(bench: Bench): void {
	it('swaps only what was read, and counts revisions', async () => {
		const { store } = bench;
		expect(await store.getShared(TENANT, 'circuit:dst_a')).toBeNull();
		expect(await store.putShared(stateOf(), NEW)).toBe(true);
		expect(await store.putShared(stateOf({ value: { failures: 9 } }), NEW)).toBe(false);
		expect(await store.getShared(TENANT, 'circuit:dst_a')).toEqual({ ...stateOf(), revision: 1 });
		const next = stateOf({ value: { failures: 2 }, dueAt: T0 + 5 });
		expect(await store.putShared(next, { expected: 1, events: [] })).toBe(true);
		expect(await store.putShared(next, { expected: 1, events: [] })).toBe(false);
		expect(await store.getShared(TENANT, 'circuit:dst_a')).toEqual({ ...next, revision: 2 });
		expect(
			await store.putShared(stateOf({ key: 'circuit:none' }), { expected: 3, events: [] }),
		).toBe(false);
		expect(await store.getShared('other', 'circuit:dst_a')).toBeNull();
	});

	it('lets one of many writers win', async () => {
		const { store } = bench;
		await store.putShared(stateOf(), NEW);
		const writers = Array.from({ length: 20 }, (_, writer) =>
			store.putShared(stateOf({ value: { writer } }), { expected: 1, events: [] }),
		);
		expect((await Promise.all(writers)).filter(Boolean)).toHaveLength(1);
	});

	it('writes the events with the state, or neither', async () => {
		const { store } = bench;
		const event = { type: 'destination.updated', tenant: TENANT, at: T0, subject: {} } as const;
		await store.putShared(stateOf(), { expected: 0, events: [event] });
		await store.putShared(stateOf(), { expected: 0, events: [event] });
		const told = await store.readEvents(TENANT, null, 10);
		expect(told.filter(({ type }) => type === 'destination.updated')).toHaveLength(1);
	});

	it('finds those of a kind that are due, of all tenants, the earliest first', async () => {
		const { store } = bench;
		const put = (changes: Partial<SharedState>) => store.putShared(stateOf(changes), NEW);
		await put({ key: 'alert:b', dueAt: T0 + 2 });
		await put({ key: 'alert:a', dueAt: T0 + 1, tenant: 'other' });
		await put({ key: 'alert:c', dueAt: T0 + 3 });
		await put({ key: 'circuit:d', dueAt: T0 });
		await put({ key: 'alert:e' });
		const keys = (states: SharedState[]): string[] => states.map(({ key }) => key);
		expect(keys(await store.listSharedDue('alert', T0 + 2, 10))).toEqual(['alert:a', 'alert:b']);
		expect(keys(await store.listSharedDue('alert', T0 + 9, 1))).toEqual(['alert:a']);
		expect(keys(await store.listShared(TENANT, 'alert:', 10))).toEqual([
			'alert:b',
			'alert:c',
			'alert:e',
		]);
	});

	it('forgets them when they are old', async () => {
		const { store } = bench;
		await store.putShared(stateOf(), NEW);
		await store.putShared(stateOf({ key: 'circuit:new', keepUntil: T0 + 5000 }), NEW);
		const keep = { runs: 1e12, results: 1e12, ledger: 1e12, events: 1e12 };
		expect(await store.prune(T0 + 1000, keep, 100)).toBeGreaterThanOrEqual(1);
		expect(await store.getShared(TENANT, 'circuit:dst_a')).toBeNull();
		expect(await store.getShared(TENANT, 'circuit:new')).not.toBeNull();
	});
}
