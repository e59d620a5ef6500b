import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { noFaults } from '../../../engine/faults.ts';
import type { Run } from '../../../engine/contract/run.ts';
import { TERMINAL_RUN_STATES } from '../../../engine/contract/run.ts';
import type { SqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import type { TestClock } from '../../support/store-records.ts';
import { claimEvents, createRecords, T0, TENANT, testClock } from '../../support/store-records.ts';

const LEASE = 30;

type Step =
	| {
			kind: 'add';
			serialKey: string | null;
			concurrencyKey: string | null;
			concurrencyLimit: number;
			priority: number;
			readyIn: number;
	  }
	| { kind: 'claim'; engine: number; limit: number }
	| { kind: 'settle' | 'renew'; holding: number; to: number }
	| { kind: 'expire' | 'reopen' }
	| { kind: 'cancel'; run: number }
	| { kind: 'pass'; time: number };

const key = fc.constantFrom(null, null, 'a', 'b');
const step: fc.Arbitrary<Step> = fc.oneof(
	fc.record({
		kind: fc.constant('add' as const),
		serialKey: key,
		concurrencyKey: key,
		concurrencyLimit: fc.constantFrom(1, 1, 2, 3),
		priority: fc.constantFrom(0, 0, 0, 5, 100, -7),
		readyIn: fc.integer({ min: 0, max: 20 }),
	}),
	fc.record({
		kind: fc.constant('claim' as const),
		engine: fc.integer({ min: 0, max: 2 }),
		limit: fc.integer({ min: 1, max: 4 }),
	}),
	fc.record({
		kind: fc.constantFrom('settle' as const, 'renew' as const),
		holding: fc.nat(30),
		to: fc.nat(3),
	}),
	fc.record({ kind: fc.constantFrom('expire' as const, 'expire' as const, 'reopen' as const) }),
	fc.record({ kind: fc.constant('cancel' as const), run: fc.nat(30) }),
	fc.record({ kind: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 40 }) }),
);

/** Another engine's view of a run, possibly out of date. */
interface Holding {
	run: Run;
}

it('agrees with a simple model in every interleaving of claims, ends, renewals and lost leases', async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
			const folder = await mkdtemp(join(tmpdir(), 'capscheduler-model-'));
			const clock = testClock();
			const open = async (): Promise<SqliteStore> => {
				const store = createSqliteStore({ folder, clock, faults: noFaults });
				await store.open();
				return store;
			};
			const world = { store: await open(), clock, open };
			try {
				await play(steps, world);
			} finally {
				await world.store.close();
				await rm(folder, { recursive: true });
			}
		}),
		{ numRuns: 80 },
	);
});

interface World {
	store: SqliteStore;
	clock: TestClock;
	open: () => Promise<SqliteStore>;
}

async function play(steps: Step[], world: World): Promise<void> {
	const { clock } = world;
	let { store } = world;
	const records = createRecords(clock);
	const model: Run[] = [];
	const holdings: Holding[] = [];
	const spec = records.spec();

	const unfinished = (run: Run) => !(TERMINAL_RUN_STATES as readonly string[]).includes(run.state);
	const isHead = (run: Run) =>
		run.serialKey === null ||
		model.find((other) => other.serialKey === run.serialKey && unfinished(other)) === run;
	const keyFree = (run: Run) =>
		run.concurrencyKey === null ||
		model.filter(
			(other) =>
				other.concurrencyKey === run.concurrencyKey && ['running', 'waiting'].includes(other.state),
		).length < run.concurrencyLimit;

	/** What a claim must take: one by one, the readiest that may go. */
	function expectedClaim(limit: number): Run[] {
		const taken: Run[] = [];
		while (taken.length < limit) {
			const next = model
				.map((run, age) => ({ run, age }))
				.filter(({ run }) => run.state === 'queued' && run.readyAt <= clock.at)
				.filter(({ run }) => isHead(run) && keyFree(run))
				.sort(
					(a, b) =>
						b.run.priority - a.run.priority || a.run.readyAt - b.run.readyAt || a.age - b.age,
				)[0]?.run;
			if (next === undefined) break;
			next.state = 'running';
			taken.push(next);
		}
		return taken;
	}

	for (const next of steps) {
		switch (next.kind) {
			case 'add': {
				const { kind: _, readyIn, ...more } = next;
				const run = records.run({ ...more, readyAt: clock.at + readyIn });
				await store.addRuns({ runs: [run], specs: [spec], settle: [], events: [] });
				model.push({ ...run });
				break;
			}
			case 'claim': {
				const owner = `eng_${next.engine}` as const;
				const leaseUntil = clock.at + LEASE;
				const claimed = await store.claimRuns(
					{ now: clock.at, limit: next.limit, owner, leaseUntil },
					claimEvents,
				);
				const expected = expectedClaim(next.limit);
				expect(claimed.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
				for (const run of expected) {
					run.epoch++;
					run.attempt++;
					Object.assign(run, { owner, leaseUntil, startedAt: clock.at, deadlineAt: null });
				}
				holdings.push(...claimed.map((run) => ({ run })));
				break;
			}
			case 'settle': {
				const held = holdings[next.holding % Math.max(1, holdings.length)];
				if (held === undefined) break;
				const truth = model.find(({ id }) => id === held.run.id);
				const to = (['succeeded', 'retrying', 'waiting', 'queued'] as const)[next.to] ?? 'queued';
				const valid =
					truth?.epoch === held.run.epoch && ['running', 'waiting'].includes(truth.state);
				const settlement =
					to === 'succeeded'
						? records.success(held.run)
						: records.change(held.run, to, {
								from: ['running', 'waiting'],
								set: { state: to, owner: null, leaseUntil: null },
								...(to === 'retrying'
									? { timer: { name: 'run.retry' as const, at: clock.at } }
									: {}),
							});
				expect(await store.settleRuns([settlement])).toEqual([valid]);
				if (valid) Object.assign(truth, settlement.set);
				break;
			}
			case 'renew': {
				const held = holdings[next.holding % Math.max(1, holdings.length)];
				if (held === undefined) break;
				const { id, epoch } = held.run;
				const truth = model.find((run) => run.id === id);
				const valid = truth?.epoch === epoch && truth.state === 'running';
				const renewed = await store.renewLeases('run', [{ id, epoch }], clock.at + LEASE);
				expect(renewed.has(id)).toBe(valid);
				if (valid) truth.leaseUntil = clock.at + LEASE;
				break;
			}
			case 'expire': {
				const lost = await store.listExpiredRuns(clock.at, 100);
				const expected = model.filter(
					(run) => run.state === 'running' && (run.leaseUntil ?? 0) < clock.at,
				);
				expect(lost.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
				const back = { state: 'queued' as const, owner: null, leaseUntil: null };
				await store.settleRuns(
					lost.map((run) => records.change(run, 'queued', { from: ['running'], set: back })),
				);
				for (const run of expected) Object.assign(run, back);
				const retrying = await store.listDueRuns(clock.at, 100);
				await store.settleRuns(
					retrying
						.filter(({ state }) => state === 'retrying')
						.map((run) => records.change(run, 'queued', { from: ['retrying'], set: back })),
				);
				for (const run of model) if (run.state === 'retrying') Object.assign(run, back);
				break;
			}
			case 'cancel': {
				const truth = model[next.run % Math.max(1, model.length)];
				if (truth === undefined) break;
				const set = { state: 'cancelled' as const, owner: null, leaseUntil: null, endedAt: T0 };
				const settlement = records.change(truth, 'cancelled', { epoch: null, set });
				expect(await store.settleRuns([settlement])).toEqual([unfinished(truth)]);
				if (unfinished(truth)) Object.assign(truth, set);
				break;
			}
			case 'reopen':
				await store.close();
				store = await world.open();
				world.store = store;
				break;
			case 'pass':
				clock.at += next.time;
				break;
		}
	}
	for (const run of model) expect(await store.getRun(TENANT, run.id)).toEqual(run);
	const problems = (await store.doctor(clock.at)).filter(({ severity }) => severity === 'problem');
	expect(problems.filter(({ code }) => code !== 'RUN_WAITS_FOR_EVER')).toEqual([]);
}
