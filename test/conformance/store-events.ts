import { expect, it } from '@jest/globals';

import { event, T0, TENANT } from '../support/store-records.ts';
import { keyOf } from './store-access.ts';
import type { Bench } from './store.ts';

export function exerciseEvents(bench: Bench): void {
	const put = (events: ReturnType<typeof event>[]) => bench.store.putKey(keyOf(bench), events);
	const numbered = (...numbers: number[]) =>
		numbers.map((n) => event('key.created', { n: String(n) }));

	it('reads events in the order of their commits, and resumes anywhere', async () => {
		const { store } = bench;
		await put(numbered(1, 2, 3));
		await put(numbered(4));
		await put(numbered(5, 6));
		const all = await store.readEvents(TENANT, null, 100);
		expect(all.map(({ subject }) => Number(subject['n']))).toEqual([1, 2, 3, 4, 5, 6]);
		expect(all[0]).toEqual({ id: all[0]?.id, ...numbered(1)[0] });
		expect([...all].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(all);
		for (let i = 0; i < all.length; i++) {
			const rest = await store.readEvents(TENANT, all[i]?.id ?? '', 2);
			expect(rest).toEqual(all.slice(i + 1, i + 3));
		}
		expect(await store.lastEventId(TENANT)).toBe(all.at(-1)?.id);
		expect(await store.lastEventId('other')).toBeNull();
	});

	it('writes the events of a write only when it is written', async () => {
		const { store } = bench;
		const key = keyOf(bench);
		const [ok, failed] = await Promise.allSettled([
			store.putKey(key, numbered(1)),
			store.putKey(key, numbered(2)),
		]);
		expect([ok.status, failed.status]).toEqual(['fulfilled', 'rejected']);
		expect(await store.readEvents(TENANT, null, 10)).toHaveLength(1);
	});

	it('tells listeners which tenants had events, after the commit', async () => {
		const { store } = bench;
		const heard: string[][] = [];
		const stop = store.onEvents((tenants) => heard.push([...tenants].sort()));
		await put([...numbered(1), event('key.created', {}, 'other')]);
		await put([]);
		stop();
		await put(numbered(2));
		expect(heard).toEqual([['other', TENANT].sort()]);
	});

	it('reads a commit with very many events', async () => {
		const { store } = bench;
		await put(numbered(...Array.from({ length: 2500 }, (_, i) => i)));
		const seen: number[] = [];
		let after: string | null = null;
		for (;;) {
			const events = await store.readEvents(TENANT, after, 700);
			seen.push(...events.map(({ subject }) => Number(subject['n'])));
			if (events.length === 0) break;
			after = events.at(-1)?.id ?? null;
		}
		expect(seen).toEqual(Array.from({ length: 2500 }, (_, i) => i));
	});

	it('refuses a position that is no event id', async () => {
		await expect(bench.store.readEvents(TENANT, 'evt_x', 5)).rejects.toMatchObject({
			code: 'INVALID_REQUEST',
		});
	});

	it('prunes old events and still resumes after one that is gone', async () => {
		const { store, clock } = bench;
		await put(numbered(1));
		const [old] = await store.readEvents(TENANT, null, 1);
		clock.at = T0 + 100_000;
		await put(numbered(2));
		const keep = { runs: 1e12, results: 1e12, ledger: 1e12, events: 50_000 };
		expect(await store.prune(clock.at, keep, 100)).toBe(1);
		const rest = await store.readEvents(TENANT, old?.id ?? null, 10);
		expect(rest.map(({ subject }) => subject['n'])).toEqual(['2']);
		expect(await store.readEvents(TENANT, null, 10)).toEqual(rest);
	});
}
