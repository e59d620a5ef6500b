import { describe, expect, it } from '@jest/globals';
import type { JobParameters } from 'agenda';

import type { Subject } from './agenda-backend.ts';
import { fromNow, job, saveAll } from './agenda-backend.ts';

export function describeSaving(subject: Subject): void {
	const save = async (fields: Partial<JobParameters>, by?: string) =>
		subject.jobs.saveJob(job(fields), by === undefined ? undefined : { lastModifiedBy: by });
	const read = async (id: unknown) => subject.jobs.getJobById(String(id));

	describe('saving', () => {
		it('gives a new job an id and keeps every field as it was given', async () => {
			const fields = {
				name: 'every field',
				priority: -10,
				nextRunAt: new Date('2031-02-03T04:05:06.789Z'),
				data: { text: 'ü "quoted" \\ 💡', list: [1, [null, true]], __proto__: { a: 1 } },
				repeatInterval: 90_000,
				repeatAt: '3:30pm',
				repeatTimezone: 'Europe/Berlin',
				startDate: new Date('2030-01-01T00:00:00Z'),
				endDate: new Date('2032-01-01T00:00:00Z'),
				skipDays: [0, 6],
				disabled: true,
				fork: true,
				failCount: 0,
				failReason: 'no',
				lastFinishedAt: new Date('2030-05-05T05:05:05.005Z'),
			};
			const saved = await save(fields, 'me');
			expect(typeof saved._id).toBe('string');
			expect(saved).toMatchObject({ ...fields, lastModifiedBy: 'me' });
			expect(await read(saved._id)).toEqual(saved);
		});

		it('tells a job without data from one whose data is null, and never-set fields are missing', async () => {
			const [none, nothing] = await saveAll(subject.jobs, { data: undefined }, { data: null });
			expect((await read(none))?.data).toBeUndefined();
			const kept = await read(nothing);
			expect(kept?.data).toBeNull();
			expect(kept).not.toHaveProperty('failReason');
			expect(kept).not.toHaveProperty('lockedAt');
		});

		it('keeps an interval in milliseconds a number and one in words a text', async () => {
			const [number, text] = await saveAll(
				subject.jobs,
				{ repeatInterval: 5000 },
				{ repeatInterval: '5 minutes' },
			);
			expect((await read(number))?.repeatInterval).toBe(5000);
			expect((await read(text))?.repeatInterval).toBe('5 minutes');
		});

		it('changes the job with the id, and only the fields that are given', async () => {
			const saved = await save({ priority: 5, data: { version: 1 }, repeatInterval: '1 day' });
			await subject.jobs.saveJobState({ ...saved, failCount: 2 }, undefined);
			const { _id, name } = saved;
			const changed = await subject.jobs.saveJob(
				{ _id, name, priority: 20, data: { version: 2 } } as JobParameters,
				undefined,
			);
			expect(changed).toMatchObject({ _id, priority: 20, data: { version: 2 }, failCount: 2 });
			expect(changed.repeatInterval).toBe('1 day');
			expect((await subject.jobs.queryJobs()).total).toBe(1);
		});

		it('clears a field that is given as undefined or null', async () => {
			const saved = await save({ repeatInterval: '1 day', repeatTimezone: 'UTC' });
			const cleared = { ...saved, repeatInterval: undefined, repeatTimezone: null };
			await subject.jobs.saveJob(cleared as never, undefined);
			const kept = await read(saved._id);
			expect(kept).not.toHaveProperty('repeatInterval');
			expect(kept).not.toHaveProperty('repeatTimezone');
		});

		it('does not bring a removed job back', async () => {
			const saved = await save({});
			await subject.jobs.removeJobs({ id: String(saved._id) });
			expect(await subject.jobs.saveJob({ ...saved, priority: 9 }, undefined)).toMatchObject({
				_id: saved._id,
			});
			expect(await read(saved._id)).toBeNull();
		});

		it('refuses a date that is none and keeps nothing of the job', async () => {
			await expect(save({ nextRunAt: new Date('soon') })).rejects.toThrow('nextRunAt');
			expect((await subject.jobs.queryJobs()).total).toBe(0);
		});
	});

	describe('a job of type single', () => {
		it('is there once, with what was saved last', async () => {
			const first = await save({ type: 'single', nextRunAt: fromNow(60_000), data: { run: 1 } });
			const at = fromNow(120_000);
			const second = await save({ type: 'single', nextRunAt: at, priority: 10, data: { run: 2 } });
			expect(second).toMatchObject({
				_id: first._id,
				priority: 10,
				data: { run: 2 },
				nextRunAt: at,
			});
			expect((await subject.jobs.queryJobs()).total).toBe(1);
		});

		it('is there once when many save it at the same time', async () => {
			const saved = await Promise.all(
				Array.from({ length: 10 }, async () => save({ type: 'single' })),
			);
			expect(new Set(saved.map(({ _id }) => _id)).size).toBe(1);
		});

		it('keeps its next instant when it is saved as due now', async () => {
			const at = fromNow(3_600_000);
			await save({ type: 'single', nextRunAt: at });
			expect((await save({ type: 'single', nextRunAt: fromNow(-1) })).nextRunAt).toEqual(at);
		});

		it('stays disabled when it is saved without saying so', async () => {
			const { _id } = await save({ type: 'single', disabled: true });
			await save({ type: 'single' });
			expect((await read(_id))?.disabled).toBe(true);
		});

		it('has nothing to do with normal jobs of its name', async () => {
			await save({ type: 'normal' });
			await save({ type: 'single' });
			expect((await subject.jobs.queryJobs()).total).toBe(2);
		});
	});

	describe('a unique job', () => {
		const unique = { 'data.user.id': 7, 'data.kind': 'mail' };
		const data = (text: string) => ({ user: { id: 7 }, kind: 'mail', text });

		it('replaces the one that matches, however that was saved', async () => {
			const { _id } = await save({ data: data('first') });
			const second = await save({ data: data('second'), unique });
			expect(second).toMatchObject({ _id, data: data('second') });
			expect((await subject.jobs.queryJobs()).total).toBe(1);
		});

		it('leaves the one that matches untouched with insertOnly', async () => {
			const first = await save({ data: data('first'), unique });
			const uniqueOpts = { insertOnly: true };
			const second = await save({ data: data('second'), priority: 9, unique, uniqueOpts });
			expect(second).toEqual(first);
		});

		it('is new when anything differs: the value, its type, the name', async () => {
			await save({ data: data('first'), unique });
			await save({
				data: { user: { id: 8 }, kind: 'mail' },
				unique: { ...unique, 'data.user.id': 8 },
			});
			await save({ data: { user: { id: '7' } }, unique: { ...unique, 'data.user.id': '7' } });
			await save({ name: 'another', data: data('first'), unique });
			expect((await subject.jobs.queryJobs()).total).toBe(4);
		});

		it('is found by its whole data and by its own fields', async () => {
			const { _id } = await save({ data: { a: [1, { b: 2 }], c: 3 }, priority: 4 });
			expect((await save({ data: null, unique: { data: { c: 3, a: [1, { b: 2 }] } } }))._id).toBe(
				_id,
			);
			expect((await save({ unique: { priority: 0, type: 'normal' } }))._id).toBe(_id);
		});

		it.each([
			['an operator', { 'data.kind': { $ne: null } }],
			['quotes', { 'data.kind': `' OR '1'='1` }],
			['a path of quotes', { [`data.x') = 1 OR ('1`]: 1 }],
			['a path of JSON', { 'data."]$.kind': 'mail' }],
		])('takes %s as a plain value or name', async (_, tricky) => {
			await save({ data: data('first') });
			await save({ data: data('second'), unique: tricky });
			expect((await subject.jobs.queryJobs()).total).toBe(2);
		});

		it('refuses a key that is no field of a job', async () => {
			const unique = { [`1 = 1 OR name`]: 'x' };
			await expect(save({ unique })).rejects.toThrow('job.unique');
		});

		it('is there once when many save it at the same time', async () => {
			const saves = Array.from({ length: 10 }, async () => save({ data: data('same'), unique }));
			expect(new Set((await Promise.all(saves)).map(({ _id }) => _id)).size).toBe(1);
		});
	});

	describe('a debounced job', () => {
		const unique = { 'data.id': 1 };
		const data = (text: string) => ({ id: 1, text });
		const debounced = async (text: string, debounce: object, fields: Partial<JobParameters> = {}) =>
			save({ data: data(text), unique, uniqueOpts: { debounce } as never, ...fields });
		const later = (saved: JobParameters) => (saved.nextRunAt?.getTime() ?? Number.NaN) - Date.now();

		it('is due after the quiet period, which every save begins again', async () => {
			await save({ data: data('old'), nextRunAt: fromNow(5), debounceStartedAt: fromNow(-500) });
			const saved = await debounced('new', { delay: 60_000 });
			expect(later(saved)).toBeGreaterThan(55_000);
			expect(saved.data).toEqual(data('new'));
			expect(later({ nextRunAt: saved.debounceStartedAt } as JobParameters)).toBeLessThan(-400);
			expect((await subject.jobs.queryJobs()).total).toBe(1);
		});

		it('does not wait longer than maxWait', async () => {
			await save({ data: data('old'), nextRunAt: fromNow(900), debounceStartedAt: fromNow(-3000) });
			const saved = await debounced('new', { delay: 60_000, maxWait: 2000 });
			expect(later(saved)).toBeLessThanOrEqual(0);
			expect(saved).not.toHaveProperty('debounceStartedAt');
		});

		it('goes on waiting within maxWait', async () => {
			await debounced('first', { delay: 60_000, maxWait: 3_600_000 });
			expect(
				later(await debounced('second', { delay: 60_000, maxWait: 3_600_000 })),
			).toBeGreaterThan(55_000);
		});

		it('is due at once with strategy leading, and further saves only change its data', async () => {
			const leading = { delay: 60_000, strategy: 'leading' };
			const first = await debounced('first', leading);
			expect(later(first)).toBeLessThanOrEqual(0);
			const second = await debounced('second', leading, { nextRunAt: fromNow(500) });
			expect(second).toMatchObject({ _id: first._id, nextRunAt: first.nextRunAt });
			expect(second.data).toEqual(data('second'));
		});

		it('runs again after it ran, trailing after another quiet period, leading when the window is over', async () => {
			const ran = { nextRunAt: null, debounceStartedAt: fromNow(-5000) };
			await save({ data: data('ran'), ...ran });
			const trailing = await debounced('again', { delay: 60_000, maxWait: 1000 });
			expect(later(trailing)).toBeGreaterThan(55_000);
			await subject.jobs.saveJob({ ...trailing, ...ran }, undefined);
			expect(
				later(await debounced('again', { delay: 1000, strategy: 'leading' })),
			).toBeLessThanOrEqual(0);
		});

		it('is one for each value of its key', async () => {
			const uniqueOpts = { debounce: { delay: 1000 } };
			for (const id of [1, 2, 1, 2])
				await save({ data: { id }, unique: { 'data.id': id }, uniqueOpts });
			expect((await subject.jobs.queryJobs()).total).toBe(2);
		});
	});
}
