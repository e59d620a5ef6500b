import { afterAll, beforeAll, describe } from '@jest/globals';

import { exerciseStore } from '../conformance/store.ts';
import type { Spoilt } from '../conformance/store-repair.ts';
import { emptySchema, newSchema, openPostgresStore, runSql } from '../support/postgres-store.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

const SPOILS: Record<Spoilt, string> = {
	schedules_paused: `UPDATE schedules SET state = 'paused';
		UPDATE tallies SET state = 'paused' WHERE kind = 'schedule'`,
	runs_gone: `DELETE FROM runs; DELETE FROM tallies WHERE kind = 'run'`,
	leases_endless: 'UPDATE runs SET leaseUntil = NULL',
	deadlines_gone: 'UPDATE runs SET deadlineAt = NULL',
	sums_wrong: 'UPDATE tallies SET count = count + 1; DELETE FROM keyed_runs',
};

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
		const others: (() => Promise<void>)[] = [];
		return {
			store,
			async another() {
				const other = await openPostgresStore(server.port, clock, { schema });
				others.push(other.close);
				return other.store;
			},
			async loseTimers() {
				await runSql(server.port, `DELETE FROM ${schema}.agenda_jobs`);
			},
			async spoil(what) {
				await runSql(server.port, `SET search_path = ${schema}; ${SPOILS[what]}`);
			},
			async close() {
				await Promise.all([close(), ...others.map(async (end) => end())]);
				await emptySchema(server.port, schema);
			},
		};
	});
});
