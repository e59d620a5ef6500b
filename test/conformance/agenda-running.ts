import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Agenda } from 'agenda';
import type { AgendaOptions, Job } from 'agenda';

import type { Subject } from './agenda-backend.ts';
import { fromNow } from './agenda-backend.ts';

/** Looks often enough for tests. */
const LOOK = 20;

const nothing = async (): Promise<void> => {
	await Promise.resolve();
};

/** A job that begins, and ends when it is told to. */
function held() {
	const begun: Job[] = [];
	const gates: (() => void)[] = [];
	let waiting: { count: number; resolve: () => void } | undefined;
	return {
		begun,
		async run(job: Job): Promise<void> {
			begun.push(job);
			const ended = new Promise<void>((resolve) => gates.push(resolve));
			if (waiting && begun.length >= waiting.count) waiting.resolve();
			await ended;
		},
		async untilBegun(count: number): Promise<void> {
			if (begun.length >= count) return;
			await new Promise<void>((resolve) => (waiting = { count, resolve }));
		},
		end: () => {
			for (const open of gates.splice(0)) open();
		},
	};
}

/** The real Agenda drives the backend. */
export function describeRunning(subject: Subject): void {
	describe('an Agenda on it', () => {
		const agendas: Agenda[] = [];
		const create = (options: Partial<AgendaOptions> = {}): Agenda => {
			const agenda = new Agenda({ backend: subject.backend, processEvery: LOOK, ...options });
			agendas.push(agenda);
			return agenda;
		};
		/** The next time that the event is emitted; ask before doing what causes it. */
		const once = async (agenda: Agenda, event: string, times = 1): Promise<void> => {
			await new Promise<void>((resolve) => {
				let seen = 0;
				agenda.on(event as 'ready', () => {
					if (++seen === times) resolve();
				});
			});
		};
		const only = async (name: string) => {
			const { jobs } = await subject.jobs.queryJobs({ name });
			expect(jobs).toHaveLength(1);
			return jobs[0]!;
		};

		/**
		 * Drains all, a turn after what was waited for: Agenda's drain never ends when it is called between the
		 * last `complete` and the moment that the job leaves the list of those running.
		 */
		const drainAll = async () => {
			await nextTurn();
			for (const agenda of agendas.splice(0)) await agenda.drain();
		};

		beforeEach(() => {
			// Agenda watches every job with a timer of half its lock's lifetime, and leaves it behind.
			const { setTimeout } = globalThis;
			jest
				.spyOn(globalThis, 'setTimeout')
				.mockImplementation((...call: Parameters<typeof setTimeout>) =>
					setTimeout(...call).unref(),
				);
		});
		afterEach(async () => {
			for (const agenda of agendas.splice(0)) await agenda.stop();
		});

		it('plans with every, schedule and now, for one name or several', async () => {
			const agenda = create();
			await agenda.every('5 minutes', ['a', 'b'], { x: 1 }, { timezone: 'Europe/Berlin' });
			await agenda.every('0 6 * * *', 'a');
			await agenda.schedule(fromNow(60_000), ['c', 'd'], { y: 1 });
			await agenda.schedule('in 1 hour', 'c');
			await agenda.now('e', { z: 1 });
			expect(await only('a')).toMatchObject({ repeatInterval: '0 6 * * *', type: 'single' });
			expect(await only('b')).toMatchObject({ repeatTimezone: 'Europe/Berlin', data: { x: 1 } });
			expect(await only('d')).toMatchObject({ state: 'scheduled', data: { y: 1 } });
			expect(await only('e')).toMatchObject({ state: 'queued', data: { z: 1 } });
			expect((await agenda.queryJobs({ name: 'c' })).total).toBe(2);
		});

		it('saves, changes, disables, enables and removes a job', async () => {
			const agenda = create();
			const job = await agenda
				.create('a', { n: 1 })
				.priority('high')
				.schedule(fromNow(9000))
				.save();
			await job.repeatEvery('1 minute').disable().save();
			expect(await only('a')).toMatchObject({
				priority: 10,
				disabled: true,
				repeatInterval: '1 minute',
			});
			expect(await agenda.enable({ name: 'a' })).toBe(1);
			expect(await agenda.disable({ name: 'a' })).toBe(1);
			await job.remove();
			expect((await agenda.queryJobs()).total).toBe(0);
		});

		it('removes jobs without a definition, and all', async () => {
			const agenda = create();
			agenda.define('known', nothing);
			for (const name of ['known', 'orphan', 'orphan'])
				await agenda.schedule(fromNow(9000), name, {});
			expect(await agenda.purge()).toBe(2);
			expect(await agenda.cancelAll()).toBe(1);
		});

		it('runs a job with its data and keeps how it went', async () => {
			const agenda = create({ name: 'me' });
			let data: unknown;
			agenda.define('a', async (job) => {
				data = job.attrs.data;
				await job.touch(42);
			});
			const complete = once(agenda, 'complete:a');
			await agenda.start();
			await agenda.now('a', { n: 1 });
			await complete;
			expect(data).toEqual({ n: 1 });
			const kept = await only('a');
			expect(kept).toMatchObject({
				state: 'completed',
				nextRunAt: null,
				progress: 42,
				lastModifiedBy: 'me',
			});
			expect(kept.lastFinishedAt).toBeInstanceOf(Date);
		});

		it('holds the lock while a job runs and shows it to others', async () => {
			const agenda = create();
			const work = held();
			agenda.define('a', work.run);
			await agenda.start();
			const job = await agenda.now('a', {});
			await work.untilBegun(1);
			expect((await only('a')).state).toBe('running');
			expect(await job.isRunning()).toBe(true);
			const stats = await agenda.getRunningStats();
			expect(stats).toMatchObject({
				runningJobs: 1,
				lockedJobs: 1,
				backend: { name: subject.backend.name },
			});
			const complete = once(agenda, 'complete:a');
			work.end();
			await complete;
			expect(await job.isRunning()).toBe(false);
		});

		it('keeps why a job failed, and does not run it again', async () => {
			const agenda = create();
			let runs = 0;
			agenda.define('a', async () => {
				runs++;
				throw new Error('it broke');
			});
			const failed = once(agenda, 'complete:a');
			await agenda.start();
			await agenda.now('a', {});
			await failed;
			agenda.define('b', nothing);
			const another = once(agenda, 'complete:b');
			await agenda.now('b', {});
			await another;
			expect(await only('a')).toMatchObject({
				state: 'failed',
				failReason: 'it broke',
				failCount: 1,
			});
			expect(runs).toBe(1);
		});

		it('retries with a backoff, counts, and gives up', async () => {
			const agenda = create();
			agenda.define('a', async () => Promise.reject(new Error('again')), {
				backoff: ({ attempt }) => (attempt < 3 ? 1 : null),
			});
			const exhausted = once(agenda, 'retry exhausted');
			const complete = once(agenda, 'complete:a', 3);
			await agenda.start();
			await agenda.now('a', {});
			await Promise.all([exhausted, complete]);
			expect(await only('a')).toMatchObject({ failCount: 3, state: 'failed' });
		});

		it('runs a job again that planned itself anew when it failed', async () => {
			const agenda = create();
			let runs = 0;
			agenda.define('a', async () => {
				if (++runs === 1) throw new Error('once');
			});
			agenda.on('fail:a', (_: Error, job: Job) => {
				job.attrs.nextRunAt = new Date();
				void job.save();
			});
			const success = once(agenda, 'success:a');
			await agenda.start();
			await agenda.now('a', {});
			await success;
			expect(runs).toBe(2);
		});

		it('runs a repeating job again and again, one row for all', async () => {
			const agenda = create();
			agenda.define('a', nothing);
			const runs = once(agenda, 'complete:a', 3);
			await agenda.every(10, 'a');
			await agenda.start();
			await runs;
			expect((await only('a')).nextRunAt).toBeInstanceOf(Date);
		});

		it('runs no disabled job, and no more at once than allowed', async () => {
			const agenda = create({ maxConcurrency: 3 });
			const work = held();
			agenda.define('a', work.run, { concurrency: 2, lockLimit: 3 });
			agenda.define('off', work.run);
			await agenda.create('off', {}).schedule(new Date()).disable().save();
			for (let i = 0; i < 5; i++) await agenda.now('a', { i });
			await agenda.start();
			await work.untilBegun(2);
			await work.untilBegun(2);
			expect((await subject.jobs.queryJobs({ state: 'running' })).total).toBeLessThanOrEqual(3);
			expect(work.begun).toHaveLength(2);
			const complete = once(agenda, 'complete:a', 5);
			const ending = setInterval(work.end, LOOK);
			await complete;
			clearInterval(ending);
			expect(await only('off')).toMatchObject({ disabled: true });
			expect(work.begun.map(({ attrs }) => attrs.name)).not.toContain('off');
		});

		it('locks no more jobs than its lockLimit', async () => {
			const agenda = create({ lockLimit: 2 });
			const work = held();
			agenda.define('a', work.run);
			agenda.define('b', work.run);
			for (const name of ['a', 'b', 'a', 'b']) await agenda.now(name, {});
			await agenda.start();
			await work.untilBegun(2);
			expect((await subject.jobs.queryJobs({ state: 'running' })).total).toBe(2);
			const complete = once(agenda, 'complete', 4);
			const ending = setInterval(work.end, LOOK);
			await complete;
			clearInterval(ending);
		});

		it('gives back jobs that were taken in advance when it stops', async () => {
			const agenda = create({ processEvery: 60_000 });
			agenda.define('a', nothing);
			await agenda.schedule(fromNow(30_000), 'a', {});
			const taken = once(agenda, 'test:taken');
			agenda.define('b', async () => {
				agenda.emit('test:taken');
			});
			await agenda.now('b', {});
			await agenda.start();
			await taken;
			expect((await only('a')).lockedAt).toBeInstanceOf(Date);
			await agenda.stop();
			expect(await only('a')).not.toHaveProperty('lockedAt');
		});

		it('waits for running jobs when it drains, but not longer than asked', async () => {
			const agenda = create();
			const work = held();
			agenda.define('a', work.run);
			await agenda.start();
			await agenda.now('a', {});
			await work.untilBegun(1);
			expect(await agenda.drain({ timeout: 1 })).toMatchObject({ running: 1, timedOut: true });
			await agenda.start();
			await agenda.now('a', {});
			await work.untilBegun(2);
			const drained = agenda.drain();
			work.end();
			expect(await drained).toMatchObject({ running: 0, timedOut: false });
			expect((await subject.jobs.queryJobs({ state: 'running' })).total).toBe(0);
		});

		it('never runs a job twice, with two Agendas on the same store', async () => {
			const runs: number[] = [];
			const another = subject.store.backend();
			const pair = [create({ name: 'one' }), create({ name: 'two', backend: another })];
			const complete = new Promise<void>((resolve) => {
				for (const agenda of pair) {
					agenda.on('complete:a', () => {
						if (runs.length === 60) resolve();
					});
				}
			});
			for (const agenda of pair) {
				agenda.define<{ i: number }>('a', async (job) => {
					runs.push(job.attrs.data.i);
				});
			}
			for (const agenda of pair) await agenda.ready;
			for (let i = 0; i < 60; i++) await pair[i % 2]!.now('a', { i });
			for (const agenda of pair) await agenda.start();
			await complete;
			await drainAll();
			expect(runs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
		});

		it('runs what an Agenda held that died, as soon as its lock is too old', async () => {
			const agenda = create();
			const attrs = { name: 'a', priority: 0, type: 'normal', data: { left: true } } as const;
			await subject.jobs.saveJob(
				{ ...attrs, nextRunAt: null, lockedAt: fromNow(-2000) },
				undefined,
			);
			let data: unknown;
			agenda.define(
				'a',
				async (job) => {
					data = job.attrs.data;
				},
				{ lockLifetime: 1000 },
			);
			const complete = once(agenda, 'complete:a');
			await agenda.start();
			await complete;
			expect(data).toEqual({ left: true });
			expect((await only('a')).state).toBe('completed');
		});

		it('removes a job that is done where it is told to, and none that failed or repeats', async () => {
			const agenda = create({ removeOnComplete: true });
			agenda.define('done', nothing);
			agenda.define('kept', nothing, { removeOnComplete: false });
			agenda.define('failing', async () => Promise.reject(new Error('no')));
			agenda.define('repeating', nothing);
			const complete = once(agenda, 'complete', 4);
			await agenda.every('1 hour', 'repeating');
			for (const name of ['done', 'kept', 'failing']) await agenda.now(name, {});
			await agenda.start();
			await complete;
			// The event comes before the removal.
			const names = async () => subject.jobs.getDistinctJobNames();
			while ((await names()).includes('done')) await nextTurn();
			expect(await names()).toEqual(['failing', 'kept', 'repeating']);
		});

		it('joins debounced jobs into one', async () => {
			const agenda = create();
			for (const n of [1, 2, 3]) {
				await agenda.nowDebounced('a', { id: 1, n }, { 'data.id': 1 }, 60_000);
			}
			expect(await only('a')).toMatchObject({ data: { id: 1, n: 3 }, state: 'scheduled' });
		});

		it('runs a job of a forked worker by its id', async () => {
			const main = create();
			const job = await main.create('a', { n: 1 }).forkMode(true).schedule(fromNow(9000)).save();
			expect(await only('a')).toMatchObject({ fork: true });
			const worker = create({ forkedWorker: true });
			let data: unknown;
			worker.define('a', async ({ attrs }) => {
				data = attrs.data;
			});
			await worker.ready;
			await worker.runForkedJob(String(job.attrs._id));
			expect(data).toEqual({ n: 1 });
		});

		it('logs what jobs go through where it is asked to', async () => {
			const agenda = create({ logging: true, name: 'me' });
			agenda.define('a', nothing);
			agenda.define('quiet', nothing, { logging: false });
			const complete = once(agenda, 'complete', 2);
			await agenda.start();
			const job = await agenda.now('a', {});
			await agenda.now('quiet', {});
			await complete;
			// Agenda waits for no log; what is written, and how soon, is the store's.
			while ((await agenda.getLogs()).total < 4) await nextTurn();
			const { entries } = await agenda.getLogs({ sort: 'asc' });
			expect(entries.map(({ event }) => event).toSorted()).toEqual([
				'complete',
				'locked',
				'start',
				'success',
			]);
			expect(entries.every(({ jobId }) => jobId === job.attrs._id)).toBe(true);
			expect(await agenda.clearLogs()).toBe(4);
		});
	});
}
