import { expect, it } from '@jest/globals';

import type { Run } from '../../engine/contract/run.ts';
import { RUN_STATES } from '../../engine/contract/run.ts';
import { T0, TENANT } from '../support/store-records.ts';
import { added, claim, oneClaimed } from './store-runs.ts';
import type { Bench } from './store.ts';

const ids = (runs: readonly (Run | undefined)[]): (string | undefined)[] =>
	runs.map((run) => run?.id);

export function exercisePolicies(bench: Bench): void {
	const stateOf = async (run: Run | undefined): Promise<Run | null> =>
		bench.store.getRun(TENANT, run?.id ?? 'run_');
	const end = async (run: Run | undefined): Promise<boolean[]> => {
		if (run === undefined) throw new Error('no run to end');
		const set = { state: 'failed', owner: null, leaseUntil: null, endedAt: T0 } as const;
		return bench.store.settleRuns([bench.records.change(run, 'failed', { epoch: null, set })]);
	};

	it('claims the highest priority first, then the readiest, and no run that is not ready', async () => {
		const runs = await added(
			bench,
			{ priority: -5, readyAt: T0 - 100 },
			{ readyAt: T0 - 50 },
			{ priority: 7 },
			{ priority: 100, readyAt: T0 + 1 },
			{ priority: 7, readyAt: T0 - 10 },
			{},
		);
		expect(ids(await claim(bench, 3))).toEqual(ids([runs[4], runs[2], runs[1]]));
		expect(ids(await claim(bench))).toEqual(ids([runs[5], runs[0]]));
		bench.clock.at = T0 + 1;
		expect(ids(await claim(bench))).toEqual(ids([runs[3]]));
	});

	it('claims by priority across keys, and among runs that wait for the same key', async () => {
		const runs = await added(
			bench,
			{ concurrencyKey: 'crm', readyAt: T0 - 10 },
			{ concurrencyKey: 'crm', priority: 3 },
			{ concurrencyKey: 'erp', priority: -1, readyAt: T0 - 20 },
			{ priority: 1 },
		);
		const claimed = await claim(bench);
		expect(ids(claimed)).toEqual(ids([runs[1], runs[3], runs[2]]));
		await end(runs[1]);
		expect(ids(await claim(bench))).toEqual(ids([runs[0]]));
	});

	it('leaves a schedule in the order of its runs, whatever their priorities', async () => {
		const runs = await added(
			bench,
			{ serialKey: 's' },
			{ serialKey: 's', priority: 50 },
			{ serialKey: 's', priority: 99 },
		);
		for (const run of runs) {
			expect(ids(await claim(bench))).toEqual([run.id]);
			await end(run);
		}
	});

	it('lets as many runs hold a key as its limit says, and the next as soon as one lets go', async () => {
		const runs = await added(
			bench,
			...Array.from({ length: 5 }, () => ({ concurrencyKey: 'crm', concurrencyLimit: 3 })),
		);
		expect(ids(await claim(bench, 2))).toEqual(ids(runs.slice(0, 2)));
		expect(ids(await claim(bench))).toEqual(ids([runs[2]]));
		expect(await claim(bench)).toEqual([]);
		await end(runs[1]);
		expect(ids(await claim(bench))).toEqual(ids([runs[3]]));
		await end(runs[0]);
		await end(runs[2]);
		expect(ids(await claim(bench))).toEqual(ids([runs[4]]));
	});

	it('admits each run by its own limit where limits differ', async () => {
		const [first, alone, third, fourth] = await added(
			bench,
			{ concurrencyKey: 'crm', concurrencyLimit: 2, readyAt: T0 - 4 },
			{ concurrencyKey: 'crm', concurrencyLimit: 1, readyAt: T0 - 3 },
			{ concurrencyKey: 'crm', concurrencyLimit: 2, readyAt: T0 - 2 },
			{ concurrencyKey: 'crm', concurrencyLimit: 3, readyAt: T0 - 1 },
		);
		expect(ids(await claim(bench))).toEqual(ids([first, third, fourth]));
		await end(first);
		await end(third);
		expect(await claim(bench)).toEqual([]);
		await end(fourth);
		expect(ids(await claim(bench))).toEqual(ids([alone]));
	});

	it('claims through many keys and tiers as if one by one', async () => {
		const limits = [1, 2, 4];
		const runs = await added(
			bench,
			...Array.from({ length: 90 }, (_, n) => ({
				concurrencyKey: `k${n % 5}`,
				concurrencyLimit: limits[n % 3] ?? 1,
				priority: n % 4,
				readyAt: T0 - ((n * 37) % 50),
			})),
		);
		const age = new Map(runs.map(({ id }, n) => [id, n]));
		const held = new Map<string, number>();
		const expected = [...runs]
			.sort(
				(a, b) =>
					b.priority - a.priority ||
					a.readyAt - b.readyAt ||
					(age.get(a.id) ?? 0) - (age.get(b.id) ?? 0),
			)
			.filter(({ concurrencyKey, concurrencyLimit }) => {
				const now = held.get(concurrencyKey ?? '') ?? 0;
				if (now >= concurrencyLimit) return false;
				held.set(concurrencyKey ?? '', now + 1);
				return true;
			});
		const claimed = [
			...(await claim(bench, 4)),
			...(await claim(bench, 4)),
			...(await claim(bench)),
		];
		expect(ids(claimed)).toEqual(ids(expected));
		const problems = (await bench.store.doctor(T0)).filter(
			({ severity }) => severity === 'problem',
		);
		expect(problems).toEqual([]);
	});

	it('moves the look at a waiting run with its signs of life, and not past a deadline', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		await store.settleRuns([
			records.change(run, 'waiting', {
				set: {
					state: 'waiting',
					owner: null,
					leaseUntil: null,
					deadlineAt: T0 + 100,
					beatBy: T0 + 10,
				},
				timer: { name: 'run.deadline', at: T0 + 10 },
			}),
		]);
		expect(await store.listDueRuns(T0 + 9, 10)).toEqual([]);
		expect(await store.nextTimerAt()).toBe(T0 + 10);
		const from = ['running', 'waiting'] as const;
		await store.settleRuns([records.change(run, 'waiting', { from, set: { beatBy: T0 + 25 } })]);
		expect(await store.listDueRuns(T0 + 24, 10)).toEqual([]);
		expect(await store.nextTimerAt()).toBe(T0 + 25);
		expect(ids(await store.listDueRuns(T0 + 25, 10))).toEqual([run.id]);
	});

	it('times no run out by a heartbeat that has come meanwhile', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const wait = { state: 'waiting', owner: null, leaseUntil: null, beatBy: T0 + 10 } as const;
		await store.settleRuns([
			records.change(run, 'waiting', { set: { ...wait, deadlineAt: T0 + 90 } }),
		]);
		const lost = records.change(run, 'failed', {
			from: ['waiting'],
			readBeatBy: T0 + 10,
			set: { state: 'failed', endedAt: T0 + 10, beatBy: null },
		});
		await store.settleRuns([
			records.change(run, 'waiting', { from: ['waiting'], set: { beatBy: T0 + 20 } }),
		]);
		expect(await store.settleRuns([lost])).toEqual([false]);
		expect(await store.settleRuns([{ ...lost, readBeatBy: T0 + 20 }])).toEqual([true]);
	});

	it('settles an SLA once, in whatever state the run is, with a timer until then', async () => {
		const { store, records, clock } = bench;
		const [run] = await added(bench, { slaDueAt: T0 + 50, slaState: 'pending' });
		expect(await store.nextTimerAt()).toBe(T0 + 50);
		expect(await store.listSlaDue(T0 + 49, 10)).toEqual([]);
		expect(ids(await store.listSlaDue(T0 + 50, 10))).toEqual([run?.id]);
		if (run === undefined) throw new Error('no run');
		await end(run);
		expect(ids(await store.listSlaDue(T0 + 50, 10))).toEqual([run.id]);
		const missed = records.change(run, 'failed', {
			from: RUN_STATES,
			epoch: null,
			readSlaState: 'pending',
			set: { slaState: 'missed', slaSettledAt: T0 + 50 },
		});
		const met = { ...missed, set: { slaState: 'met', slaSettledAt: T0 + 50 } } as const;
		expect(await store.settleRuns([missed, met])).toEqual([true, false]);
		expect(await stateOf(run)).toMatchObject({ slaState: 'missed', slaSettledAt: T0 + 50 });
		expect(await store.listSlaDue(T0 + 50, 10)).toEqual([]);
		expect(await store.nextTimerAt()).toBeNull();
		clock.at = T0 + 90_000;
		expect((await store.doctor(clock.at)).map(({ code }) => code)).not.toContain('SLA_OVERDUE');
	});
}
