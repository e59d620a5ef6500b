import { expect, it } from '@jest/globals';

import type { Run } from '../../engine/contract/run.ts';
import type { ShareAsk, ShareOut } from '../../engine/contract/share.ts';
import { claimEvents, ENGINE, T0 } from '../support/store-records.ts';
import { added } from './store-runs.ts';
import type { Bench } from './store.ts';

/** One hand after another to each in turn. */
const evenly: ShareOut = ({ tenants, limit, taken }: ShareAsk) => {
	const got = new Map(tenants.map((tenant) => [tenant, taken.get(tenant) ?? 0]));
	for (let left = limit; left > 0; left--) {
		const [least] = [...got].sort(([, a], [, b]) => a - b);
		if (least !== undefined) got.set(least[0], least[1] + 1);
	}
	return new Map([...got].map(([tenant, all]) => [tenant, all - (taken.get(tenant) ?? 0)]));
};

export function exerciseShares(bench: Bench): void {
	const claim = async (limit: number, share: ShareOut = evenly): Promise<Run[]> => {
		const now = bench.clock.at;
		const lease = { owner: ENGINE, leaseUntil: now + 30_000 };
		return bench.store.claimRuns({ now, limit, share, ...lease }, claimEvents);
	};
	const many = async (count: number, tenant: string, more: Partial<Run> = {}): Promise<Run[]> =>
		added(bench, ...Array.from({ length: count }, () => ({ tenant, ...more })));
	const countOf = (runs: readonly Run[]): Record<string, number> => {
		const counts: Record<string, number> = {};
		for (const { tenant } of runs) counts[tenant] = (counts[tenant] ?? 0) + 1;
		return counts;
	};
	const idsOf = (runs: readonly Run[]): string[] => runs.map(({ id }) => id).sort();

	it('gives each tenant its share, however much another has queued before it', async () => {
		const large = await many(300, 'large', { readyAt: T0 - 1000 });
		const small = await many(5, 'small');
		const claimed = await claim(8);
		expect(countOf(claimed)).toEqual({ large: 4, small: 4 });
		expect(idsOf(claimed)).toEqual(idsOf([...large.slice(0, 4), ...small.slice(0, 4)]));
		// What one tenant leaves is the others'.
		expect(countOf(await claim(8))).toEqual({ large: 7, small: 1 });
		expect(countOf(await claim(8))).toEqual({ large: 8 });
	});

	it('decides by priority within a tenant, and not between them', async () => {
		await many(10, 'loud', { priority: 100 });
		const [low] = await many(3, 'calm', { priority: -5 });
		const [urgent] = await many(1, 'calm', { priority: 7 });
		const [plain] = await many(1, 'calm');
		const claimed = await claim(6);
		expect(countOf(claimed)).toEqual({ loud: 3, calm: 3 });
		const calm = claimed.filter(({ tenant }) => tenant === 'calm');
		expect(calm.map(({ id }) => id)).toEqual([urgent?.id, plain?.id, low?.id]);
	});

	it('keeps to the keys of runs, and gives to others what a key does not allow', async () => {
		await many(20, 'keyed', { concurrencyKey: 'crm', concurrencyLimit: 2 });
		await many(20, 'serial', { serialKey: 's' });
		await many(20, 'free');
		const claimed = await claim(12);
		expect(countOf(claimed)).toEqual({ keyed: 2, serial: 1, free: 9 });
		expect(countOf(await claim(5))).toEqual({ free: 5 });
		// A key is a tenant's own.
		await many(3, 'other', { concurrencyKey: 'crm', concurrencyLimit: 2 });
		expect(countOf(await claim(4))).toEqual({ other: 2, free: 2 });
		const findings = await bench.store.doctor(T0);
		expect(findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
	});

	it('asks for the shares of those only that have something ready', async () => {
		await many(2, 'ready');
		await many(2, 'early', { readyAt: T0 + 1 });
		await many(2, 'priority', { priority: 3 });
		await many(2, 'waits', { readyAt: T0 + 1, priority: 3 });
		const asked: string[][] = [];
		await claim(1, (ask) => {
			asked.push([...ask.tenants].sort());
			return new Map([['priority', 1]]);
		});
		expect(asked[0]).toContain('ready');
		expect(asked[0]).toContain('priority');
		expect(asked[0]).not.toContain('early');
	});

	it('claims as before where nobody shares', async () => {
		const [late] = await many(1, 'a', { readyAt: T0 - 1 });
		const [early] = await many(1, 'b', { readyAt: T0 - 2 });
		const [urgent] = await many(1, 'c', { priority: 1 });
		const now = bench.clock.at;
		const request = { now, limit: 2, owner: ENGINE, leaseUntil: now + 30_000 };
		const claimed = await bench.store.claimRuns(request, claimEvents);
		expect(claimed.map(({ id }) => id)).toEqual([urgent?.id, early?.id]);
		expect(idsOf(await bench.store.claimRuns(request, claimEvents))).toEqual([late?.id]);
	});

	it('gives forty tenants something each, in as many claims as it takes', async () => {
		for (let n = 0; n < 40; n++) await many(2, `t${String(n).padStart(2, '0')}`);
		const claimed = [...(await claim(30)), ...(await claim(30)), ...(await claim(30))];
		expect(claimed).toHaveLength(80);
		expect(Object.keys(countOf(claimed))).toHaveLength(40);
		expect(new Set(idsOf(claimed)).size).toBe(80);
	});
}
