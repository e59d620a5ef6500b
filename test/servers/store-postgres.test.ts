import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import { exerciseStore } from '../conformance/store.ts';
import { SPOILS } from '../conformance/store-repair.ts';
import { testClock } from '../support/store-records.ts';
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

	it('repairs any number of rows by statements that each see to at most 1,000', async () => {
		const own = newSchema();
		const { store, close } = await openPostgresStore(server.port, systemClock, { schema: own });
		try {
			await runSql(
				server.port,
				`SET search_path = ${own};
				INSERT INTO run_attempts (runId, epoch, attempt, startedAt, endedAt, outcome)
					SELECT 'run_gone' || n, 1, 1, 0, 0, 'failed' FROM generate_series(1, 2500) n;
				INSERT INTO delivery_attempts (deliveryId, epoch, attempt, startedAt, endedAt, outcome)
					VALUES ('dlv_gone', 1, 1, 0, 0, 'failed');
				CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF (SELECT count(*) FROM gone) > 1000 THEN RAISE EXCEPTION 'too many at once'; END IF;
					RETURN NULL;
				END $$;
				CREATE TRIGGER refuse_many AFTER DELETE ON run_attempts REFERENCING OLD TABLE AS gone
					FOR EACH STATEMENT EXECUTE FUNCTION refuse_many()`,
			);
			const now = systemClock.now();
			const orphans = [{ code: 'ORPHAN', count: 2501 }];
			expect(await store.doctor(now)).toMatchObject(orphans);
			expect(await store.repair(now, 'engines')).toMatchObject(orphans);
			expect(await store.repair(now, 'engines')).toEqual([]);
		} finally {
			await close();
		}
	});

	it('repairs bytes that nobody refers to an hour after they were staged, and not while they may be needed', async () => {
		const clock = testClock();
		const { store, close } = await openPostgresStore(server.port, clock, { schema: newSchema() });
		try {
			const stage = async (): Promise<void> => {
				await store.blobs.stage(Buffer.alloc(100_000), { maxBytes: 100_000 });
			};
			await stage();
			expect(await store.repair(clock.at, 'engines')).toEqual([]);
			clock.at += 3_600_001;
			await stage();
			expect(await store.repair(clock.at, 'engines')).toEqual([]);
			clock.at += 3_600_001;
			const removed = [{ code: 'BLOB_UNREFERENCED', count: 1 }];
			expect(await store.repair(clock.at, 'engines')).toMatchObject(removed);
			expect(await store.repair(clock.at, 'engines')).toEqual([]);
		} finally {
			await close();
		}
	});
});
