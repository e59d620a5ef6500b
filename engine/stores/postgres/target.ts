import pg from 'pg';

import { inputError } from '../../contract/errors.ts';

/** Where the database is, and how to get in. */
export interface ConnectTarget {
	config: pg.ClientConfig;
	/** All tables are in it, so that a database can be shared, with n8n for example. */
	schema: string;
	/** `postgres://host:port/database`, for messages: nothing secret. */
	name: string;
}

const DEFAULT_SCHEMA = 'capscheduler';
/** Becomes a part of statements and of connection options. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,49}$/;

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…&schema=…`.
 * @throws CapError INVALID_REQUEST that shows nothing of it but what is wrong
 */
export function parseTarget(url: string): ConnectTarget {
	const wrong = (expected: string, received: string): Error =>
		inputError('INVALID_REQUEST', { path: 'CAPSCHEDULER_STORE', expected, received });
	let taken: Record<'schema' | 'options' | 'application_name', string | null>;
	let connectionString: string;
	let name: string;
	try {
		const read = new URL(url);
		const take = (key: string): string | null => {
			const value = read.searchParams.get(key);
			read.searchParams.delete(key);
			return value;
		};
		// What a connection string says would hide what is set beside it.
		taken = {
			schema: take('schema'),
			options: take('options'),
			application_name: take('application_name'),
		};
		connectionString = read.href;
		const { host, port, database } = new pg.Client({ connectionString });
		name = `postgres://${host}:${port}/${database ?? ''}`;
	} catch {
		// What a parser says quotes what it was given, the password too.
		throw wrong('postgres://user:password@host:port/database', 'something that cannot be read');
	}
	const schema = taken.schema ?? DEFAULT_SCHEMA;
	if (!SCHEMA.test(schema)) {
		throw wrong('a schema of lower case letters, digits and _, 50 at most', schema.slice(0, 60));
	}
	const config: pg.ClientConfig = { connectionString };
	if (taken.options !== null) config.options = taken.options;
	if (taken.application_name !== null) config.application_name = taken.application_name;
	return { config, schema, name };
}
