import { afterAll, beforeAll, describe } from '@jest/globals';

import { exerciseStore } from '../conformance/store.ts';
import { emptySchema, newSchema, openPostgresStore, runSql } from '../support/postgres-store.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

describe('the PostgreSQL store', () => {
	const schema = newSchema();
	let server: DatabaseServer;

	beforeAll(async () => {
		server = await startPostgres({ durable: false });
	});
	afterAll(async () => {
		await server.stop();
	});

	exerciseStore(async (clock) => {
		const { store, close } = await openPostgresStore(server.port, clock, { schema });
		return {
			store,
			async loseTimers() {
				await runSql(server.port, `DELETE FROM ${schema}.agenda_jobs`);
			},
			async close() {
				await close();
				await emptySchema(server.port, schema);
			},
		};
	});
});
