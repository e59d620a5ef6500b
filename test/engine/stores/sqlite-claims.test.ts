import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { noFaults } from '../../../engine/faults.ts';
import type { Run } from '../../../engine/contract/run.ts';
import type { SqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { claimEvents, createRecords, ENGINE, T0, testClock } from '../../support/store-records.ts';

/* What a claim reads does not grow with what waits: every search is by an index, and none sorts. */

const clock = testClock();
const records = createRecords(clock);
let folder: string;
let store: SqliteStore;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-claims-'));
	store = createSqliteStore({ folder, clock, faults: noFaults });
	await store.open();
});
afterEach(async () => {
	await store.close();
	await rm(folder, { recursive: true });
});

async function add(count: number, of: (n: number) => Partial<Run>): Promise<void> {
	const runs = Array.from({ length: count }, (_, n) => records.run(of(n)));
	await store.addRuns({ runs, specs: [records.spec()], settle: [], events: [] });
}
const claim = async (limit: number): Promise<Run[]> =>
	store.claimRuns({ now: T0, limit, owner: ENGINE, leaseUntil: T0 + 30_000 }, claimEvents);

/** The statements that read rows while `work` runs. */
async function readsOf(work: () => Promise<unknown>): Promise<Set<string>> {
	const { database } = store;
	const { rows } = database;
	const texts = new Set<string>();
	database.rows = (text) => {
		texts.add(text);
		return rows(text);
	};
	try {
		await work();
	} finally {
		database.rows = rows;
	}
	return texts;
}

function planOf(text: string): string[] {
	const plan = store.database.rows<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${text}`);
	return plan.all(...Array.from(text.matchAll(/\?/g), () => 0)).map(([, , , detail]) => detail);
}

it('finds runs with and without priorities and keys by indexes, without sorting', async () => {
	await add(40, (n) => ({
		priority: (n % 5) - 2,
		serialKey: n % 3 === 0 ? `s${n % 6}` : null,
		concurrencyKey: n % 4 === 0 ? `c${n % 8}` : null,
		concurrencyLimit: 1 + (n % 3),
	}));
	const reads = await readsOf(async () => {
		const runs = await claim(20);
		const set = { state: 'failed', endedAt: T0 } as const;
		await store.settleRuns(runs.map((run) => records.change(run, 'failed', { set })));
	});
	const about = [...reads].filter((text) => /\b(runs|keyed_runs|open_tiers)\b/.test(text));
	expect(about.length).toBeGreaterThan(8);
	for (const text of about) {
		const plan = planOf(text);
		const bad = plan.filter((step) => /TEMP B-TREE|AUTOMATIC|SCAN (?!open_tiers USING)/.test(step));
		expect({ text, plan, bad }).toEqual({ text, plan, bad: [] });
	}
});

it('asks one question more where no run has a priority', async () => {
	await add(50, () => ({}));
	const reads = await readsOf(async () => claim(50));
	const about = [...reads].filter((text) => text.includes('runs_urgent'));
	expect(about).toHaveLength(1);
});
