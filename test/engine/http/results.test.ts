import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Body, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import { finishedRun, registerReports } from '../../support/reports.ts';

let test: TestEngine;
let server: CapabilityServer;
let run: Body;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	test = await startTestEngine();
	await registerReports(test.admin, server);
	run = await finishedRun(test.admin);
});
afterAll(async () => {
	await test.close();
	await server.close();
});

const CSV = 'region,sales\r\nEU,42\r\nUS,7\r\n';
const nobody = () => test.client();

async function link(input: object = {}): Promise<{ path: string; id: string }> {
	const { status, body } = await test.admin.post(`/v1/runs/${run.id}/links`, {
		format: 'csv',
		...input,
	});
	expect(status).toBe(201);
	expect(body.url).toMatch(new RegExp(`^${test.url}/r/lnk_[0-9a-z]{26}\\.[A-Za-z0-9_-]{43}$`));
	return { path: (body.url as string).slice(test.url.length), id: body.link.id as string };
}

describe('the result of a run', () => {
	it('comes in the format asked for', async () => {
		const csv = await test.admin.get(`/v1/runs/${run.id}/result?format=csv`);
		expect({ status: csv.status, text: csv.text }).toEqual({ status: 200, text: CSV });
		expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
		const unknown = await test.admin.get(`/v1/runs/${run.id}/result?format=docx`);
		expect(unknown).toMatchObject({ status: 422, body: { code: 'FORMAT_UNKNOWN' } });
	});
});

describe('a result link', () => {
	let path: string;
	beforeEach(async () => {
		({ path } = await link());
	});

	it('gives the file to whoever has it, with the headers of PROMISES', async () => {
		const { status, text, headers } = await nobody().get(path);
		expect({ status, text }).toEqual({ status: 200, text: CSV });
		expect(Object.fromEntries(headers)).toMatchObject({
			'cache-control': 'no-store',
			'referrer-policy': 'no-referrer',
			'x-content-type-options': 'nosniff',
			'content-security-policy': "default-src 'none'; sandbox",
			'content-disposition': expect.stringMatching(/^attachment; filename="reports-now-.*\.csv"$/),
			'accept-ranges': 'bytes',
			'content-length': String(CSV.length),
			etag: `"${(await sha256(CSV)) ?? ''}"`,
		});
	});

	it.each([
		['bytes=0-5', 'region', 'bytes 0-5/27'],
		['bytes=20-', CSV.slice(20), 'bytes 20-26/27'],
		['bytes=-6', 'US,7\r\n', 'bytes 21-26/27'],
		['bytes=-1000', CSV, 'bytes 0-26/27'],
		['bytes=10-1000', CSV.slice(10), 'bytes 10-26/27'],
	])('answers %s with that part', async (range, part, contentRange) => {
		const { status, text, headers } = await nobody().get(path, { headers: { range } });
		expect({ status, contentRange: headers.get('content-range') }).toEqual({
			status: 206,
			contentRange,
		});
		expect(text).toBe(part);
		expect(headers.get('content-length')).toBe(String(text.length));
	});

	it.each(['bytes=27-', 'bytes=100-200', 'bytes=-0'])('answers %s with 416', async (range) => {
		const { status, headers, body } = await nobody().get(path, { headers: { range } });
		expect({ status, code: body.code }).toEqual({ status: 416, code: 'RANGE_NOT_SATISFIABLE' });
		expect(headers.get('content-range')).toBe('bytes */27');
	});

	it.each(['bytes=0-1,4-5', 'rows=0-1', 'bytes=5-2', 'bytes=-', 'bytes=a-b'])(
		'answers %s, which it need not understand, with all',
		async (range) => {
			const { status, text } = await nobody().get(path, { headers: { range } });
			expect({ status, text }).toEqual({ status: 200, text: CSV });
		},
	);

	it('resumes only the same bytes', async () => {
		const etag = (await nobody().head(path)).headers.get('etag') ?? '';
		const same = await nobody().get(path, { headers: { range: 'bytes=0-5', 'if-range': etag } });
		const other = await nobody().get(path, {
			headers: { range: 'bytes=0-5', 'if-range': '"other"' },
		});
		const weak = await nobody().get(path, {
			headers: { range: 'bytes=0-5', 'if-range': `W/${etag}` },
		});
		expect([same.status, other.status, weak.status]).toEqual([206, 200, 200]);
	});

	it('sends nothing that the client has', async () => {
		const etag = (await nobody().head(path)).headers.get('etag') ?? '';
		for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
			const answer = await nobody().get(path, { headers: { 'if-none-match': tag } });
			expect({ status: answer.status, text: answer.text }).toEqual({ status: 304, text: '' });
		}
		expect((await nobody().get(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(
			200,
		);
	});

	it('answers HEAD like GET without the file', async () => {
		const { status, text, headers } = await nobody().head(path);
		expect({ status, text, length: headers.get('content-length') }).toEqual({
			status: 200,
			text: '',
			length: '27',
		});
	});

	it('is used up by downloads only, and then gone', async () => {
		const { path: twice } = await link({ maxUses: 2 });
		const etag = (await nobody().head(twice)).headers.get('etag') ?? '';
		await nobody().get(twice, { headers: { 'if-none-match': etag } });
		await nobody().get(twice, { headers: { range: 'bytes=99-' } });
		await nobody().get(`${twice}?format=docx`);
		expect((await nobody().get(twice)).status).toBe(200);
		expect((await nobody().get(twice, { headers: { range: 'bytes=0-1' } })).status).toBe(206);
		for (const answer of [await nobody().get(twice), await nobody().head(twice)])
			expect(answer.status).toBe(410);
	});

	it('is gone when revoked', async () => {
		const { path: revoked, id } = await link();
		expect((await test.admin.delete(`/v1/links/${id}`)).status).toBe(204);
		expect(await nobody().get(revoked)).toMatchObject({ status: 410, body: { code: 'GONE' } });
		expect((await test.admin.delete(`/v1/links/${id}`)).status).toBe(204);
	});

	it('gives other formats only where it may', async () => {
		const { path: only } = await link({ anyFormat: false });
		expect((await nobody().get(`${path}?format=ndjson`)).text).toBe(
			'{"region":"EU","sales":42}\n{"region":"US","sales":7}\n',
		);
		expect((await nobody().get(`${only}?format=ndjson`)).status).toBe(403);
		expect((await nobody().get(`${only}?format=csv`)).status).toBe(200);
	});

	it('is unknown when one character differs', async () => {
		const last = path.at(-1) === 'A' ? 'B' : 'A';
		for (const wrong of [path.slice(0, -1) + last, path.slice(0, -1), '/r/x', '/r/lnk_x.y']) {
			expect(await nobody().get(wrong)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
		}
	});
});

async function sha256(text: string): Promise<string> {
	const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
	return Buffer.from(digest).toString('hex');
}
