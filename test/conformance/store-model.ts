import { randomInt } from 'node:crypto';

import { expect, it } from '@jest/globals';

import { isOver } from '../../engine/core/run/transitions.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import { claimable, dueRuns, expiredRuns } from '../model/rows.ts';
import type { Op, Step } from '../model/steps.ts';
import { steps } from '../model/world-steps.ts';
import { isOverAll } from '../model/invariants.ts';
import type { Model, Sizes, World } from '../model/world.ts';
import { createModel, initial, LEASE } from '../model/world.ts';
import { claimEvents, ENGINE, TENANT } from '../support/store-records.ts';
import type { Bench } from './store.ts';

/*
 * The model that test/model explores is made of the engine's own decisions and of a store of its own. Here the
 * same steps are taken on a real store, along random paths, and every row is compared after each: what was
 * shown of the model's store is so of this one.
 */

const LONGEST = 200;

const PATHS: Record<string, Sizes> = {
	'answers in the request, crashes, drains, lost replies': {
		...{ engines: 3, occurrences: [1], mode: 'sync', faults: 4, acts: 0, apart: [] },
		policies: { attempts: 3 },
	},
	'two occurrences of one schedule, cancels': {
		...{ engines: 2, occurrences: [1, 3], mode: 'sync', faults: 3, acts: 1, apart: ['sweep'] },
		policies: { overlap: 'skip', attempts: 3 },
	},
	'occurrences that wait for each other': {
		...{
			engines: 2,
			occurrences: [1, 2, 3],
			mode: 'sync',
			faults: 3,
			acts: 1,
			apart: ['sweep', 'api'],
		},
		policies: { overlap: 'buffer_all' },
	},
	'occurrences that cancel each other': {
		...{
			engines: 2,
			occurrences: [1, 2, 3],
			mode: 'async',
			faults: 3,
			acts: 0,
			apart: ['sweep', 'api'],
		},
		policies: { overlap: 'cancel_other' },
	},
	'callbacks and signs of life': {
		...{
			engines: 2,
			occurrences: [1, 4],
			mode: 'async',
			faults: 3,
			acts: 0,
			apart: ['sweep', 'api'],
		},
		policies: { heartbeat: true, attempts: 3 },
	},
	'runs held for an operator': {
		...{ engines: 3, occurrences: [1], mode: 'async', faults: 4, acts: 3, apart: ['sweep', 'api'] },
		policies: { onUnknown: 'manual', attempts: 3 },
	},
};

export function exerciseModel(bench: Bench): void {
	it.each(Object.entries(PATHS))('does as the model does: %s', async (_, sizes) => {
		const seed = seedOf(process.env['CAPSCHEDULER_TEST_SEED']);
		const path: string[] = [];
		try {
			await walk(bench, { sizes, random: randomBy(seed), path });
		} catch (error) {
			const steps = path.map((label, at) => `${at + 1}. ${label}`).join('\n');
			const said = error instanceof Error ? error.message : String(error);
			const again = `CAPSCHEDULER_TEST_SEED=${seed} repeats it`;
			throw new Error(`${said}\n\nafter these steps (${again}):\n${steps}`, { cause: error });
		}
	});
}

function seedOf(given: string | undefined): number {
	return given === undefined ? randomInt(2 ** 31) : Number(given);
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function randomBy(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

async function walk(
	bench: Bench,
	{ sizes, random, path }: { sizes: Sizes; random: () => number; path: string[] },
): Promise<void> {
	const { store, clock } = bench;
	const model = createModel(sizes);
	let world = initial(model);
	const { schedule, timers } = world;
	const timerAt = Object.values(timers)[0] ?? null;
	clock.at = world.now;
	await store.createSchedule({ schedule, spec: model.spec, timerAt, events: [] });
	while (path.length < LONGEST && !isOverAll(world)) {
		const step = pick(possible(bench, steps(model, world)), random);
		path.push(step.label);
		for (const op of step.ops) await perform(bench, world, op);
		world = step.next;
		clock.at = world.now;
		await compare(store, model, world);
	}
}

function possible({ loseTimers }: Bench, all: Step[]): Step[] {
	return loseTimers === undefined
		? all.filter(({ ops }) => ops.every(({ op }) => op !== 'lose timers'))
		: all;
}

/** Steps that only read or wait come more often in the list than others; so those that write count for more. */
function pick(all: readonly Step[], random: () => number): Step {
	const weighed = all.flatMap((step) => (step.ops.length > 0 ? [step, step] : [step]));
	const step = weighed[Math.floor(random() * weighed.length)];
	if (step === undefined) throw new Error('time can always pass');
	return step;
}

async function perform(bench: Bench, { now }: World, op: Op): Promise<void> {
	const { store } = bench;
	switch (op.op) {
		case 'occur': {
			const done = await store.occur(now, 10, (due) => {
				expect(due).toEqual(op.due);
				return op.decision;
			});
			expect(done).toEqual({ schedules: 1, runs: op.decision.runs.length });
			return;
		}
		case 'claim': {
			const { owner, leaseUntil, run } = op;
			const claimed = await store.claimRuns({ now, limit: 1, owner, leaseUntil }, claimEvents);
			expect(claimed).toEqual(run === null ? [] : [run]);
			return;
		}
		case 'settle':
			expect(await store.settleRuns([op.settlement])).toEqual([op.applied]);
			return;
		case 'renew':
			expect(await store.renewLeases('run', op.held, op.leaseUntil)).toEqual(op.kept);
			return;
		case 'heal':
			expect(await store.healTimers(100)).toBeGreaterThan(0);
			return;
		case 'lose timers':
			await bench.loseTimers?.();
	}
}

async function compare(store: Store, model: Model, world: World): Promise<void> {
	const { schedule, ledger, runs, attempts, timers, now } = world;
	expect(await store.getSchedule(TENANT, schedule.id)).toEqual(schedule);
	const rows = await store.listOccurrences(TENANT, schedule.id, {}, { limit: 100 });
	expect(rows.items).toEqual(ledger);
	for (const run of runs) {
		const details = await store.getRunDetails(TENANT, run.id);
		expect(details?.run).toEqual(run);
		expect(details?.attempts).toEqual(attempts.filter(({ runId }) => runId === run.id));
	}
	expect(await store.activeRunsOf(TENANT, schedule.id)).toEqual(
		runs.filter(({ state }) => !isOver(state)),
	);
	expect(await store.listExpiredRuns(now, 100)).toEqual(expiredRuns(world, now, model.broken));
	expect(await store.listDueRuns(now, 100)).toEqual(dueRuns(world, now));
	const timerAt = Object.values(timers);
	expect(await store.nextTimerAt()).toBe(timerAt.length === 0 ? null : Math.min(...timerAt));
	if (claimable(world, now, model.broken) === undefined) {
		const request = { now, limit: 1, owner: ENGINE, leaseUntil: now + LEASE };
		expect(await store.claimRuns(request, claimEvents)).toEqual([]);
	}
}
