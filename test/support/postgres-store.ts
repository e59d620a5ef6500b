import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import type { Clock } from '../../engine/clock.ts';
import { noFaults } from '../../engine/faults.ts';
import type { PostgresStore, PostgresStoreOptions } from '../../engine/stores/postgres/store.ts';
import { createPostgresStore } from '../../engine/stores/postgres/store.ts';

export const urlOf = (port: number, schema?: string): string =>
	`postgres://postgres:secret@127.0.0.1:${port}/postgres${schema === undefined ? '' : `?schema=${schema}`}`;

let schemas = 0;

/** A schema of its own for each test. */
export function newSchema(): string {
	return `test_${process.pid}_${schemas++}`;
}

/** Runs statements beside the store. */
export async function runSql(
	port: number,
	sql: string,
	values: unknown[] = [],
): Promise<unknown[]> {
	const client = new pg.Client({ connectionString: urlOf(port) });
	await client.connect();
	try {
		return (await client.query(sql, values)).rows as unknown[];
	} finally {
		await client.end();
	}
}

/** Empties every table but that of the version: faster than a schema of its own for each of many tests. */
export async function emptySchema(port: number, schema: string): Promise<void> {
	const tables = (await runSql(
		port,
		`SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS names FROM pg_tables
		WHERE schemaname = $1 AND tablename <> 'schema_version'`,
		[schema],
	)) as { names: string }[];
	await runSql(port, `TRUNCATE ${tables[0]?.names ?? ''} RESTART IDENTITY`);
}

/** An open store on a schema, which `close` does not remove. */
export async function openPostgresStore(
	port: number,
	clock: Clock,
	options: Partial<PostgresStoreOptions> & { schema: string },
): Promise<{ store: PostgresStore; close(): Promise<void> }> {
	const { schema, ...rest } = options;
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-pg-store-'));
	const url = urlOf(port, schema);
	const store = createPostgresStore({ url, folder, clock, faults: noFaults, ...rest });
	await store.open();
	return {
		store,
		async close() {
			await store.close();
			await rm(folder, { recursive: true, force: true });
		},
	};
}
