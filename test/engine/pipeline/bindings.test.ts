import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Answer } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

let server: CapabilityServer;
let bed: Bed;
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-bind-'));
	await mkdir(join(folder, 'db'));
	const database = new DatabaseSync(join(folder, 'db', 'shop.db'));
	database.exec(`CREATE TABLE sales (region TEXT, amount INTEGER);
		INSERT INTO sales VALUES ('EU', 42), ('EU', 9007199254740993), ('US', 7)`);
	database.close();
	await writeFile(
		join(folder, 'report.mjs'),
		`export default {
			total: ({ a, b }) => ({ rows: [{ sum: a + b }] }),
			boom: () => { throw new Error('no luck'); },
		};`,
	);
	server = await new CapabilityServer().start();
	bed = await startBed({
		CAPSCHEDULER_SQLITE_ROOTS: join(folder, 'db'),
		CAPSCHEDULER_MODULES: `report=${join(folder, 'report.mjs')}`,
	});
});
afterAll(async () => {
	await bed.close();
	await server.close();
	await rm(folder, { recursive: true, force: true });
});

async function resultOf(run: string, format?: string): Promise<Answer> {
	const query = format === undefined ? '' : `?format=${format}`;
	return demand(await bed.admin.get(`/v1/runs/${run}/result${query}`), 200);
}

describe('the binding sql', () => {
	it('runs the query with the parameters bound, and keeps every digit', async () => {
		await bed.register('shop', '', {
			binding: { type: 'sql', driver: 'sqlite', file: 'shop.db', url: undefined },
			actions: {
				go: {
					parameters: {
						type: 'object',
						properties: { region: { type: 'string' } },
						required: ['region'],
					},
					binding: {
						sql: 'SELECT amount FROM sales WHERE region = ? ORDER BY amount',
						parameters: ['region'],
					},
				},
			},
		});
		const id = await bed.invoke('shop', { parameters: { region: 'EU' } });
		const run = await bed.runIn(id);
		expect(run).toMatchObject({ state: 'succeeded', result: { rows: 2 } });
		expect((await resultOf(id, 'csv')).text.trim().split(/\r?\n/)).toEqual([
			'amount',
			'42',
			'9007199254740993',
		]);
		const injected = await bed.invoke('shop', { parameters: { region: "' OR 1=1 --" } });
		expect((await bed.runIn(injected)).result.rows).toBe(0);
	});

	it('refuses a statement that writes', async () => {
		const { status, body } = await bed.admin.put('/v1/capabilities/evil', {
			binding: { type: 'sql', driver: 'sqlite', file: 'shop.db' },
			actions: { go: { binding: { sql: 'DELETE FROM sales' } } },
		});
		if (status === 201) {
			const run = await bed.runIn(await bed.invoke('evil'));
			expect(run.state).toBe('failed');
		} else {
			expect([status, body.code]).toEqual([422, 'BINDING_INVALID']);
		}
		const database = new DatabaseSync(join(folder, 'db', 'shop.db'), { readOnly: true });
		expect(database.prepare('SELECT count(*) AS n FROM sales').get()).toEqual({ n: 3 });
		database.close();
	});
});

describe('the binding module', () => {
	it('runs a function of a module that the operator named', async () => {
		const { status, text } = await bed.admin.put('/v1/capabilities/report', {
			binding: { type: 'module', module: 'report' },
			actions: { total: {}, boom: {} },
		});
		expect([status, text]).toEqual([201, text]);
		const path = '/v1/capabilities/report/actions';
		const total = demand(
			await bed.admin.post(`${path}/total/invoke`, { parameters: { a: 2, b: 3 } }),
			202,
		);
		await bed.runIn(total.body.id);
		expect((await resultOf(total.body.id)).body).toEqual([{ sum: 5 }]);
		const boom = demand(
			await bed.admin.post(`${path}/boom/invoke`, { policies: { retry: { attempts: 1 } } }),
			202,
		);
		expect((await bed.runIn(boom.body.id)).error).toMatchObject({ code: 'CAPABILITY_FAILED' });
	});

	it('refuses every other module', async () => {
		for (const module of ['../../etc/passwd', 'fs', 'node:fs', '__proto__']) {
			const { status } = await bed.admin.put('/v1/capabilities/evil', {
				binding: { type: 'module', module },
				actions: { go: {} },
			});
			expect([400, 422]).toContain(status);
		}
	});
});

describe('a capability that knows no envelope', () => {
	const rows = [
		{ id: 1, name: 'a' },
		{ id: 2, name: 'b, "c"' },
	];
	const bodies: [string, string, string][] = [
		['application/json', JSON.stringify(rows), 'json'],
		['application/json', JSON.stringify({ status: 'succeeded', result: { rows } }), 'ndjson'],
		['application/x-ndjson', rows.map((row) => JSON.stringify(row)).join('\n'), 'ndjson'],
		['text/csv', 'id,name\r\n1,a\r\n2,"b, ""c"""\r\n', 'csv'],
	];
	it.each(bodies)('may answer rows as %s', async (contentType, body, encoding) => {
		const url = server.on('/rows', (response) => {
			response.writeHead(200, { 'content-type': contentType }).end(body);
		});
		await bed.register('rows', url);
		const id = await bed.invoke('rows');
		expect(await bed.runIn(id)).toMatchObject({ state: 'succeeded', result: { encoding } });
		const json = (await resultOf(id, 'json')).body as { id: number | string; name: string }[];
		expect(json.map((row) => ({ id: Number(row.id), name: row.name }))).toEqual(rows);
		expect((await resultOf(id, 'csv')).text).toBe('id,name\r\n1,a\r\n2,"b, ""c"""\r\n');
	});

	it('may answer bytes, which come out as they came in, and as no other format', async () => {
		const bytes = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255]);
		const url = server.on('/image', (response) => {
			response.writeHead(200, { 'content-type': 'image/png' }).end(bytes);
		});
		await bed.register('image', url);
		const id = await bed.invoke('image');
		expect((await bed.runIn(id)).result).toMatchObject({
			encoding: 'bytes',
			size: 8,
			contentType: 'image/png',
		});
		const key = await bed.keyOf(['results:read']);
		const response = await fetch(`${bed.url}/v1/runs/${id}/result`, {
			headers: { authorization: `Bearer ${key}` },
		});
		expect(response.headers.get('content-type')).toBe('image/png');
		expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
		const { status, body } = await bed.admin.get(`/v1/runs/${id}/result?format=csv`);
		expect([status, body.code]).toEqual([422, 'FORMAT_UNSUITABLE']);
	});

	it('may answer any JSON value, and nothing at all', async () => {
		const url = server.json('/value', { answer: 42 });
		await bed.register('value', url);
		const id = await bed.invoke('value');
		await bed.runIn(id, 'succeeded');
		expect((await resultOf(id)).body).toEqual({ answer: 42 });
		await bed.register(
			'empty',
			server.on('/empty', (response) => response.writeHead(204).end()),
		);
		expect((await bed.runIn(await bed.invoke('empty'))).state).toBe('succeeded');
	});
});
