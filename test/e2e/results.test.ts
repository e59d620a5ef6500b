import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, startEngineProcess } from '../support/engine-process.ts';

/* What a capability answers, to the end: the run, its result, and what is rendered of it. */

interface Details {
	id: string;
	state: string;
	attempt: number;
	error: { code: string; message: string } | null;
	result: { rows: number | null } | null;
}

let folder: string;
let engine: EngineProcess;
let capability: CapabilityServer;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-results-'));
	capability = await new CapabilityServer().start();
	engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: join(folder, 'data') });
});

afterAll(async () => {
	await engine.kill();
	await capability.close();
	await rm(folder, { recursive: true, force: true });
});

async function run(type: string | undefined, body: string): Promise<Details> {
	const path = capability.on('/answer', (response) => {
		response.writeHead(body === '' ? 204 : 200, type === undefined ? {} : { 'content-type': type });
		response.end(body);
	});
	const client = createClient(engine.url, engine.firstKey ?? '');
	await client('PUT', '/v1/capabilities/answer', {
		binding: { type: 'http', url: path },
		actions: { give: {} },
	});
	const invoke = '/v1/capabilities/answer/actions/give/invoke';
	const { id } = await client<Details>('POST', invoke, {});
	for (;;) {
		const details = await client<Details>('GET', `/v1/runs/${id}`);
		if (['succeeded', 'failed'].includes(details.state)) return details;
	}
}

async function rendered({ id }: Details, format: string): Promise<string> {
	const response = await fetch(`${engine.url}/v1/runs/${id}/result?format=${format}`, {
		headers: { authorization: `Bearer ${engine.firstKey ?? ''}` },
	});
	expect(response.status).toBe(200);
	return response.text();
}

describe('a result', () => {
	it('that is ragged CSV fails the run at once, naming the line', async () => {
		expect(await run('text/csv', 'a,b\n1\n')).toMatchObject({
			state: 'failed',
			attempt: 1,
			result: null,
			error: { code: 'RESULT_INVALID', message: expect.stringContaining('line 2') },
		});
	});

	it('that is the header of a CSV keeps it', async () => {
		const details = await run('text/csv', 'a,b\n');
		expect(details).toMatchObject({ state: 'succeeded', result: { rows: 0 } });
		expect(await rendered(details, 'csv')).toBe('a,b\r\n');
		expect(await rendered(details, 'json')).toBe('[]\n');
		expect(await rendered(details, 'html')).toContain('0 rows, 2 columns');
	});

	it.each([
		['204', undefined, ''],
		['null', 'application/json', 'null'],
	])(
		'that is none (%s) has no rows',
		async (_name, type, body) => {
			const details = await run(type, body);
			expect(details).toMatchObject({ state: 'succeeded', result: { rows: 0 } });
			expect(await rendered(details, 'csv')).toBe('');
			expect(await rendered(details, 'ndjson')).toBe('');
			expect(await rendered(details, 'html')).toContain('No rows.');
		},
		30_000,
	);
});
