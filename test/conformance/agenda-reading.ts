import { describe, expect, it } from '@jest/globals';
import type { JobsQueryOptions, JobState } from 'agenda';

import type { Subject } from './agenda-backend.ts';
import { fromNow, saveAll } from './agenda-backend.ts';

export function describeReading(subject: Subject): void {
	const names = async (options: JobsQueryOptions) =>
		(await subject.jobs.queryJobs(options)).jobs.map(({ name }) => name);

	describe('reading', () => {
		it('answers null for a job that is not there', async () => {
			expect(await subject.jobs.getJobById('nowhere')).toBeNull();
		});

		it('finds jobs by id, ids, name, names and part of a name', async () => {
			const [a, b] = await saveAll(subject.jobs, { name: 'Alpha 100%' }, { name: 'beta_1' });
			await saveAll(subject.jobs, { name: 'betaX1' });
			const sort = { name: 'asc' } as const;
			expect(await names({ id: String(a) })).toEqual(['Alpha 100%']);
			expect(await names({ ids: [String(a), String(b), 'none'], sort })).toEqual([
				'Alpha 100%',
				'beta_1',
			]);
			expect(await names({ name: 'beta_1' })).toEqual(['beta_1']);
			expect(await names({ names: ['beta_1', 'Alpha 100%'], sort })).toEqual([
				'Alpha 100%',
				'beta_1',
			]);
			expect(await names({ search: 'ALPHA' })).toEqual(['Alpha 100%']);
			expect(await names({ search: '_1' })).toEqual(['beta_1']);
			expect(await names({ search: '%' })).toEqual(['Alpha 100%']);
			expect(await names({ ids: [], names: [], search: '' })).toHaveLength(3);
		});

		it('takes whatever it is given for a value, never for a query', async () => {
			await saveAll(subject.jobs, { data: { secret: 'x' } });
			for (const text of [`' OR 1=1 --`, '"; DROP TABLE agenda_jobs; --', '$[*]', '%']) {
				expect(await names({ name: text })).toEqual([]);
				expect(await names({ id: text })).toEqual([]);
				expect(await names({ ids: [text] })).toEqual([]);
				expect(await names({ search: text })).toEqual([]);
				expect(await names({ data: { secret: text } })).toEqual([]);
				expect(await names({ data: { [text]: 'x' } })).toEqual([]);
				expect(await names({ state: text as JobState })).toEqual([]);
			}
			expect(await names({ data: { secret: { $ne: null } } })).toEqual([]);
			const sort = { 'name; DROP TABLE agenda_jobs': 'asc', name: 'asc; DELETE' } as never;
			expect(await names({ sort })).toEqual(['report']);
		});

		it('finds jobs whose data contains the data asked for, at any depth', async () => {
			await saveAll(
				subject.jobs,
				{ name: 'a', data: { user: { id: 1, roles: ['x', 'y'] }, ok: true } },
				{ name: 'b', data: { user: { id: '1' } } },
				{ name: 'c', data: 'text' },
			);
			expect(await names({ data: { user: { id: 1 } } })).toEqual(['a']);
			expect(await names({ data: { user: { roles: ['y'] } } })).toEqual(['a']);
			expect(await names({ data: { user: { roles: ['z'] } } })).toEqual([]);
			expect(await names({ data: { user: { id: '1' } } })).toEqual(['b']);
			expect(await names({ data: 'text' })).toEqual(['c']);
			expect(await names({ data: { toString: 1 } })).toEqual([]);
		});

		it('sorts by the keys in their order, latest next instant first by default, never-set last', async () => {
			const [at1, at2] = [fromNow(1000), fromNow(2000)];
			await saveAll(
				subject.jobs,
				{ name: 'a', priority: 1, nextRunAt: at1, data: 3 },
				{ name: 'b', priority: 2, nextRunAt: at2, data: 1 },
				{ name: 'c', priority: 1, nextRunAt: at2, data: 2 },
				{ name: 'd', priority: 3, nextRunAt: null, lastRunAt: at1, lastFinishedAt: at1, data: 4 },
				{ name: 'e', priority: 3, nextRunAt: null, lastRunAt: at2, lastFinishedAt: at2, data: 5 },
			);
			const order = async (sort?: object) => (await names(sort ? { sort } : {})).join('');
			expect((await order()).slice(2)).toBe('aed');
			expect(await order({ priority: 'asc', name: 'desc' })).toBe('cabed');
			expect(await order({ name: 'desc' })).toBe('edcba');
			expect(await order({ nextRunAt: 'asc', name: 'asc' })).toBe('abcde');
			expect((await order({ lastRunAt: 'asc' })).slice(0, 2)).toBe('de');
			expect((await order({ lastFinishedAt: 'desc' })).slice(0, 2)).toBe('ed');
			expect(await order({ data: 'asc' })).toBe('bcade');
		});

		it('answers pages with the number of all, and every job once even when all are alike', async () => {
			const nextRunAt = fromNow(1000);
			await saveAll(subject.jobs, ...Array.from({ length: 5 }, () => ({ nextRunAt })));
			const seen = new Set<string>();
			for (let skip = 0; skip < 5; skip += 2) {
				const { jobs, total } = await subject.jobs.queryJobs({ skip, limit: 2 });
				expect(total).toBe(5);
				for (const { _id } of jobs) seen.add(_id);
			}
			expect(seen.size).toBe(5);
			expect(await subject.jobs.queryJobs({ skip: 9 })).toEqual({ jobs: [], total: 5 });
			expect((await subject.jobs.queryJobs({ skip: 3 })).jobs).toHaveLength(2);
			expect((await subject.jobs.queryJobs({ limit: 0 })).jobs).toHaveLength(5);
		});

		it('computes states, filters and counts by them, and sums them up by name', async () => {
			const [past, future] = [fromNow(-60_000), fromNow(60_000)];
			await saveAll(
				subject.jobs,
				{ name: 'queued', nextRunAt: past },
				{ name: 'scheduled', nextRunAt: future },
				{ name: 'completed', nextRunAt: null, lastFinishedAt: past },
				{ name: 'failed', nextRunAt: null, failedAt: past, lastFinishedAt: past },
				{ name: 'repeating', nextRunAt: future, repeatInterval: '1 day' },
				{ name: 'running', nextRunAt: null, lockedAt: past, failedAt: past },
				{ name: 'recovered', nextRunAt: null, failedAt: past, lastFinishedAt: fromNow(-1) },
				{ name: 'queued', nextRunAt: future, disabled: true },
			);
			const state = async (state: JobState) => names({ state, sort: { name: 'asc' } });
			expect(await state('queued')).toEqual(['queued']);
			expect(await state('scheduled')).toEqual(['queued', 'scheduled']);
			expect(await state('completed')).toEqual(['completed', 'recovered']);
			expect(await state('failed')).toEqual(['failed']);
			expect(await state('repeating')).toEqual(['repeating']);
			expect(await state('running')).toEqual(['running']);
			expect(await state('paused')).toEqual(['queued']);
			const page = await subject.jobs.queryJobs({ state: 'completed', limit: 1 });
			expect(page).toMatchObject({ total: 2, jobs: [{ state: 'completed' }] });
			const overview = await subject.jobs.getJobsOverview();
			expect(overview.find(({ name }) => name === 'queued')).toEqual({
				...{ name: 'queued', total: 2, queued: 1, scheduled: 1, paused: 1 },
				...{ running: 0, completed: 0, failed: 0, repeating: 0 },
			});
		});

		it('leaves disabled jobs out only when asked to', async () => {
			await saveAll(subject.jobs, { name: 'on' }, { name: 'off', disabled: true });
			expect(await names({})).toHaveLength(2);
			expect(await names({ includeDisabled: true })).toHaveLength(2);
			expect(await names({ includeDisabled: false })).toEqual(['on']);
		});

		it('knows the names in use and how many jobs are due', async () => {
			expect(await subject.jobs.getDistinctJobNames()).toEqual([]);
			expect(await subject.jobs.getQueueSize()).toBe(0);
			const [past, future] = [fromNow(-1000), fromNow(60_000)];
			await saveAll(
				subject.jobs,
				{ name: 'b', nextRunAt: past },
				{ name: 'a', nextRunAt: future },
				{ name: 'b', nextRunAt: past },
				{ name: 'c', nextRunAt: null },
			);
			expect(await subject.jobs.getDistinctJobNames()).toEqual(['a', 'b', 'c']);
			expect(await subject.jobs.getQueueSize()).toBe(2);
		});
	});

	describe('removing, disabling and enabling', () => {
		const left = async () => (await names({ sort: { name: 'asc' } })).join('');
		const seed = async () =>
			saveAll(
				subject.jobs,
				{ name: 'a', data: { k: 1 } },
				{ name: 'b', data: { k: 1, l: 2 } },
				{ name: 'c', data: { k: 2 } },
				{ name: 'c' },
			);

		it.each<[string, (ids: string[]) => object, string]>([
			['an id', ([a]) => ({ id: a }), 'bcc'],
			['ids', ([a, b]) => ({ ids: [a, b] }), 'cc'],
			['a name', () => ({ name: 'c' }), 'ab'],
			['names', () => ({ names: ['a', 'c'] }), 'b'],
			['names that stay', () => ({ notNames: ['a', 'b'] }), 'ab'],
			['a part of the data', () => ({ data: { k: 1 } }), 'cc'],
			['several conditions, all of them', () => ({ name: 'b', data: { k: 1 } }), 'acc'],
			['what nobody has', () => ({ name: 'none' }), 'abcc'],
			['no ids', () => ({ ids: [], name: 'a' }), 'abcc'],
			['nothing at all', () => ({}), 'abcc'],
			['only undefined', () => ({ id: undefined, notNames: [] }), 'abcc'],
			['a trick', () => ({ name: `x' OR 1=1 --`, ids: [`') OR 1=1 --`] }), 'abcc'],
		])('removes by %s', async (_, options, expected) => {
			const ids = await seed();
			const removed = await subject.jobs.removeJobs(options(ids));
			expect(await left()).toBe(expected);
			expect(removed).toBe(4 - expected.length);
		});

		it('disables and enables by the same conditions and answers how many', async () => {
			const [a] = await seed();
			expect(await subject.jobs.disableJobs({ name: 'c' })).toBe(2);
			expect(await subject.jobs.disableJobs({ id: String(a) })).toBe(1);
			expect(await names({ includeDisabled: false })).toEqual(['b']);
			expect(await subject.jobs.enableJobs({ notNames: ['c'] })).toBe(2);
			expect((await subject.jobs.queryJobs({ state: 'paused' })).total).toBe(2);
			expect(await subject.jobs.disableJobs({ name: 'none' })).toBe(0);
			expect(await subject.jobs.disableJobs({})).toBe(0);
			expect(await subject.jobs.enableJobs({})).toBe(0);
		});

		it('removes all only when that is what is said', async () => {
			await seed();
			expect(await subject.jobs.purgeAllJobs()).toBe(4);
			expect(await left()).toBe('');
		});
	});
}
