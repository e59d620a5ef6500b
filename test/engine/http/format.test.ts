import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as ask } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Format, FormatInput } from '../../../engine/formats/format.port.ts';
import { createRawFormat } from '../../../engine/formats/raw/index.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Answer } from '../../support/api.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

const made = (name: string, render: Format['render']): Format => ({
	...createRawFormat(),
	name,
	render,
});
async function* brokenOff(): AsyncGenerator<Uint8Array> {
	yield Buffer.from('beginning');
	throw new Error('the middle is missing');
}
async function* cut({ notice }: FormatInput): AsyncGenerator<Uint8Array> {
	yield Buffer.from('a part');
	notice?.({ code: 'rows_truncated', message: 'Zoë is left out', count: 1, limit: 1 });
}

let bed: Bed;
let server: CapabilityServer;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	const formats = [made('breaks', brokenOff), made('cuts', cut)];
	bed = await startBed({ CAPSCHEDULER_MAX_RESULT_BYTES: '3MB' }, { formats });
	await bed.register('rows', server.json('/rows', [{ id: 1, name: 'Ada' }]));
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const format = (query: string, body: unknown, contentType = 'application/json'): Promise<Answer> =>
	bed.admin.post(`/v1/format?${query}`, body, { headers: { 'content-type': contentType } });
/** Files are removed just after the last byte was sent, or the client has gone. */
async function untilLeft(wanted: number): Promise<void> {
	const folder = join(bed.folder, 'data', 'blobs', 'tmp');
	while ((await readdir(folder)).length !== wanted) {
		await new Promise((resolve) => setImmediate(resolve));
	}
}

const CSV = 'id,name\r\n1,Ada\r\n2,"B, C"\r\n';
const ROWS = [
	{ id: 1, name: 'Ada' },
	{ id: 2, name: 'B, C' },
];

describe('POST /v1/format', () => {
	it.each([
		['a JSON list', JSON.stringify(ROWS), 'application/json'],
		[
			'rows with columns',
			JSON.stringify({ rows: ROWS, columns: ['id', 'name'] }),
			'application/json',
		],
		['NDJSON', ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''), 'application/x-ndjson'],
		['CSV', 'id,name\n1,Ada\n2,"B, C"\n', 'text/csv'],
	])('takes %s and gives the file', async (_, body, type) => {
		const { status, text, headers } = await format('format=csv&name=Sales.xlsx', body, type);
		expect({ status, text }).toEqual({ status: 200, text: CSV });
		expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
		expect(headers.get('content-disposition')).toBe('attachment; filename="Sales.csv"');
	});

	it('keeps the order and choice of declared columns, and every digit of numbers', async () => {
		const body = '{"columns":["b","a"],"rows":[{"a":12345678901234567890,"b":1}]}';
		expect((await format('format=csv', body)).text).toBe('b,a\r\n1,12345678901234567890\r\n');
	});

	it('never takes an envelope for one: what looks like it is data', async () => {
		const { text } = await format('format=json', { status: 'failed', error: { code: 'X' } });
		expect(JSON.parse(text)).toEqual({ status: 'failed', error: { code: 'X' } });
	});

	it('takes a schema of the rows: columns, their order, and types that a cell does not tell', async () => {
		const rows = [{ n: 1, id: '7', more: true }];
		const properties = { id: { type: 'string', format: 'decimal', title: 'Id' }, n: {} };
		const asked = async (schema: unknown): Promise<Answer> =>
			format(`format=csv&schema=${encodeURIComponent(JSON.stringify(schema))}`, rows);
		expect((await asked({ items: { properties } })).text).toBe('id,n,more\r\n7,1,true\r\n');
		const closed = await asked({ properties, additionalProperties: false });
		expect(closed.text).toBe('id,n\r\n7,1\r\n');
		const list = demand(await asked([]), 400).body;
		expect(list).toMatchObject({ errors: [{ path: 'query.schema' }] });
		const wrong = demand(await asked({ properties: { a: { type: 'text' } } }), 422).body;
		expect(wrong).toMatchObject({
			code: 'INVALID_SCHEMA',
			errors: [{ path: 'query.schema.properties.a.type' }],
		});
	});

	it('takes options, a name with fields and a zone', async () => {
		const options = encodeURIComponent('{"delimiter":";","header":false}');
		const filename = encodeURIComponent('{{name}}-{{nominalAt:yyyy-MM-dd-HH}}.{{ext}}');
		const { text, headers } = await format(
			`format=csv&options=${options}&filename=${filename}&name=Umsatz&timeZone=Europe%2FBerlin`,
			ROWS,
		);
		expect(text).toBe('1,Ada\r\n2,B, C\r\n'.replaceAll(/(\d),/g, '$1;'));
		expect(headers.get('content-disposition')).toContain('"Umsatz-2027-01-01-01.csv"');
	});

	it('passes bytes on as they came, with their own extension', async () => {
		const { text, headers } = await format('name=a.tar.gz', 'x'.repeat(50_000), 'application/gzip');
		expect(text).toBe('x'.repeat(50_000));
		expect(headers.get('content-disposition')).toContain('"a.tar.gz"');
	});

	it('tells in a trailer what the file does not show', async () => {
		const sending = ask(`${bed.url}/v1/format?format=cuts`, {
			method: 'POST',
			headers: {
				authorization: `Bearer ${await bed.keyOf(['runs:execute'])}`,
				'content-type': 'application/json',
			},
		}).end(JSON.stringify(ROWS));
		const [response] = (await once(sending, 'response')) as [IncomingMessage];
		response.resume();
		await once(response, 'end');
		const told = JSON.parse(response.trailers['capscheduler-notices'] ?? '') as object[];
		expect(told).toEqual([
			{ code: 'rows_truncated', message: 'Zoë is left out', count: 1, limit: 1 },
		]);
	});

	it('understands gzip', async () => {
		const { text } = await bed.admin.post('/v1/format?format=csv', gzipSync(JSON.stringify(ROWS)), {
			headers: { 'content-encoding': 'gzip' },
		});
		expect(text).toBe(CSV);
	});

	it('does the same for a large body, from the disk, and leaves nothing there', async () => {
		const many = Array.from({ length: 40_000 }, (_, id) => ({
			id,
			name: `n${id}`,
			note: 'x'.repeat(20),
		}));
		const { text } = await format('format=csv', { rows: many });
		const lines = text.split('\r\n');
		expect([lines.length, lines[1], lines[40_000]]).toEqual([
			40_002,
			`0,n0,${'x'.repeat(20)}`,
			`39999,n39999,${'x'.repeat(20)}`,
		]);
		await untilLeft(0);
	});

	it('formats a result that is kept, with options of its own, by run or by result', async () => {
		const run = await bed.runIn(await bed.invoke('rows'));
		const options = encodeURIComponent('{"header":false}');
		for (const query of [`runId=${run.id}`, `result=${run.resultId}`]) {
			const path = `/v1/format?format=csv&options=${options}&${query}`;
			const { text, headers } = demand(await bed.admin.post(path), 200);
			expect(text).toBe('1,Ada\r\n');
			expect(headers.get('content-disposition')).toContain('"rows-go-2027');
		}
		const other = bed.client(await bed.keyOf(['admin'], { tenant: 'other' }));
		expect((await other.post(`/v1/format?runId=${run.id}`)).status).toBe(404);
		const executes = bed.client(await bed.keyOf(['runs:execute']));
		expect((await executes.post(`/v1/format?runId=${run.id}`)).body.code).toBe('FORBIDDEN');
		expect((await executes.post('/v1/format?format=csv', ROWS)).text).toBe(CSV);
	});

	it.each([
		['no body', 'format=csv', undefined, 'application/json', 400, 'INVALID_REQUEST'],
		['an unknown format', 'format=docx', ROWS, 'application/json', 422, 'FORMAT_UNKNOWN'],
		['bytes as CSV', 'format=csv', 'abc', 'image/png', 422, 'FORMAT_UNSUITABLE'],
		['broken JSON', 'format=csv', '[{"a":1},', 'application/json', 400, 'INVALID_REQUEST'],
		[
			'a broken line',
			'format=csv',
			'{"a":1}\n{"a":',
			'application/x-ndjson',
			400,
			'INVALID_REQUEST',
		],
		['CSV of ragged lines', 'format=json', 'a,b\n1\n', 'text/csv', 400, 'INVALID_REQUEST'],
		['what is no gzip', 'format=csv', 'abc', 'application/json;gzip', 400, 'INVALID_REQUEST'],
		[
			'too much',
			'format=csv',
			`["${'x'.repeat(3_100_000)}"]`,
			'application/json',
			413,
			'BODY_TOO_LARGE',
		],
		[
			'a wrong option',
			'format=csv&options={"a":1}',
			ROWS,
			'application/json',
			400,
			'INVALID_REQUEST',
		],
		[
			'options that are no JSON',
			'format=csv&options={',
			ROWS,
			'application/json',
			400,
			'INVALID_JSON',
		],
		['options without format', 'options={}', ROWS, 'application/json', 400, 'INVALID_REQUEST'],
		['a wrong name', 'filename=../x', ROWS, 'application/json', 422, 'PATH_INVALID'],
		['a wrong zone', 'timeZone=Berlin', ROWS, 'application/json', 422, 'INVALID_TIMING'],
		[
			'two sources',
			`runId=run_${'0'.repeat(26)}`,
			ROWS,
			'application/json',
			400,
			'INVALID_REQUEST',
		],
	])('refuses %s before it answers anything', async (_, query, body, type, status, code) => {
		const gzip = type.endsWith(';gzip');
		const answer = await bed.admin.post(`/v1/format?${query}`, body, {
			headers: {
				'content-type': type.replace(';gzip', ''),
				...(gzip ? { 'content-encoding': 'gzip' } : {}),
			},
		});
		expect([answer.status, answer.body.code]).toEqual([status, code]);
		await untilLeft(0);
	});

	it('leaves nothing behind when the client goes away half way', async () => {
		const upload = ask(`${bed.url}/v1/format?format=csv`, {
			method: 'POST',
			headers: {
				authorization: `Bearer ${await bed.keyOf(['runs:execute'])}`,
				'content-type': 'application/x-ndjson',
			},
		});
		upload.on('error', () => undefined);
		upload.write(`${JSON.stringify({ a: 'x'.repeat(600_000) })}\n`);
		await untilLeft(1);
		upload.destroy();
		await untilLeft(0);
	});

	it('breaks the connection when the file breaks off after its first byte', async () => {
		await expect(format('format=breaks', ROWS)).rejects.toThrow(/terminated|fetch failed/);
	});

	it('makes so many files at once and no more, and says when to come back', async () => {
		const key = await bed.keyOf(['runs:execute']);
		const held = Array.from({ length: 16 }, () => {
			const upload = ask(`${bed.url}/v1/format?format=csv`, {
				method: 'POST',
				headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
			});
			upload.on('error', () => undefined);
			upload.write(`${JSON.stringify({ a: 'x'.repeat(300_000) })}\n`);
			return upload;
		});
		await untilLeft(16);
		const refused = await format('format=csv', ROWS);
		expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMITED']);
		expect(refused.headers.get('retry-after')).toBe('1');
		for (const upload of held) upload.destroy();
		// a place is free a moment after its file is gone
		let freed = refused;
		while (freed.status === 429) freed = await format('format=csv', ROWS);
		expect(freed.status).toBe(200);
		await untilLeft(0);
	});
});

describe('POST /v1/format/preview', () => {
	it('tells the name and type that a file would have', async () => {
		const filename = '{{name}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}';
		const { body } = demand(
			await bed.admin.post('/v1/format/preview', { format: 'csv', filename, name: 'Sales.json' }),
			200,
		);
		expect(body).toEqual({
			format: 'csv',
			filename: 'Sales-2027-01-01.csv',
			contentType: 'text/csv; charset=utf-8',
		});
		const raw = await bed.admin.post('/v1/format/preview', { contentType: 'application/pdf' });
		expect(raw.body).toMatchObject({ format: 'raw', filename: expect.stringMatching(/\.pdf$/) });
	});

	it('says what is wrong with a template', async () => {
		const { body } = await bed.admin.post('/v1/format/preview', { filename: '{{nobody}}' });
		expect(body).toMatchObject({ code: 'TEMPLATE_INVALID', errors: [{ path: 'filename' }] });
	});
});
