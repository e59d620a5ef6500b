import { beforeEach, describe, expect, it } from '@jest/globals';
import type { JobLogEntry, JobLogger, JobLogQuery } from 'agenda';

import type { Subject } from './agenda-backend.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2030, 0, 1, 12, 0, seconds));

export function describeLogger(subject: Subject): void {
	describe('the log of jobs', () => {
		let logger: JobLogger;
		const log = async (entry: Partial<JobLogEntry>) => {
			await logger.log({
				timestamp: at(0),
				level: 'info',
				event: 'start',
				jobName: 'report',
				message: 'job started',
				...entry,
			});
		};
		const messages = async (query?: JobLogQuery) =>
			(await logger.getLogs(query)).entries.map(({ message }) => message).join('');

		beforeEach(async () => {
			if (!subject.backend.logger) throw new Error('expected a backend with a logger');
			logger = subject.backend.logger;
			await logger.clearLogs();
		});

		it('keeps every field of an entry, and none that was not given', async () => {
			const entry: Omit<JobLogEntry, '_id'> = {
				timestamp: at(1),
				level: 'warn',
				event: 'retry:exhausted',
				jobId: 'job 1',
				jobName: 'report',
				message: 'no more',
				duration: 1500,
				error: 'it broke',
				failCount: 3,
				retryDelay: 5000,
				retryAttempt: 2,
				agendaName: 'me',
				meta: { any: { thing: [1, null] } },
			};
			await logger.log(entry);
			await log({});
			const { entries, total } = await logger.getLogs();
			expect(total).toBe(2);
			expect(entries[0]).toEqual({ ...entry, _id: expect.any(String) });
			expect(Object.keys(entries[1] ?? {}).toSorted()).toEqual(
				['_id', 'event', 'jobName', 'level', 'message', 'timestamp'].toSorted(),
			);
		});

		describe('with entries', () => {
			beforeEach(async () => {
				await log({ message: 'a', timestamp: at(0), jobName: 'one', jobId: '1' });
				await log({ message: 'b', timestamp: at(1), jobName: 'one', jobId: '1', event: 'success' });
				await log({ message: 'c', timestamp: at(2), jobName: 'two', jobId: '2', level: 'error' });
				await log({
					message: 'd',
					timestamp: at(3),
					jobName: 'two',
					jobId: '3',
					event: 'fail',
					level: 'error',
				});
				await log({
					message: 'e',
					timestamp: at(4),
					jobName: 'two',
					jobId: '3',
					event: 'retry',
					level: 'warn',
				});
			});

			it.each<[string, JobLogQuery, string]>([
				['nothing, latest first', {}, 'edcba'],
				['nothing, earliest first', { sort: 'asc' }, 'abcde'],
				['a name', { jobName: 'one' }, 'ba'],
				['an id', { jobId: '3' }, 'ed'],
				['a level', { level: 'error' }, 'dc'],
				['levels', { level: ['error', 'warn'] }, 'edc'],
				['an event', { event: 'fail' }, 'd'],
				['events', { event: ['fail', 'success'] }, 'db'],
				['a time, inclusive', { from: at(3) }, 'ed'],
				['until a time, inclusive', { to: at(1) }, 'ba'],
				['a span and a name', { from: at(1), to: at(3), jobName: 'two' }, 'dc'],
				['a page', { limit: 2, offset: 1, sort: 'asc' }, 'bc'],
				['what is not there', { jobName: `x' OR 1=1 --` }, ''],
			])('finds by %s', async (_, query, expected) => {
				expect(await messages(query)).toBe(expected);
			});

			it('counts all that match, whatever the page', async () => {
				expect((await logger.getLogs({ jobName: 'two', limit: 1 })).total).toBe(3);
			});

			it('clears what matches, and everything when nothing is said', async () => {
				expect(await logger.clearLogs({ jobName: 'none' })).toBe(0);
				expect(await logger.clearLogs({ jobName: 'one' })).toBe(2);
				expect(await messages()).toBe('edc');
				expect(await logger.clearLogs()).toBe(3);
				expect(await messages()).toBe('');
			});

			it('answers fifty entries unless asked for more', async () => {
				for (let i = 0; i < 50; i++) await log({});
				const { entries, total } = await logger.getLogs();
				expect([entries.length, total]).toEqual([50, 55]);
			});
		});
	});
}
