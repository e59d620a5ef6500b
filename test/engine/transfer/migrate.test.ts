import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { noFaults } from '../../../engine/faults.ts';
import { checkStanding } from '../../../engine/pipeline/standing.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import type { Store } from '../../../engine/stores/store.port.ts';
import type { Side } from '../../../engine/transfer/migrate.ts';
import { migrate, release } from '../../../engine/transfer/migrate.ts';
import { fillStore } from '../../conformance/full-store.ts';
import type { TestClock } from '../../support/store-records.ts';
import { createRecords, T0, testClock } from '../../support/store-records.ts';

let folder: string;
let clock: TestClock;
let open: Store[];

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-transfer-'));
	clock = testClock();
	open = [];
});
afterEach(async () => {
	for (const store of open) await store.close();
	await rm(folder, { recursive: true });
});

async function sideOf(name: string): Promise<Side> {
	const store = createSqliteStore({ folder: join(folder, name), clock, faults: noFaults });
	await store.open();
	open.push(store);
	return { name, store, clock, isGone: () => false };
}

/** One with everything in it. */
async function fullSide(name: string): Promise<Side> {
	const side = await sideOf(name);
	await fillStore({ store: side.store, clock, records: createRecords(clock) });
	return side;
}

const NOW = { now: T0 };
const problems = async ({ store }: Side) =>
	(await store.doctor(T0)).filter(({ severity }) => severity === 'problem');

describe('a migration', () => {
	it('can be broken off anywhere, and goes on where it was', async () => {
		const from = await fullSide('from');
		const to = await sideOf('to');
		let breaks = 0;
		const attempt = async (): Promise<boolean> => {
			let calls = 0;
			try {
				const report = await migrate(from, to, {
					...NOW,
					onProgress() {
						// each attempt gets one step further than the one before
						if (++calls > breaks) throw new Error('broken off');
					},
				});
				expect(report).toMatchObject({ resumed: breaks > 0, missing: [] });
				return true;
			} catch (error) {
				if ((error as Error).message !== 'broken off') throw error;
				await expect(checkStanding(to.store)).rejects.toThrow('half filled by a migration from');
				await expect(checkStanding(from.store)).rejects.toThrow('is being moved to to');
				return false;
			}
		};
		while (!(await attempt())) breaks++;
		expect(breaks).toBeGreaterThan(20);
		await checkStanding(to.store);
		await expect(checkStanding(from.store)).rejects.toThrow('was moved to to at');
		expect(await to.store.counts()).toEqual(await from.store.counts());
		expect(await problems(to)).toEqual([]);
		expect(await problems(from)).toEqual([]);
	});

	it('keeps the order of events, and the ids that readers go on from', async () => {
		const from = await fullSide('from');
		const to = await sideOf('to');
		await migrate(from, to, NOW);
		const all = await from.store.readEvents('default', null, 1000);
		expect(all.length).toBeGreaterThan(5);
		expect(await to.store.readEvents('default', null, 1000)).toEqual(all);
	});

	it('is refused into a store that holds something', async () => {
		const from = await fullSide('from');
		const to = await fullSide('to');
		await expect(migrate(from, to, NOW)).rejects.toThrow('expected an empty store, got one with');
	});

	it('is not mixed with another one', async () => {
		const from = await fullSide('from');
		const to = await sideOf('to');
		const other = await sideOf('other');
		const broken = migrate(from, to, {
			...NOW,
			onProgress() {
				throw new Error('broken off');
			},
		});
		await expect(broken).rejects.toThrow('broken off');
		await expect(migrate(from, other, NOW)).rejects.toThrow('is being moved, or was, to to');
		await expect(migrate(other, to, NOW)).rejects.toThrow('half filled by a migration from from');
	});

	it('can be taken back', async () => {
		const from = await fullSide('from');
		await migrate(from, await sideOf('to'), NOW);
		expect(await release(from.store)).toBe(true);
		await checkStanding(from.store);
		expect(await release(from.store)).toBe(false);
	});

	it('does not go on with what was carried before the old store was taken back', async () => {
		const from = await fullSide('from');
		const to = await sideOf('to');
		let pages = 0;
		const broken = migrate(from, to, {
			...NOW,
			onProgress() {
				if (++pages > 4) throw new Error('broken off');
			},
		});
		await expect(broken).rejects.toThrow('broken off');
		await release(from.store);
		await expect(migrate(from, to, NOW)).rejects.toThrow('half filled by a migration from from');
		await expect(checkStanding(to.store)).rejects.toThrow('half filled');
	});

	it('says which bytes the old store has lost, and carries the rest', async () => {
		const from = await fullSide('from');
		await rm(join(folder, 'from', 'blobs'), { recursive: true });
		const to = await sideOf('to');
		const report = await migrate(from, to, NOW);
		expect(report.missing).toHaveLength(1);
		expect(await to.store.counts()).toEqual(await from.store.counts());
	});

	it('finds out that something arrived otherwise', async () => {
		const from = await fullSide('from');
		const to = await sideOf('to');
		const { archive } = to.store;
		const lossy: Side = {
			...to,
			store: {
				...to.store,
				archive: {
					...archive,
					writeRecords: async (section, records) =>
						archive.writeRecords(section, section === 'runs' ? records.slice(1) : records),
				},
			},
		};
		await expect(migrate(from, lossy, NOW)).rejects.toThrow(/differs: runs: \d+ records, and \d+/);
		await expect(checkStanding(to.store)).rejects.toThrow('half filled');
	});
});
