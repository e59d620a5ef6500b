import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { createEgress } from '../../engine/security/egress.ts';
import type { SessionOutcome } from '../../engine/sessions/session.port.ts';
import { createSqlSession } from '../../engine/sessions/sql/sql-session.ts';
import { exerciseSession } from '../conformance/sessions.ts';
import { resultRows, sessionCall } from '../support/session-call.ts';
import type { CallOptions } from '../support/session-call.ts';
import { startPostgres } from './postgres.ts';
import type { DatabaseServer } from './postgres.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false });
const adapter = createSqlSession({ egress, sqliteRoots: [] });
const starting = startPostgres();
const connected = starting.then(async ({ port }) => {
	const client = new pg.Client({
		host: '127.0.0.1',
		port,
		user: 'postgres',
		password: 'secret',
		database: 'postgres',
	});
	await client.connect();
	await client.query(
		`CREATE TABLE t (n int, text text); INSERT INTO t VALUES (1, 'ä'), (2, NULL); CREATE SEQUENCE s`,
	);
	return client;
});
const settingsOf = ({ port }: DatabaseServer): object => ({
	driver: 'postgres',
	url: `postgres://postgres@127.0.0.1:${port}/postgres`,
	password: 'secret',
});

exerciseSession('sql on PostgreSQL', async () => {
	const settings = settingsOf(await starting);
	const client = await connected;
	const query = (sql: string): CallOptions => ({ settings, actionSettings: { sql } });
	return {
		adapter,
		rows: query('SELECT n, text FROM t ORDER BY n'),
		empty: query('SELECT n FROM t WHERE n > 9'),
		failure: query('SELECT nothing FROM t'),
		endless: query('SELECT pg_sleep(60)'),
		large: query("SELECT n, 'some text' AS text FROM generate_series(1, 200000) n"),
		async occupied() {
			const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'capscheduler'`;
			const { rows } = await client.query<{ n: number }>(sql);
			return rows[0]?.n ?? 0;
		},
		close: async () => undefined,
	};
});

describe('a PostgreSQL query', () => {
	let settings: object;
	const invoke = (
		sql: string,
		names: string[] = [],
		parameters: CallOptions['parameters'] = {},
	): Promise<SessionOutcome> =>
		adapter.invoke(
			sessionCall(adapter, { settings, parameters, actionSettings: { sql, parameters: names } }),
		);

	beforeAll(async () => {
		settings = settingsOf(await starting);
		await connected;
	});
	afterAll(async () => {
		await connected.then((client) => client.end()).catch(() => undefined);
		await (await starting).stop();
	});

	it('gives exact values of every type, and tells its columns', async () => {
		const outcome =
			await invoke(`SELECT 9007199254740993 AS big, 12 AS small, 1.10::numeric(9,2) AS money, 0.1::float8 AS real,
			'NaN'::float8 AS nan, '\\x00ff0a'::bytea AS bytes, true AS yes, '{"a":\n 12345678901234567890}'::json AS doc,
			'2027-01-31 09:00:00.5+01'::timestamptz AS at, '2027-01-31 09:00'::timestamp AS local, '2027-01-31'::date AS day,
			'infinity'::timestamptz AS never, ARRAY[1,NULL,3] AS list, ARRAY[['a,b','"'],['','NULL']] AS grid, interval '1 day' AS span,
			'x'::text AS day`);
		expect(await resultRows(outcome)).toEqual([
			{
				big: '9007199254740993',
				small: 12,
				money: '1.10',
				real: 0.1,
				nan: 'NaN',
				bytes: 'AP8K',
				yes: true,
				doc: { a: Number('12345678901234567890') },
				at: '2027-01-31T08:00:00.5Z',
				local: '2027-01-31T09:00:00',
				day: '2027-01-31',
				never: 'infinity',
				list: [1, null, 3],
				grid: [
					['a,b', '"'],
					['', 'NULL'],
				],
				span: 'P1D',
				day_2: 'x',
			},
		]);
		if (outcome.kind === 'result')
			expect(outcome.body.columns?.[0]).toEqual({ name: 'big', type: 'bigint' });
	});

	it('binds values, and never reads them as SQL', async () => {
		const outcome = await invoke(
			'SELECT $1 AS text, n FROM t WHERE n = ANY($2::int[])',
			['text', 'list'],
			{
				text: "'; DROP TABLE t; --",
				list: [2, 3],
			},
		);
		expect(await resultRows(outcome)).toEqual([{ text: "'; DROP TABLE t; --", n: 2 }]);
	});

	it.each([
		"SELECT nextval('s')",
		"WITH x AS (INSERT INTO t VALUES (9, 'x') RETURNING n) SELECT n FROM x",
		"SELECT set_config('transaction_read_only', 'off', false), nextval('s')",
		'SELECT 1; DELETE FROM t',
	])('changes nothing: %s', async (sql) => {
		expect(await invoke(sql)).toMatchObject({
			failure: { code: expect.stringMatching(/CAPABILITY_FAILED|BINDING/), retry: 'never' },
		});
		expect((await (await connected).query('SELECT count(*)::int AS n FROM t')).rows).toEqual([
			{ n: 2 },
		]);
	});

	it('with a wrong password fails for good, without showing it', async () => {
		settings = { ...settings, password: 'wrong-canary' };
		const outcome = await invoke('SELECT 1');
		settings = settingsOf(await starting);
		expect(outcome).toMatchObject({ failure: { code: 'CAPABILITY_FAILED', retry: 'never' } });
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});

	it('with TLS demanded goes nowhere without it', async () => {
		settings = { ...settings, tls: true };
		const outcome = await invoke('SELECT 1');
		settings = settingsOf(await starting);
		expect(outcome).toMatchObject({
			failure: { code: 'TARGET_UNREACHABLE', message: expect.stringContaining('SSL') },
		});
	});
});
