import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from '@jest/globals';

import type { PostgresServer } from '../servers/postgres.ts';
import { startPostgres } from '../servers/postgres.ts';
import { killEngines } from './engine-process.ts';
import type { Oracle } from './oracle-run.ts';
import { startOracle } from './oracle-run.ts';
import { urlOf } from './postgres-store.ts';
import { sharedSettings } from './shared-engines.ts';

/** What tests of engines on PostgreSQL need; there from the first test of a file to its last. */
export interface PostgresBed {
	readonly server: PostgresServer;
	readonly oracle: Oracle;
	/** Of engines that share a schema. */
	settings(schema: string): Record<string, string>;
}

/** @param options.durable false where a test asks for nothing that a loss of power could take: much faster */
export function usePostgresBed(options: { durable: boolean }): PostgresBed {
	let server: PostgresServer;
	let folder: string;
	let oracle: Oracle;
	beforeAll(async () => {
		server = await startPostgres(options);
		folder = await mkdtemp(join(tmpdir(), 'cap-pg-engines-'));
		oracle = await startOracle();
	}, 120_000);
	afterAll(async () => {
		await killEngines();
		await oracle.close();
		await server.stop();
		await rm(folder, { recursive: true, force: true });
	});
	return {
		get server() {
			return server;
		},
		get oracle() {
			return oracle;
		},
		settings: (schema) => sharedSettings(folder, urlOf(server.port, schema)),
	};
}
