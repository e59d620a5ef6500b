import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createEgress } from '../../../engine/security/egress.ts';
import type { SessionOutcome } from '../../../engine/sessions/session.port.ts';
import { createSqlSession } from '../../../engine/sessions/sql/sql-session.ts';
import { exerciseSession } from '../../conformance/sessions.ts';
import { resultRows, sessionCall } from '../../support/session-call.ts';
import type { CallOptions } from '../../support/session-call.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false });
const COUNT = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c';

async function makeDatabase(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-sqlite-'));
	await mkdir(join(folder, 'allowed'));
	for (const place of ['allowed/shop.db', 'secret.db']) {
		const database = new DatabaseSync(join(folder, place));
		database.exec(
			`CREATE TABLE t (n INTEGER, text TEXT); INSERT INTO t VALUES (1, 'ä'), (2, NULL);
			CREATE TABLE odd (big INTEGER, real REAL, blob BLOB, doc JSON);
			INSERT INTO odd VALUES (9007199254740993, 0.1, x'00ff0a', '{"a": [1]}')`,
		);
		database.close();
	}
	return folder;
}

exerciseSession('sql on SQLite', async () => {
	const folder = await makeDatabase();
	const adapter = createSqlSession({ egress, sqliteRoots: [join(folder, 'allowed')] });
	const settings = { driver: 'sqlite', file: 'shop.db' };
	const query = (sql: string): CallOptions => ({ settings, actionSettings: { sql } });
	return {
		adapter,
		rows: query('SELECT n, text FROM t ORDER BY n'),
		empty: query('SELECT n FROM t WHERE n > 9'),
		failure: query('SELECT nothing FROM t'),
		endless: query(`${COUNT}) SELECT count(*) FROM c`),
		large: query(`${COUNT} LIMIT 100000) SELECT n, 'some text' AS text FROM c`),
		occupied: () => 0,
		close: () => rm(folder, { recursive: true }),
	};
});

describe('a SQLite query', () => {
	let folder: string;
	let adapter: ReturnType<typeof createSqlSession>;
	const settings = { driver: 'sqlite', file: 'shop.db' };
	const invoke = (
		sql: string,
		more: Partial<CallOptions> & { names?: string[] } = {},
	): Promise<SessionOutcome> =>
		adapter.invoke(
			sessionCall(adapter, {
				settings,
				...more,
				actionSettings: { sql, parameters: more.names ?? [] },
			}),
		);

	beforeAll(async () => {
		folder = await makeDatabase();
		adapter = createSqlSession({ egress, sqliteRoots: [join(folder, 'allowed')] });
	});
	afterAll(async () => {
		await adapter.close?.();
		await rm(folder, { recursive: true });
	});

	it('gives exact values of every type, and tells its columns', async () => {
		const outcome = await invoke('SELECT *, 1 AS big FROM odd');
		expect(await resultRows(outcome)).toEqual([
			{ big: '9007199254740993', real: 0.1, blob: 'AP8K', doc: { a: [1] }, big_2: 1 },
		]);
		expect(outcome).toMatchObject({
			body: {
				columns: [{ name: 'big', type: 'integer' }, {}, {}, { name: 'doc', type: 'json' }, {}],
			},
		});
	});

	it('binds values by position and by name, and never reads them as SQL', async () => {
		const parameters = { text: "ä' OR 1=1 --", n: 2, yes: true, list: [1, 2] };
		const byPosition = await invoke('SELECT n FROM t WHERE n = ? AND ? OR text = ?', {
			names: ['n', 'yes', 'text'],
			parameters,
		});
		expect(await resultRows(byPosition)).toEqual([{ n: 2 }]);
		const byName = await invoke(
			'SELECT :text AS text, n FROM t WHERE n = :n AND n IN (SELECT value FROM json_each(:list))',
			{ names: ['n', 'list', 'text'], parameters },
		);
		expect(await resultRows(byName)).toEqual([{ n: 2, text: "ä' OR 1=1 --" }]);
	});

	it('needs all its parameters', async () => {
		const outcome = await invoke('SELECT ?', { names: ['region'], parameters: {} });
		expect(outcome).toMatchObject({
			failure: {
				code: 'INVALID_PARAMETERS',
				retry: 'never',
				message: expect.stringContaining('parameters.region'),
			},
		});
	});

	it.each([
		"ATTACH 'secret.db' AS s",
		'DELETE FROM t',
		'PRAGMA query_only = 0',
		'SELECT 1; DELETE FROM t',
		'VACUUM INTO "x"',
		'-- only a comment',
	])('is refused when it does anything but read: %s', async (sql) => {
		const actions = { a: { binding: { sql, parameters: [] } } };
		const parsed = adapter.settings.parse(settings);
		await expect(adapter.check(parsed, actions)).rejects.toMatchObject({ code: 'BINDING_INVALID' });
	});

	it.each([
		'WITH x AS (SELECT 1) DELETE FROM t',
		"SELECT load_extension('x')",
		'EXPLAIN DELETE FROM t',
		'SELECT * FROM pragma_database_list',
	])('is stopped by the database when it gets so far: %s', async (sql) => {
		expect(await invoke(sql)).toMatchObject({
			failure: { code: 'CAPABILITY_FAILED', retry: 'never' },
		});
		expect(await resultRows(await invoke('SELECT count(*) AS n FROM t'))).toEqual([{ n: 2 }]);
	});

	it.each(['../secret.db', '../missing.db', '/etc/passwd', 'link.db', '.'])(
		'reads no file outside the allowed folders: %s',
		async (file) => {
			await symlink(join(folder, 'secret.db'), join(folder, 'allowed/link.db')).catch(
				() => undefined,
			);
			const parsed = adapter.settings.parse({ driver: 'sqlite', file });
			await expect(adapter.check(parsed, {})).rejects.toMatchObject({
				code: 'FILE_ROOT_FORBIDDEN',
			});
			expect(await invoke('SELECT 1', { settings: { driver: 'sqlite', file } })).toMatchObject({
				failure: { code: 'FILE_ROOT_FORBIDDEN' },
			});
		},
	);

	it('says of a file in an allowed folder that it does not exist', async () => {
		const parsed = adapter.settings.parse({ driver: 'sqlite', file: 'missing.db' });
		const message = 'binding.file: expected a database file that exists, got "missing.db"';
		await expect(adapter.check(parsed, {})).rejects.toMatchObject({
			code: 'BINDING_INVALID',
			message: expect.stringContaining(message),
		});
	});

	it('on a file that is no database fails for good', async () => {
		await writeFile(
			join(folder, 'allowed/text.db'),
			'no database, but long enough to look at it. '.repeat(50),
		);
		const outcome = await invoke('SELECT * FROM t', {
			settings: { driver: 'sqlite', file: 'text.db' },
		});
		expect(outcome).toMatchObject({ failure: { code: 'CAPABILITY_FAILED', retry: 'never' } });
	});

	it('waits its turn when many come at once', async () => {
		const all = await Promise.all(
			Array.from({ length: 12 }, async (_, n) =>
				resultRows(await invoke('SELECT ? AS n', { names: ['n'], parameters: { n } })),
			),
		);
		expect(all.flat()).toEqual(Array.from({ length: 12 }, (_, n) => ({ n })));
	});
});

describe('the placeholders of a statement', () => {
	const adapter = createSqlSession({ egress, sqliteRoots: [] });
	const check = (driver: string, sql: string, parameters: string[]): Promise<void> =>
		adapter.check(adapter.settings.parse({ driver, host: 'localhost', database: 'd', user: 'u' }), {
			a: { binding: { sql, parameters } },
		});

	it.each([
		['postgres', "SELECT '?', $1::text, $$ $9 $$, E'\\'$8' /* /* $7 */ $6 */ -- $5", ['a']],
		['postgres', 'WITH a AS (SELECT 1) SELECT * FROM a WHERE x = $2 AND y = $1', ['a', 'b']],
		['mysql', "SELECT '?\\'?' , `?`, ? # ?", ['a']],
	])('are counted outside of strings and comments (%s: %s)', async (driver, sql, parameters) => {
		await expect(check(driver, sql, parameters)).resolves.toBeUndefined();
		await expect(check(driver, sql, [...parameters, 'more'])).rejects.toMatchObject({
			code: 'BINDING_INVALID',
		});
	});

	it.each([
		"SELECT 1 INTO OUTFILE '/tmp/x'",
		"SELECT LOAD_FILE('/etc/passwd')",
		'SELECT 1 /*!50000 INTO OUTFILE */',
		'SELECT 1 /*M! x */',
	])('are not looked at where MySQL would touch files: %s', async (sql) => {
		await expect(check('mysql', sql, [])).rejects.toMatchObject({ code: 'BINDING_INVALID' });
	});

	it.each([
		{ driver: 'postgres', url: 'postgres://u:secret@h/d' },
		{ driver: 'postgres', url: 'mysql://u@h/d' },
		{ driver: 'postgres', url: 'postgres://u@h/d?sslmode=disable' },
		{ driver: 'postgres', url: 'postgres://u@h/d', host: 'x' },
		{ driver: 'mysql', host: 'x' },
		{ driver: 'sqlite', file: 'a', host: 'x' },
		{ driver: 'oracle' },
	])('belong to settings that are right: %j is not', (settings) => {
		expect(adapter.settings.safeParse(settings).success).toBe(false);
	});
});
