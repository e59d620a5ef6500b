import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createDatabaseChannel } from '../../engine/channels/database/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { CapError } from '../../engine/contract/errors.ts';
import { createRowReader } from '../../engine/formats/rows/index.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { parcelOf } from '../support/parcels.ts';
import type { Wire } from '../support/wire.ts';
import { startWire } from '../support/wire.ts';
import { startMariadb } from './mariadb.ts';
import { startPostgres } from './postgres.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createDatabaseChannel({ egress, clock: systemClock });
afterAll(async () => egress.close());

interface Bench {
	settings: Record<string, unknown>;
	port: number;
	/** One statement, as somebody else runs it. */
	query(sql: string): Promise<Record<string, unknown>[]>;
	/** A table of all types that matter, and rows as they come out of it, as text. */
	typed: { create: string; read: string };
	stop(): Promise<void>;
}

const MAKERS: Record<string, () => Promise<Bench>> = {
	async PostgreSQL() {
		const server = await startPostgres();
		const { port } = server;
		const login = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
		const client = new pg.Client({ ...login, password: 'secret' });
		await client.connect();
		return {
			settings: { driver: 'postgres', ...login, password: 'secret', tls: false },
			port,
			query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
			typed: {
				create:
					'CREATE TABLE typed (big bigint, money numeric(30,10), at timestamptz, yes boolean, doc json, list int[], "Odd "" name" text)',
				read: `SELECT big::text AS big, money::text AS money, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, yes::int AS yes, doc->>'a' AS a, "Odd "" name" AS odd FROM typed`,
			},
			async stop() {
				await client.end();
				await server.stop();
			},
		};
	},
	async MariaDB() {
		const server = await startMariadb();
		const { port } = server;
		const login = { host: '127.0.0.1', port, user: 'cap', database: 'shop' };
		const client = await createConnection({ ...login, password: 'secret' });
		return {
			settings: { driver: 'mysql', ...login, password: 'secret', tls: false },
			port,
			query: async (sql) => (await client.query(sql))[0] as Record<string, unknown>[],
			typed: {
				create:
					'CREATE TABLE typed (big bigint, money decimal(30,10), at datetime, yes boolean, doc json, list json, `Odd " name` varchar(50) CHARACTER SET utf8mb4)',
				read: `SELECT CAST(big AS char) AS big, CAST(money AS char) AS money, DATE_FORMAT(at, '%Y-%m-%d %H:%i:%s') AS at, yes, JSON_VALUE(doc, '$.a') AS a, \`Odd " name\` AS odd FROM typed`,
			},
			async stop() {
				await client.end();
				await server.stop();
			},
		};
	},
};

describe.each(Object.keys(MAKERS))('rows into a table of %s', (name) => {
	let bench: Bench;
	let wire: Wire;
	beforeAll(async () => {
		bench = await MAKERS[name]!();
		await bench.query('CREATE TABLE t (id int PRIMARY KEY, text varchar(30), load_id varchar(64))');
		await bench.query('CREATE TABLE open_t (id int, text varchar(200))');
		await bench.query(bench.typed.create);
	}, 120_000);
	beforeEach(async () => {
		wire = await startWire(bench.port);
		for (const table of ['t', 'open_t', 'typed']) await bench.query(`DELETE FROM ${table}`);
	});
	afterEach(async () => wire.close());
	afterAll(async () => bench.stop(), 60_000);

	function lines(rows: readonly (object | string)[], more: Partial<Parcel> = {}): Parcel {
		const text = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)) + '\n');
		return parcelOf(text.join(''), {
			contentType: 'application/x-ndjson',
			readRows: (bytes) => createRowReader({ encoding: 'ndjson', open: () => bytes })(),
			...more,
		});
	}
	async function send(
		parcel: Parcel,
		more: Record<string, unknown> = {},
		{ signal = new AbortController().signal, attempt = 1, timeout = 30_000 } = {},
	): Promise<SendOutcome> {
		const settings = channel.settings.parse({ ...bench.settings, table: 't', ...more });
		await channel.check(settings);
		return channel.send(channel.prepare(settings, parcel), settings, parcel, {
			signal,
			attempt,
			timeout,
		});
	}
	const inTable = async (table = 't'): Promise<number[]> =>
		(await bench.query(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => Number(id));

	it('come in one transaction, with the id of the load where it is wished', async () => {
		const parcel = lines([
			{ id: 1, text: 'ä' },
			{ text: "'; DROP TABLE t; -- \\", id: 2 },
			{ id: 3 },
		]);
		expect(await send(parcel, { loadIdColumn: 'load_id' })).toMatchObject({
			kind: 'delivered',
			receipt: {
				channel: 'database',
				size: parcel.size,
				sha256: parcel.sha256,
				remote: { rows: 3, loadId: parcel.deliveryId },
			},
		});
		expect(await bench.query('SELECT * FROM t ORDER BY id')).toEqual([
			{ id: 1, text: 'ä', load_id: parcel.deliveryId },
			{ id: 2, text: "'; DROP TABLE t; -- \\", load_id: parcel.deliveryId },
			{ id: 3, text: null, load_id: parcel.deliveryId },
		]);
	});

	it('keep every digit, instants, lists and odd names of columns', async () => {
		const row = `{"big":9007199254740993,"money":12345678901234567890.0123456789,"at":"2027-01-31T09:00:00+02:00","yes":true,"doc":{"a":"x"},"list":[1,2],"Odd":"é 🎉"}`;
		expect(
			await send(lines([row]), { table: 'typed', rename: { Odd: 'Odd " name' } }),
		).toMatchObject({
			kind: 'delivered',
		});
		expect(await bench.query(bench.typed.read)).toEqual([
			{
				big: '9007199254740993',
				money: '12345678901234567890.0123456789',
				at: '2027-01-31 07:00:00',
				yes: 1,
				a: 'x',
				odd: 'é 🎉',
			},
		]);
	});

	it('told twice are there once, also when the second is told while the first is under way', async () => {
		const parcel = lines([{ id: 1 }, { id: 2 }]);
		const table = { table: 'open_t' };
		const both = await Promise.all([send(parcel, table), send(parcel, table, { attempt: 2 })]);
		expect(both.map(({ kind }) => kind)).toEqual(['delivered', 'delivered']);
		expect(await send(parcel, table, { attempt: 3 })).toMatchObject({
			receipt: { remote: { repeated: true, rows: 2 } },
		});
		expect(await inTable('open_t')).toEqual([1, 2]);
	});

	it('are none when one of them does not fit', async () => {
		const many = Array.from({ length: 3000 }, (_, id) => ({ id }));
		const outcome = await send(lines([...many, { id: 1 }]));
		expect(outcome).toMatchObject({ kind: 'failed', code: 'TARGET_REFUSED', retry: 'never' });
		const long = await send(lines([{ id: 1, text: 'x'.repeat(40) }]));
		expect(long).toMatchObject({ kind: 'failed', code: 'TARGET_REFUSED', retry: 'never' });
		expect(await inTable()).toEqual([]);
	});

	it('must have the columns of the table, or be told to leave the others out', async () => {
		const parcel = lines([{ id: 1, unknown: 2 }]);
		expect(await send(parcel)).toMatchObject({
			code: 'TARGET_REFUSED',
			retry: 'never',
			message: expect.stringContaining('"unknown"'),
		});
		expect(await send(parcel, { extra: 'ignore' })).toMatchObject({ kind: 'delivered' });
		expect(await send(lines([{ nothing: 1 }]), { extra: 'ignore' })).toMatchObject({
			code: 'TARGET_REFUSED',
		});
		expect(await send(lines([{ id: 1 }]), { table: 'nowhere' })).toMatchObject({
			code: 'TARGET_REFUSED',
			message: expect.stringContaining('nowhere'),
		});
	});

	it('may be none, and many', async () => {
		expect(await send(lines([]))).toMatchObject({ receipt: { remote: { rows: 0 } } });
		const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, text: 'x'.repeat(100) }));
		expect(await send(lines(rows), { table: 'open_t' })).toMatchObject({
			receipt: { remote: { rows: 20_000 } },
		});
		expect(await inTable('open_t')).toEqual(rows.map(({ id }) => id));
	});

	it('of a message are one row, of what the table has columns for', async () => {
		const message = { title: 'x', tone: 'bad' as const, facts: [], link: null };
		await bench.query('CREATE TABLE told (title varchar(50), state varchar(20))');
		const row = { title: 'Daily sales failed', state: 'failed', body: { a: 1 } };
		expect(await send(lines([row], { message }), { table: 'told' })).toMatchObject({
			kind: 'delivered',
		});
		expect(await bench.query('SELECT * FROM told')).toEqual([
			{ title: row.title, state: 'failed' },
		]);
	});

	it('are refused as a file that is none', async () => {
		expect(await send(parcelOf('a,b\n'))).toMatchObject({
			code: 'FORMAT_UNSUITABLE',
			retry: 'never',
		});
		const wrong = lines([{ id: 1 }], { sha256: parcelOf('abd').sha256 });
		expect(await send(wrong)).toMatchObject({ code: 'INTERNAL', retry: 'later' });
		expect(await inTable()).toEqual([]);
	});

	it.each([
		['a wrong password', { password: 'wrong-canary' }, 'TARGET_LOGIN_FAILED', 'later'],
		['a server that offers no TLS', { tls: true }, 'TARGET_PROTOCOL', 'later'],
		['no server', { port: 1 }, 'TARGET_UNREACHABLE', 'later'],
	])('with %s fail, and show no secret', async (_case, more, code, retry) => {
		const outcome = await send(lines([{ id: 1 }]), more);
		expect(outcome).toMatchObject({ kind: 'failed', code, retry });
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});

	it('whose commit was not answered are there once after the next attempt', async () => {
		const parcel = lines([{ id: 1 }, { id: 2 }]);
		const to = { table: 'open_t', port: wire.port };
		let committing = false;
		wire.toServer = (chunk) => {
			committing ||= chunk.includes('COMMIT');
			return true;
		};
		wire.toClient = (_chunk, pair) => {
			if (committing) pair.client.resetAndDestroy();
			return !committing;
		};
		expect(await send(parcel, to)).toMatchObject({ code: 'TARGET_UNREACHABLE', retry: 'later' });
		wire.toClient = () => true;
		expect(await send(parcel, to, { attempt: 2 })).toMatchObject({
			kind: 'delivered',
			receipt: { remote: { repeated: true } },
		});
		expect(await inTable('open_t')).toEqual([1, 2]);
	});

	it('are none when the connection breaks, stalls or is cancelled before the commit, and all afterwards', async () => {
		const parcel = lines(Array.from({ length: 5000 }, (_, id) => ({ id })));
		const to = { table: 'open_t', port: wire.port };
		const inserting = (chunk: Buffer): boolean =>
			chunk.includes('open_t') && chunk.includes('INSERT');
		wire.toServer = (chunk, pair) => {
			if (inserting(chunk)) pair.client.resetAndDestroy();
			return !inserting(chunk);
		};
		expect(await send(parcel, to)).toMatchObject({ code: 'TARGET_UNREACHABLE' });
		wire.toServer = (chunk) => !inserting(chunk);
		expect(await send(parcel, to, { timeout: 1500 })).toMatchObject({ code: 'TIMEOUT' });
		const controller = new AbortController();
		wire.toServer = (chunk) => {
			if (inserting(chunk)) controller.abort(new CapError('FENCED', 'another engine has it'));
			return true;
		};
		expect(await send(parcel, to, { signal: controller.signal })).toMatchObject({ code: 'FENCED' });
		expect(await inTable('open_t')).toEqual([]);
		wire.toServer = () => true;
		expect(await send(parcel, to, { attempt: 2 })).toMatchObject({ kind: 'delivered' });
		expect(await inTable('open_t')).toHaveLength(5000);
	});

	it('go by one login, whatever time they have, and are refused by it only once', async () => {
		const to = { port: wire.port };
		expect(await send(lines([{ id: 1 }]), to)).toMatchObject({ kind: 'delivered' });
		expect(await send(lines([{ id: 2 }]), to, { timeout: 31_000 })).toMatchObject({
			kind: 'delivered',
		});
		expect(await send(lines([{ id: 1 }]), to)).toMatchObject({ code: 'TARGET_REFUSED' });
		expect(wire.connections).toBe(1);
	});

	it('of thirty deliveries at once are each there once', async () => {
		const parcels = Array.from({ length: 30 }, (_, id) => lines([{ id }]));
		const outcomes = await Promise.all(
			parcels.map(async (parcel) => send(parcel, { table: 'open_t' })),
		);
		expect(outcomes.filter(({ kind }) => kind !== 'delivered')).toEqual([]);
		expect(await inTable('open_t')).toEqual(parcels.map((_, id) => id));
	});

	it('are tested without writing any', async () => {
		const seen: unknown[] = [];
		const probe = async (more: object) => {
			seen.length = 0;
			await channel.probe?.(channel.settings.parse({ ...bench.settings, table: 't', ...more }), {
				signal: new AbortController().signal,
				report: ({ step, ok }) => seen.push([step, ok]),
			});
			return seen;
		};
		const before = await bench.query('SELECT count(*) AS n FROM capscheduler_loads');
		const all = ['dns', 'connect', 'login', 'read', 'write', 'delete'];
		expect(await probe({})).toEqual(all.map((step) => [step, true]));
		expect(await bench.query('SELECT count(*) AS n FROM capscheduler_loads')).toEqual(before);
		expect(await probe({ table: 'nowhere' })).toContainEqual(['read', false]);
		expect(await probe({ password: 'wrong' })).toContainEqual(['login', false]);
	});
});
