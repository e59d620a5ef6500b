import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresBackend } from '@agendajs/postgres-backend';
import pg from 'pg';

import { createPostgresAgendaBackend } from '../../engine/stores/postgres/agenda-backend.ts';
import { createDatabase } from '../../engine/stores/postgres/database.ts';
import type { Database } from '../../engine/stores/postgres/database.ts';
import { migrate } from '../../engine/stores/postgres/schema.ts';
import { parseTarget } from '../../engine/stores/postgres/target.ts';
import { describeAgendaBackend, fromNow, job } from '../conformance/agenda-backend.ts';
import { emptySchema, newSchema, urlOf } from '../support/postgres-store.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

const schema = newSchema();
let server: DatabaseServer;

beforeAll(async () => {
	server = await startPostgres({ durable: false });
	const target = parseTarget(urlOf(server.port, schema));
	await migrate(createDatabase(target), schema);
});
afterAll(async () => {
	await server.stop();
});

function open(): Database {
	const database = createDatabase(parseTarget(urlOf(server.port, schema)));
	database.open();
	return database;
}

/** Every backend has connections of its own to the same database, as engines in other processes would. */
describeAgendaBackend('PostgreSQL', async () => {
	const databases: Database[] = [];
	return Promise.resolve({
		backend() {
			const db = open();
			databases.push(db);
			return createPostgresAgendaBackend({ db, now: Date.now, ahead: () => 0 });
		},
		async close() {
			for (const database of databases) await database.close();
			await emptySchema(server.port, schema);
		},
	});
});

describe('the Agenda backend beside that of @agendajs/postgres-backend', () => {
	let db: Database;
	let pool: pg.Pool;

	beforeAll(() => {
		db = open();
		pool = new pg.Pool({
			connectionString: urlOf(server.port),
			options: `-c search_path=${schema}`,
		});
	});
	afterAll(async () => {
		await pool.end();
		await db.close();
	});

	it('reads the jobs that one writes in the other, and takes each once', async () => {
		const ours = createPostgresAgendaBackend({ db, now: Date.now, ahead: () => 0 }).repository;
		const theirs = new PostgresBackend({ pool, disableNotifications: true });
		await theirs.connect();
		const saved = await theirs.repository.saveJob(
			job({ name: 'theirs', data: { a: [1] }, repeatInterval: 90_000 }),
			undefined,
		);
		expect(await ours.getJobById(String(saved._id))).toMatchObject({
			name: 'theirs',
			data: { a: [1] },
			repeatInterval: 90_000,
		});
		const own = await ours.saveJob(job({ name: 'ours', data: { b: 2 } }), undefined);
		const read = await theirs.repository.getJobById(String(own._id));
		expect(read).toMatchObject({ name: 'ours', data: { b: 2 }, nextRunAt: own.nextRunAt });
		const take = async (repository: typeof ours) =>
			repository.getNextJobToRun('ours', fromNow(1000), fromNow(-1000), undefined, undefined);
		const taken = await Promise.all([take(ours), take(theirs.repository)]);
		expect(taken.filter((one) => one !== undefined)).toHaveLength(1);
	});

	it('keeps instants by the clock of the database', async () => {
		const slow = createPostgresAgendaBackend({
			db,
			now: () => Date.now() - 1_800_000,
			ahead: () => 1_800_000,
		}).repository;
		const right = createPostgresAgendaBackend({ db, now: Date.now, ahead: () => 0 }).repository;
		const at = fromNow(5000 - 1_800_000);
		const saved = await slow.saveJob(job({ name: 'slow', nextRunAt: at }), undefined);
		expect(saved.nextRunAt).toEqual(at);
		const read = await right.getJobById(String(saved._id));
		expect(read?.nextRunAt).toEqual(new Date(at.getTime() + 1_800_000));
	});
});
