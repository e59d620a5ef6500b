import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';

import { createEgress } from '../../engine/security/egress.ts';
import type { SessionOutcome } from '../../engine/sessions/session.port.ts';
import { createSqlSession } from '../../engine/sessions/sql/sql-session.ts';
import { exerciseSession } from '../conformance/sessions.ts';
import { resultRows, sessionCall } from '../support/session-call.ts';
import type { CallOptions } from '../support/session-call.ts';
import { startMariadb } from './mariadb.ts';
import type { DatabaseServer } from './postgres.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false });
const adapter = createSqlSession({ egress, sqliteRoots: [] });
const starting = startMariadb();
const connected = starting.then(async ({ port }) => {
	const client = await createConnection({
		host: '127.0.0.1',
		port,
		user: 'cap',
		password: 'secret',
		database: 'shop',
	});
	await client.query('CREATE TABLE t (n int, text varchar(20) CHARACTER SET utf8mb4)');
	await client.query("INSERT INTO t VALUES (1, 'ä'), (2, NULL)");
	return client;
});
const settingsOf = ({ port }: DatabaseServer): object => ({
	driver: 'mysql',
	url: `mysql://cap@127.0.0.1:${port}/shop`,
	password: 'secret',
});

exerciseSession('sql on MariaDB', async () => {
	const settings = settingsOf(await starting);
	const client = await connected;
	const query = (sql: string): CallOptions => ({ settings, actionSettings: { sql } });
	return {
		adapter,
		rows: query('SELECT n, text FROM t ORDER BY n'),
		empty: query('SELECT n FROM t WHERE n > 9'),
		failure: query('SELECT nothing FROM t'),
		endless: query('SELECT SLEEP(60)'),
		large: query("SELECT seq AS n, 'some text' AS text FROM seq_1_to_200000"),
		async occupied() {
			const [rows] = await client.query(
				'SELECT count(*) - 1 AS n FROM information_schema.processlist WHERE user = ?',
				['cap'],
			);
			return Number((rows as { n: number }[])[0]?.n);
		},
		close: async () => undefined,
	};
});

describe('a MySQL query', () => {
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

	it('gives exact values of every type', async () => {
		const outcome =
			await invoke(`SELECT 9007199254740993 AS big, 12 AS small, CAST(1.10 AS DECIMAL(9,2)) AS money, 0.1e0 AS r,
			x'00ff0a' AS bytes, b'101' AS bits, CAST('2027-01-31 09:00:00' AS DATETIME) AS local, DATE '2027-01-31' AS day,
			FROM_UNIXTIME(0) AS zero, 'x' AS day`);
		expect(await resultRows(outcome)).toMatchObject([
			{
				big: '9007199254740993',
				small: 12,
				money: '1.10',
				r: 0.1,
				bytes: 'AP8K',
				local: '2027-01-31T09:00:00',
				day: '2027-01-31',
				zero: '1970-01-01T00:00:00',
				day_2: 'x',
			},
		]);
	});

	it('binds values, and never reads them as SQL', async () => {
		const names = ['text', 'n', 'limit'];
		const parameters = { text: "'; DROP TABLE t; -- \\", n: 2, limit: 1 };
		const outcome = await invoke(
			'SELECT ? AS text, n FROM t WHERE n = ? LIMIT ?',
			names,
			parameters,
		);
		expect(await resultRows(outcome)).toEqual([{ text: parameters.text, n: 2 }]);
	});

	it.each(['SELECT NEXTVAL(s)', 'SELECT 1; DELETE FROM t', 'WITH x AS (SELECT 1) DELETE FROM t'])(
		'changes nothing: %s',
		async (sql) => {
			await (await connected).query('CREATE SEQUENCE IF NOT EXISTS s');
			expect(await invoke(sql)).toMatchObject({ failure: { retry: 'never' } });
			const [rows] = await (await connected).query('SELECT count(*) AS n FROM t');
			expect(rows).toMatchObject([{ n: 2 }]);
		},
	);

	it('with a wrong password fails for good, without showing it', async () => {
		settings = { ...settings, password: 'wrong-canary' };
		const outcome = await invoke('SELECT 1');
		settings = settingsOf(await starting);
		expect(outcome).toMatchObject({ failure: { code: 'CAPABILITY_FAILED', retry: 'never' } });
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});
});
