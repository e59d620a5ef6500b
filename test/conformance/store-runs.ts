import { expect, it } from '@jest/globals';

import type { RunSettlement } from '../../engine/contract/change.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { RunFilter, Store } from '../../engine/stores/store.port.ts';
import { claimEvents, ENGINE, T0, TENANT } from '../support/store-records.ts';
import { onceOf, withCursor } from './store-access.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

export async function added(bench: Bench, ...changes: Partial<Run>[]): Promise<Run[]> {
	const { store, records } = bench;
	const runs = changes.map((change) => records.run(change));
	await store.addRuns({ runs, specs: [records.spec()], settle: [], events: [] });
	return runs;
}

export function claim(bench: Bench, limit = 100): Promise<Run[]> {
	const now = bench.clock.at;
	return bench.store.claimRuns(
		{ now, limit, owner: ENGINE, leaseUntil: now + 30_000 },
		claimEvents,
	);
}

export async function oneClaimed(bench: Bench, changes: Partial<Run> = {}): Promise<Run> {
	await added(bench, changes);
	const [run] = await claim(bench);
	if (run === undefined) throw new Error('nothing was claimed');
	return run;
}

/** A run that succeeded with all that can belong to it: over, and settled. */
export async function oneWithAll(bench: Bench): Promise<{ run: Run; settlement: RunSettlement }> {
	const { store, records, clock } = bench;
	const run = await oneClaimed(bench);
	const settlement = records.success(run, {
		deliveries: [records.delivery(run, { state: 'delivered', endedAt: clock.at })],
		notifications: [records.notification(run, { state: 'dead', endedAt: clock.at })],
		links: [records.link(run)],
	});
	await store.settleRuns([settlement]);
	return { run, settlement };
}

export function exerciseRuns(bench: Bench): void {
	it('claims what is ready, in order, with a lease, a higher epoch and a further attempt', async () => {
		const { store, clock } = bench;
		clock.at = T0 + 100;
		const [late, early, , future] = await added(
			bench,
			{ readyAt: T0 + 50 },
			{ readyAt: T0 + 10 },
			{ readyAt: T0 + 60, state: 'retrying' },
			{ readyAt: T0 + 101 },
		);
		const claimed = await claim(bench);
		expect(claimed.map(({ id }) => id)).toEqual([early?.id, late?.id]);
		expect(claimed[0]).toEqual({
			...early,
			state: 'running',
			owner: ENGINE,
			leaseUntil: T0 + 30_100,
			epoch: 1,
			attempt: 1,
			startedAt: T0 + 100,
		});
		expect(await store.getRun(TENANT, claimed[0]?.id ?? 'run_')).toEqual(claimed[0]);
		expect(await claim(bench)).toEqual([]);
		clock.at = T0 + 101;
		expect((await claim(bench)).map(({ id }) => id)).toEqual([future?.id]);
	});

	it('adds a run that is over, with its result and deliveries, in one commit', async () => {
		const { store, records } = bench;
		const run = records.run({});
		const { attempt: _none, ...success } = records.success(run, {
			deliveries: [records.delivery(run)],
			links: [records.link(run)],
		});
		const end = [{ ...success, from: ['queued'] as const }];
		const specs = [records.spec()];
		await store.addRuns({ runs: [run], specs, settle: [], end, events: [] });
		const details = await store.getRunDetails(TENANT, run.id);
		expect(details).toMatchObject({
			run: { state: 'succeeded', resultId: success.result?.record.id },
			attempts: [],
			result: { runId: run.id },
			deliveries: [{ runId: run.id, state: 'pending' }],
			links: [{ runId: run.id }],
		});
		expect(await claim(bench)).toEqual([]);
		expect(await store.doctor(bench.clock.at)).toEqual([]);
	});

	it('claims no more than the limit, and never one run twice', async () => {
		const { clock } = bench;
		for (let i = 0; i < 10; i++) {
			clock.at++;
			await added(bench, {});
		}
		const batches = await Promise.all([claim(bench, 4), claim(bench, 4), claim(bench, 4)]);
		for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(4);
		// Who was slower than the others may come away with less.
		const all = [...batches.flat(), ...(await claim(bench))];
		expect(new Set(all.map(({ id }) => id)).size).toBe(10);
		expect(all).toHaveLength(10);
	});

	it('applies a settlement with all that belongs to it', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const settlement = records.success(run, {
			deliveries: [records.delivery(run)],
			notifications: [records.notification(run)],
			links: [records.link(run)],
		});
		expect(await store.settleRuns([settlement])).toEqual([true]);
		const details = await store.getRunDetails(TENANT, run.id);
		expect(details).toEqual({
			run: { ...run, ...settlement.set },
			spec: records.spec().spec,
			attempts: [settlement.attempt],
			result: settlement.result?.record,
			deliveries: settlement.deliveries,
			notifications: settlement.notifications,
			links: settlement.links,
		});
		expect(await store.counts()).toMatchObject({
			runs: { succeeded: 1 },
			deliveries: { pending: 1 },
		});
	});

	it.each([
		['another epoch', { epoch: 7 }],
		['another state', { from: ['waiting'] as const }],
		['another tenant', { tenant: 'other' }],
		['an unknown run', { runId: 'run_none' as const }],
	])('changes nothing for a settlement that names %s', async (_, changes) => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const eventsBefore = await store.readEvents(TENANT, null, 100);
		const settlement = records.success(run, {
			deliveries: [records.delivery(run)],
			notifications: [records.notification(run)],
			links: [records.link(run)],
			timer: { name: 'run.retry', at: T0 + 1 },
			...changes,
		});
		expect(await store.settleRuns([settlement])).toEqual([false]);
		expect(await store.getRunDetails(TENANT, run.id)).toMatchObject({
			run,
			attempts: [],
			result: null,
			deliveries: [],
			notifications: [],
			links: [],
		});
		expect(await store.getResult(TENANT, settlement.result?.record.id ?? 'res_')).toBeNull();
		expect(await store.readEvents(TENANT, null, 100)).toEqual(eventsBefore);
		expect(await store.nextTimerAt()).toBeNull();
	});

	it('lets a terminal state absorb what comes later', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const results = await store.settleRuns([
			records.success(run),
			records.success(run),
			records.change(run, 'failed', { set: { state: 'failed', endedAt: T0 } }),
		]);
		expect(results).toEqual([true, false, false]);
		expect((await store.getRun(TENANT, run.id))?.state).toBe('succeeded');
	});

	it('does not let one settlement that cannot be written stop the others', async () => {
		const { store, records } = bench;
		await added(bench, {}, {}, {});
		const [one, two, three] = await claim(bench);
		if (!one || !two || !three) throw new Error('three runs');
		const taken = records.success(one);
		const clash = { ...records.success(two), result: taken.result };
		const applied = await store.settleRuns([taken, clash as typeof taken, records.success(three)]);
		expect(applied).toEqual([true, false, true]);
		const events = await store.readEvents(TENANT, null, 100);
		const ended = events.filter(({ type }) => type === 'run.succeeded');
		expect(ended.map(({ subject }) => subject['runId'])).toEqual([one.id, three.id]);
		expect((await store.counts()).runs).toEqual({ succeeded: 2, running: 1 });
		expect((await store.getRun(TENANT, two.id))?.state).toBe('running');
	});

	it('sets the timers of retries and deadlines, and takes them away with the state', async () => {
		const { store, records, clock } = bench;
		const run = await oneClaimed(bench);
		await store.settleRuns([
			records.change(run, 'retrying', {
				set: { state: 'retrying', owner: null, leaseUntil: null, readyAt: T0 + 500 },
				timer: { name: 'run.retry', at: T0 + 500 },
			}),
		]);
		expect(await store.nextTimerAt()).toBe(T0 + 500);
		expect(await store.listDueRuns(T0 + 499, 10)).toEqual([]);
		const [due] = await store.listDueRuns(T0 + 500, 10);
		expect(due?.id).toBe(run.id);
		await store.settleRuns([
			records.change(run, 'queued', { from: ['retrying'], set: { state: 'queued' } }),
		]);
		expect(await store.nextTimerAt()).toBeNull();
		clock.at = T0 + 500;
		const [again] = await claim(bench);
		expect(again).toMatchObject({ id: run.id, epoch: 2, attempt: 2 });
		if (!again) throw new Error('claimed');
		await store.settleRuns([
			records.change(again, 'waiting', {
				set: { state: 'waiting', owner: null, leaseUntil: null, deadlineAt: T0 + 900 },
				timer: { name: 'run.deadline', at: T0 + 900 },
			}),
		]);
		expect(await store.nextTimerAt()).toBe(T0 + 900);
		expect((await store.listDueRuns(T0 + 900, 10)).map(({ id }) => id)).toEqual([run.id]);
		await store.settleRuns([records.success(again)]);
		expect(await store.nextTimerAt()).toBeNull();
		expect((await store.getRunDetails(TENANT, run.id))?.attempts).toHaveLength(1);
	});

	it('does not list a held run as due', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		await store.settleRuns([
			records.change(run, 'waiting', {
				set: { state: 'waiting', held: true, owner: null, leaseUntil: null, deadlineAt: T0 },
			}),
		]);
		expect(await store.listDueRuns(T0 + 1, 10)).toEqual([]);
		expect(await store.getRun(TENANT, run.id)).toMatchObject({ held: true });
	});

	it('keeps progress without a change of state', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		await store.settleRuns([
			{ ...records.change(run, 'running'), set: { progress: { done: 0.5 } } },
		]);
		expect(await store.getRunById(run.id)).toEqual({ ...run, progress: { done: 0.5 } });
	});

	it('adds runs once under an idempotency key', async () => {
		const { store, records } = bench;
		const add = { runs: [records.run()], specs: [records.spec()], settle: [], events: [] };
		expect(await store.addRuns(add, onceOf())).toEqual({ replayed: false, value: add.runs });
		expect(await store.addRuns({ ...add, runs: [records.run()] }, onceOf())).toMatchObject({
			replayed: true,
		});
		expect((await store.listRuns(TENANT, {}, { limit: 10 })).items).toHaveLength(1);
	});

	it('adds runs for a schedule that is there, once, and none for one that is deleted', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const { tenant, id } = schedule;
		const addFor = (run: Run): Parameters<Store['addRuns']>[0] => {
			const specs = [records.spec()];
			return { runs: [run], specs, schedule: { tenant, id }, settle: [], events: [] };
		};
		const runs = [1, 2, 3, 4].map(() => records.run({ scheduleId: id }));
		const same = await Promise.all(runs.map(async (run) => store.addRuns(addFor(run), onceOf())));
		expect(same.filter(({ replayed }) => !replayed)).toHaveLength(1);
		await Promise.all(
			[1, 2, 3].map(async () => store.addRuns(addFor(records.run({ scheduleId: id })))),
		);
		expect(await store.activeRunsOf(TENANT, id)).toHaveLength(4);
		expect(await store.getSchedule(TENANT, id)).toEqual(schedule);

		await store.changeSchedule(changeOf(schedule, { set: { state: 'deleted' } }));
		const late = addFor(records.run({ scheduleId: id }));
		for (const add of [late, { ...late, schedule: { tenant: 'other', id } }]) {
			await expect(store.addRuns(add, onceOf({ key: 'late' }))).rejects.toMatchObject({
				code: 'NOT_FOUND',
			});
		}
		expect(await store.findIdempotent(TENANT, 'late', bench.clock.at)).toBeNull();
		expect(await store.addRuns(late, onceOf())).toMatchObject({ replayed: true });
		expect(await store.activeRunsOf(TENANT, id)).toHaveLength(4);
	});

	it('filters by state, capability and schedule, newest first, page by page', async () => {
		const { store, records, clock } = bench;
		const made: Run[] = [];
		for (const change of [
			{},
			{ capability: 'other' },
			{ scheduleId: 'sch_a' as const },
			{ scheduleId: 'sch_a' as const, capability: 'other' },
			{ scheduleId: 'sch_b' as const },
		]) {
			clock.at++;
			made.push(...(await added(bench, change)));
		}
		const [a, b, c, d, e] = made.map(({ id }) => id);
		const ids = async (filter: RunFilter): Promise<string[]> => {
			const found: string[] = [];
			let cursor: string | undefined;
			do {
				const page = await store.listRuns(TENANT, filter, { limit: 2, ...withCursor(cursor) });
				found.push(...page.items.map(({ id }) => id));
				cursor = page.nextCursor ?? undefined;
			} while (cursor !== undefined);
			return found;
		};
		expect(await ids({})).toEqual([e, d, c, b, a]);
		expect(await ids({ capability: 'other' })).toEqual([d, b]);
		expect(await ids({ scheduleId: 'sch_a' })).toEqual([d, c]);
		expect(await ids({ scheduleId: 'sch_a', capability: 'other' })).toEqual([d]);
		expect(await ids({ state: 'queued' })).toEqual([e, d, c, b, a]);
		const [first, second] = await claim(bench, 2);
		if (!first || !second) throw new Error('two claimed');
		await store.settleRuns([
			records.success(first),
			records.change(second, 'failed', { set: { state: 'failed', owner: null, endedAt: T0 } }),
		]);
		expect(await ids({ state: 'succeeded' })).toEqual([a]);
		expect(await ids({ state: 'failed', capability: 'other' })).toEqual([b]);
		expect(await ids({ state: 'cancelled' })).toEqual([]);
		expect(await ids({ state: 'expired' })).toEqual([]);
		expect(await ids({ state: 'queued' })).toEqual([e, d, c]);
		expect(await ids({ state: 'queued', scheduleId: 'sch_b' })).toEqual([e]);
		expect(await ids({ state: 'running' })).toEqual([]);
		expect(await ids({ state: 'waiting' })).toEqual([]);
		expect(await ids({ state: 'retrying' })).toEqual([]);
	});
}
