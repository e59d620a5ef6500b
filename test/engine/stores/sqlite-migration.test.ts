import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { noFaults } from '../../../engine/faults.ts';
import { CONTROL } from '../../../engine/stores/sqlite/migrations/1-control.ts';
import { WORK } from '../../../engine/stores/sqlite/migrations/1-work.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { claimEvents, createRecords, ENGINE, T0, testClock } from '../../support/store-records.ts';

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-migration-'));
});
afterEach(async () => {
	await rm(folder, { recursive: true });
});

it('takes up what version 1 left: runs that wait for keys go on waiting, those that may go', async () => {
	const old = new DatabaseSync(join(folder, 'capscheduler.db'));
	old.exec(`${CONTROL}${WORK}`);
	const spec = createRecords(testClock()).spec();
	old.prepare('INSERT INTO specs (id, spec) VALUES (?, ?)').run(spec.id, JSON.stringify(spec.spec));
	const run = old.prepare(
		`INSERT INTO runs (seq, id, tenant, specId, capability, action, trigger, createdAt, readyAt, state, lookAt,
			epoch, attempt, owner, leaseUntil, concurrencyKey, held, startedAt)
		VALUES (?, ?, 'default', ?, 'reports', 'daily', 'api', 1, 1, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
	);
	const keyed = old.prepare(
		`INSERT INTO keyed_runs (seq, tenant, serialKey, concurrencyKey, state, readyAt, blocked)
		VALUES (?, 'default', NULL, ?, ?, 1, 0)`,
	);
	const far = Number.MAX_SAFE_INTEGER;
	const queued = ['queued', far, 0, 0, null, null] as const;
	const [held, free, plain] = ['run_held', 'run_free', 'run_plain'];
	run.run(1, 'run_holds', spec.id, 'running', T0 + 9, 1, 1, ENGINE, T0 + 9, 'taken', 1);
	run.run(2, held, spec.id, ...queued, 'taken', null);
	run.run(3, free, spec.id, ...queued, 'free', null);
	run.run(4, plain, spec.id, 'queued', 1, 0, 0, null, null, null, null);
	keyed.run(1, 'taken', 'running');
	keyed.run(2, 'taken', 'queued');
	keyed.run(3, 'free', 'queued');
	old.exec(`INSERT INTO run_gates (tenant, concurrencyKey, readyAt) VALUES ('default', 'free', 1)`);
	old.exec(`INSERT INTO tallies (tenant, kind, state, count)
		VALUES ('default', 'run', 'queued', 3), ('default', 'run', 'running', 1)`);
	old.exec('PRAGMA user_version = 1');
	old.close();

	const clock = testClock();
	const store = createSqliteStore({ folder, clock, faults: noFaults });
	await store.open();
	try {
		const claim = { now: T0, limit: 10, owner: ENGINE, leaseUntil: T0 + 30_000 };
		const claimed = await store.claimRuns(claim, claimEvents);
		expect(claimed.map(({ id }) => id)).toEqual([free, plain]);
		expect(claimed[0]).toMatchObject({
			priority: 0,
			concurrencyLimit: 1,
			beatBy: null,
			slaState: null,
		});
		const records = createRecords(clock);
		const holder = await store.getRunById('run_holds');
		if (holder === null) throw new Error('it is gone');
		const set = { state: 'failed', owner: null, leaseUntil: null, endedAt: T0 } as const;
		await store.settleRuns([records.change(holder, 'failed', { set })]);
		expect((await store.claimRuns(claim, claimEvents)).map(({ id }) => id)).toEqual([held]);
		const problems = (await store.doctor(T0)).filter(({ severity }) => severity === 'problem');
		expect(problems).toEqual([]);
	} finally {
		await store.close();
	}
});
