import { afterAll, beforeAll, describe } from '@jest/globals';

import { exerciseStore } from '../conformance/store.ts';
import { newSchema, openPostgresStore, runSql } from '../support/postgres-store.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

describe('the PostgreSQL store', () => {
	let server: DatabaseServer;

	beforeAll(async () => {
		server = await startPostgres();
	});
	afterAll(async () => {
		await server.stop();
	});

	exerciseStore(async (clock) => {
		const schema = newSchema();
		const { store, close } = await openPostgresStore(server.port, clock, { schema });
		return {
			store,
			async close() {
				await close();
				await runSql(server.port, `DROP SCHEMA ${schema} CASCADE`);
			},
		};
	});
});
