import { describe, expect, it } from '@jest/globals';
import type { JobParameters } from 'agenda';

import type { Subject } from './agenda-backend.ts';
import { fromNow, job, saveAll } from './agenda-backend.ts';

const LOCK_LIFETIME = 600_000;

export function describeTaking(subject: Subject): void {
	const save = async (fields: Partial<JobParameters> = {}) =>
		subject.jobs.saveJob(job(fields), undefined);
	const read = async (id: unknown) => subject.jobs.getJobById(String(id));
	/** As the JobProcessor asks: due within five seconds, or locked for longer than a lock lives. */
	const take = async (name = 'report', by?: string, now?: Date) =>
		subject.jobs.getNextJobToRun(
			name,
			fromNow(5000),
			fromNow(-LOCK_LIFETIME),
			now,
			by === undefined ? undefined : { lastModifiedBy: by },
		);

	describe('taking the next job', () => {
		it('locks it, names who took it, and does not give it to another', async () => {
			const { _id } = await save({ data: { n: 1 } });
			const now = new Date('2031-01-01T00:00:00.001Z');
			const taken = await take('report', 'me', now);
			expect(taken).toMatchObject({ _id, lockedAt: now, lastModifiedBy: 'me', data: { n: 1 } });
			expect(await read(_id)).toEqual(taken);
			expect(await take()).toBeUndefined();
		});

		it('gives the earliest first, then the highest priority', async () => {
			const at = fromNow(-60_000);
			await saveAll(
				subject.jobs,
				{ nextRunAt: at, priority: 5, data: 'second' },
				{ nextRunAt: fromNow(-1000), priority: 20, data: 'third' },
				{ nextRunAt: at, priority: 10, data: 'first' },
			);
			const order = [await take(), await take(), await take()];
			expect(order.map((one) => one?.data)).toEqual(['first', 'second', 'third']);
		});

		it('gives a job that is due before the next look, and none that is due later', async () => {
			await save({ nextRunAt: fromNow(60_000) });
			expect(await take()).toBeUndefined();
			const { _id } = await save({ nextRunAt: fromNow(3000) });
			expect((await take())?._id).toBe(_id);
		});

		it('gives no job that is disabled, that has no next instant, or that has another name', async () => {
			await save({ disabled: true });
			await save({ nextRunAt: null });
			await save({ name: 'reports' });
			expect(await take()).toBeUndefined();
		});

		it('gives a job again when its lock is too old, even one that has no next instant', async () => {
			const fresh = await save({ lockedAt: fromNow(1000 - LOCK_LIFETIME) });
			expect(await take()).toBeUndefined();
			const { _id } = await save({ nextRunAt: null, lockedAt: fromNow(-1000 - LOCK_LIFETIME) });
			expect((await take())?._id).toBe(_id);
			expect(await take()).toBeUndefined();
			expect((await read(fresh._id))?.lockedAt).toEqual(fresh.lockedAt);
		});

		it('gives what is due before what was left behind', async () => {
			await save({ nextRunAt: null, lockedAt: fromNow(-2 * LOCK_LIFETIME), data: 'left' });
			await save({ data: 'due' });
			expect((await take())?.data).toBe('due');
			expect((await take())?.data).toBe('left');
		});

		it('gives every job once, however many ask at the same time on however many connections', async () => {
			const ids = await saveAll(subject.jobs, ...Array.from({ length: 30 }, () => ({})));
			const another = subject.store.backend();
			await another.connect();
			const taken = await Promise.all(
				Array.from({ length: 40 }, async (_, index) => {
					const jobs = index % 2 === 0 ? subject.jobs : another.repository;
					return jobs.getNextJobToRun(
						'report',
						fromNow(1000),
						fromNow(-1000),
						undefined,
						undefined,
					);
				}),
			);
			const found = taken.flatMap((one) => (one ? [String(one._id)] : []));
			expect(found.toSorted()).toEqual(ids.toSorted());
			await another.disconnect();
		});
	});

	describe('locking and unlocking one job', () => {
		it('locks a job that is as it was read, once', async () => {
			const saved = await save();
			const locked = await subject.jobs.lockJob(saved, { lastModifiedBy: 'me' });
			expect(locked).toMatchObject({ _id: saved._id, lastModifiedBy: 'me' });
			expect(locked?.lockedAt).toBeInstanceOf(Date);
			expect(await subject.jobs.lockJob(saved, undefined)).toBeUndefined();
		});

		it('locks none that was moved, disabled, removed, never saved, or has no next instant', async () => {
			const moved = await save();
			await subject.jobs.saveJob({ ...moved, nextRunAt: fromNow(9000) }, undefined);
			const removed = await save();
			await subject.jobs.removeJobs({ id: String(removed._id) });
			const refused = [
				moved,
				removed,
				await save({ disabled: true }),
				await save({ nextRunAt: null }),
				job(),
			];
			for (const one of refused) expect(await subject.jobs.lockJob(one, undefined)).toBeUndefined();
		});

		it('unlocks a job that waits and leaves one that runs for the last time', async () => {
			const waiting = await save({ lockedAt: fromNow(-1) });
			const running = await save({ lockedAt: fromNow(-1), nextRunAt: null });
			await subject.jobs.unlockJob(waiting);
			await subject.jobs.unlockJob(running);
			await subject.jobs.unlockJob(job());
			expect(await read(waiting._id)).not.toHaveProperty('lockedAt');
			expect(await read(running._id)).toHaveProperty('lockedAt');
		});

		it('unlocks many by their ids, and others stay locked', async () => {
			const lockedAt = fromNow(-1);
			const [a, b, c] = await saveAll(
				subject.jobs,
				{ lockedAt },
				{ lockedAt, nextRunAt: null },
				{ lockedAt },
			);
			await subject.jobs.unlockJobs([String(a), String(b), 'none']);
			await subject.jobs.unlockJobs([]);
			expect(await read(a)).not.toHaveProperty('lockedAt');
			expect(await read(b)).not.toHaveProperty('lockedAt');
			expect((await read(c))?.lockedAt).toEqual(lockedAt);
		});
	});

	describe('saving the state of a job that ran', () => {
		it('writes what the run changed and nothing else', async () => {
			const saved = await save({ data: { old: 1 }, priority: 3 });
			const taken = await take();
			await subject.jobs.saveJob({ ...saved, data: { new: 1 } }, undefined);
			const at = fromNow(-5);
			const state = {
				nextRunAt: fromNow(60_000),
				lastRunAt: at,
				lastFinishedAt: at,
				failedAt: at,
				failCount: 1,
				failReason: 'it broke',
				progress: 50,
			};
			const { lockedAt: _, ...ended } = { ...taken, ...state } as JobParameters;
			await subject.jobs.saveJobState(ended, { lastModifiedBy: 'me' });
			const kept = await read(saved._id);
			expect(kept).toMatchObject({ ...state, data: { new: 1 }, priority: 3, lastModifiedBy: 'me' });
			expect(kept).not.toHaveProperty('lockedAt');
		});

		it('clears what the run cleared', async () => {
			const saved = await save({
				failCount: 1,
				failReason: 'x',
				failedAt: fromNow(-1),
				progress: 9,
			});
			const { _id, name, priority, type, data } = saved;
			await subject.jobs.saveJobState(
				{ ...{ name, priority, type, data, nextRunAt: null }, ...(_id ? { _id } : {}) },
				undefined,
			);
			const kept = await read(_id);
			for (const field of ['failCount', 'failReason', 'failedAt', 'progress']) {
				expect(kept).not.toHaveProperty(field);
			}
			expect(kept?.nextRunAt).toBeNull();
		});

		it('writes down whatever a job threw', async () => {
			const saved = await save();
			const failReason = { code: 7 } as never;
			await subject.jobs.saveJobState({ ...saved, failReason }, undefined);
			expect(JSON.stringify((await read(saved._id))?.failReason)).toContain('7');
		});

		it('refuses a job that is not there, or that has no id', async () => {
			const saved = await save();
			await subject.jobs.removeJobs({ id: String(saved._id) });
			await expect(subject.jobs.saveJobState(saved, undefined)).rejects.toThrow('report');
			await expect(subject.jobs.saveJobState(job(), undefined)).rejects.toThrow('_id');
		});
	});
}
