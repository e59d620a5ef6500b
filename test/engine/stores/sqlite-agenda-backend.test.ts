import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgendaBackend } from 'agenda';

import { systemClock } from '../../../engine/clock.ts';
import {
	createSqliteAgendaBackend,
	openSqliteAgendaBackend,
} from '../../../engine/stores/sqlite/agenda-backend.ts';
import { createDatabase } from '../../../engine/stores/sqlite/database.ts';
import type { Database } from '../../../engine/stores/sqlite/database.ts';
import { migrate } from '../../../engine/stores/sqlite/schema.ts';
import { describeAgendaBackend, fromNow, job } from '../../conformance/agenda-backend.ts';

const folder = async (): Promise<string> => mkdtemp(join(tmpdir(), 'capscheduler-agenda-'));

function openDatabase(file: string): Database {
	const database = createDatabase(file);
	database.open();
	migrate(database);
	return database;
}

/** Every backend has a connection of its own to the same file, as engines in other processes would. */
describeAgendaBackend('SQLite', async () => {
	const directory = await folder();
	const databases: Database[] = [];
	return {
		backend() {
			const database = openDatabase(join(directory, 'jobs.db'));
			databases.push(database);
			return createSqliteAgendaBackend(database, { clock: systemClock });
		},
		async close() {
			for (const database of databases) database.close();
			await rm(directory, { recursive: true });
		},
	};
});

describe('the Agenda backend in the database of the store', () => {
	let directory: string;
	let database: Database;

	beforeEach(async () => {
		directory = await folder();
		database = openDatabase(join(directory, 'store.db'));
	});
	afterEach(async () => {
		database.close();
		await rm(directory, { recursive: true });
	});

	it('hands every write to the committer, and nothing that only reads or finds nothing to take', async () => {
		let writes = 0;
		const { repository } = createSqliteAgendaBackend(database, {
			clock: systemClock,
			async write(work) {
				writes++;
				return Promise.resolve(work());
			},
		});
		const look = async () =>
			repository.getNextJobToRun('report', new Date(), fromNow(-1000), undefined, undefined);
		await look();
		await repository.queryJobs();
		await repository.getJobsOverview();
		expect(writes).toBe(0);
		const saved = await repository.saveJob(job({ nextRunAt: fromNow(-1) }), undefined);
		expect((await look())?._id).toBe(saved._id);
		await repository.unlockJobs([String(saved._id)]);
		await repository.removeJobs({ id: String(saved._id) });
		expect(writes).toBe(4);
	});

	it('keeps nothing of a save that fails, and goes on', async () => {
		const { repository } = createSqliteAgendaBackend(database, {
			clock: systemClock,
			newId: () => 'same',
		});
		await repository.saveJob(job(), undefined);
		await expect(repository.saveJob(job({ data: 'second' }), undefined)).rejects.toThrow();
		expect((await repository.queryJobs()).jobs).toMatchObject([{ _id: 'same', data: {} }]);
		await repository.saveJobState({ ...job(), _id: 'same' as never }, undefined);
	});

	it('does not close the database when Agenda disconnects', async () => {
		const backend = createSqliteAgendaBackend(database, { clock: systemClock });
		expect(backend.ownsConnection).toBe(false);
		await backend.disconnect();
		expect(await backend.repository.getQueueSize()).toBe(0);
	});

	it('finds the next job of a name by index, however many wait', () => {
		const plan = database
			.connection()
			.prepare(
				`EXPLAIN QUERY PLAN SELECT id FROM agenda_jobs
				WHERE name = ? AND disabled = 0 AND locked_at <= ? ORDER BY next_run_at`,
			)
			.all('report', 0);
		expect(JSON.stringify(plan)).toContain('agenda_jobs_locked');
	});
});

describe('the Agenda backend on a file of its own', () => {
	let directory: string;
	let backend: AgendaBackend;

	beforeEach(async () => {
		directory = await folder();
		backend = openSqliteAgendaBackend(join(directory, 'agenda.db'), { clock: systemClock });
	});
	afterEach(async () => {
		await backend.disconnect();
		await rm(directory, { recursive: true });
	});

	it('opens it when it connects, closes it when it disconnects, and finds everything again', async () => {
		expect(backend.ownsConnection).toBe(true);
		await expect(backend.repository.getQueueSize()).rejects.toThrow('not open');
		await backend.connect();
		await backend.connect();
		const saved = await backend.repository.saveJob(job({ data: { kept: true } }), undefined);
		await backend.disconnect();
		await backend.connect();
		expect(await backend.repository.getJobById(String(saved._id))).toEqual(saved);
	});
});
