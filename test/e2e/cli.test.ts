import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { runCli, spawnCli } from '../support/cli.ts';
import type { CliResult } from '../support/cli.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { startEngineProcess } from '../support/engine-process.ts';

/* The commands against a real engine: what they print, and how they end. */

let folder: string;
let engine: EngineProcess;

const cli = (...args: string[]): Promise<CliResult> =>
	runCli(args, { CAPSCHEDULER_URL: engine.url, CAPSCHEDULER_KEY: engine.firstKey ?? '' });

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-cli-'));
	engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: join(folder, 'data') });
	await writeFile(
		join(folder, 'health.json'),
		JSON.stringify({
			name: 'health',
			binding: { type: 'http', url: `${engine.url}/healthz`, method: 'GET', envelope: false },
			actions: { check: {}, broken: { binding: { path: 'nowhere' } } },
		}),
	);
});

afterAll(async () => {
	await engine.kill('SIGKILL');
	await rm(folder, { recursive: true, force: true });
});

describe('destinations', () => {
	it('are made, tried out, changed, switched off and on, and removed', async () => {
		const made = await cli(
			'destinations',
			'create',
			'hook',
			'webhook',
			'-s',
			`url=${engine.url}/healthz`,
		);
		expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^created hook .*whsec_/s)]);
		const tried = await cli('destinations', 'test', 'hook');
		// what answers there takes no POST, and the test says so
		expect([tried.code, tried.stdout]).toEqual([1, expect.stringMatching(/connect +ok/)]);
		expect(tried.stderr).toContain('the test failed at "write"');
		const settings = join(folder, 'settings.json');
		await writeFile(settings, JSON.stringify({ folder: '/nowhere' }));
		const refused = await cli('destinations', 'try', 'file', settings, '--json');
		expect([refused.code, refused.json()]).toMatchObject([1, { ok: false }]);
		expect((await cli('destinations', 'update', 'hook', '-s', 'method=PUT')).code).toBe(0);
		expect((await cli('destinations', 'disable', 'hook')).code).toBe(0);
		const shown = await cli('destinations', 'show', 'hook', '--json');
		expect(shown.json()).toMatchObject({ enabled: false, settings: { method: 'PUT' }, usedBy: [] });
		expect((await cli('destinations', 'enable', 'hook')).code).toBe(0);
		expect((await cli('destinations', 'rotate', 'hook')).stdout).toContain('whsec_');
		expect((await cli('destinations', 'list')).stdout).toMatch(/hook +webhook +true/);
		expect((await cli('destinations', 'remove', 'hook')).code).toBe(0);
		expect(await cli('destinations', 'show', 'hook')).toMatchObject({ code: 4 });
	});
});

describe('one-off work', () => {
	it('formats a file by the extension of the output, and tells what it cannot', async () => {
		const rows = join(folder, 'rows.ndjson');
		await writeFile(rows, '{"id":1,"name":"a;b"}\n');
		const out = join(folder, 'rows.csv');
		const done = await cli('format', rows, '-o', out, '--option', 'delimiter=";"');
		expect([done.code, done.stderr]).toEqual([0, `wrote ${out}, 18 bytes\n`]);
		expect(await readFile(out, 'utf8')).toBe('id;name\r\n1;"a;b"\r\n');
		const printed = await cli('format', rows, '--format', 'json');
		expect(JSON.parse(printed.stdout)).toEqual([{ id: 1, name: 'a;b' }]);
		const unknown = await cli('format', rows, '-o', join(folder, 'rows.docx'));
		expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no format has')]);
		expect((await cli('format', join(folder, 'nowhere.csv'))).code).toBe(2);
	});

	it('takes what a schema says of columns for more than what the rows show', async () => {
		const rows = join(folder, 'plain.ndjson');
		await writeFile(rows, '{"b":"1.50","a":7,"c":true}\n{"a":8}\n');
		const schema = join(folder, 'schema.json');
		const properties = {
			a: { type: 'integer', title: 'Number' },
			b: { type: 'string', format: 'decimal' },
			d: { type: 'string', format: 'date' },
		};
		await writeFile(schema, JSON.stringify({ type: 'array', items: { properties } }));
		const csv = await cli('format', rows, '--format', 'csv', '--schema', schema);
		expect([csv.code, csv.stdout]).toEqual([0, 'a,b,d,c\r\n7,1.50,,true\r\n8,,,\r\n']);
		const out = join(folder, 'typed.parquet');
		expect((await cli('format', rows, '-o', out, '--schema', schema)).code).toBe(0);
		const { schema: columns } = parquetMetadata(new Uint8Array(await readFile(out)).buffer);
		expect(columns.slice(1)).toMatchObject([
			{ name: 'a', type: 'INT64' },
			{ name: 'b', converted_type: 'DECIMAL', scale: 2 },
			{ name: 'd', converted_type: 'DATE' },
			{ name: 'c', type: 'BOOLEAN' },
		]);
		await writeFile(schema, '{"type":');
		const broken = await cli('format', rows, '--format', 'csv', '--schema', schema);
		expect([broken.code, broken.stdout]).toEqual([2, '']);
		expect(broken.stderr).toContain('schema.json');
	});

	it('delivers a file to a link, and says where it could not go', async () => {
		const report = join(folder, 'report.txt');
		await writeFile(report, 'all is well');
		const made = await cli('deliver', report, '--link', '--json');
		expect(made.json()).toMatchObject({ state: 'delivered', deliveries: [] });
		const { link } = made.json() as { link: { url: string } };
		const file = await fetch(link.url);
		expect(await file.text()).toBe('all is well');
		expect(file.headers.get('content-disposition')).toBe('attachment; filename="report.txt"');
		const nowhere = await cli('deliver', report, '--to', 'nowhere');
		expect([nowhere.code, nowhere.stderr]).toEqual([
			4,
			expect.stringContaining('DESTINATION_UNKNOWN'),
		]);
		expect((await cli('deliver', report)).code).toBe(2);
	});
});

describe('the command line', () => {
	it('goes the whole way: register, invoke, fetch, schedule, watch, remove', async () => {
		expect(await cli('capabilities', 'register', join(folder, 'health.json'))).toMatchObject({
			code: 0,
			stdout: expect.stringContaining('registered health'),
		});
		const listed = await cli('capabilities', 'list');
		expect(listed.stdout).toMatch(/^name +title +revision +updatedAt\nhealth +- +1 +20/);

		const invoked = await cli(
			'capabilities',
			'invoke',
			'health',
			'check',
			'--wait',
			'10s',
			'--json',
		);
		expect(invoked.code).toBe(0);
		expect(invoked.json()).toMatchObject({ state: 'succeeded', capability: 'health' });
		const runId = String(invoked.json()['id']);

		const file = join(folder, 'health.csv');
		expect((await cli('runs', 'result', runId, '--format', 'csv', '-o', file)).code).toBe(0);
		expect(await readFile(file, 'utf8')).toBe('status\r\nok\r\n');
		expect((await cli('runs', 'result', runId)).stdout).toContain('"status":"ok"');

		const created = await cli(
			'schedules',
			'create',
			'health',
			'--action',
			'check',
			'--every',
			'1h',
			'--json',
		);
		expect(created.code).toBe(0);
		const id = String(created.json()['scheduleId']);
		expect((await cli('schedules', 'list', '--state', 'active')).stdout).toContain(id);
		expect((await cli('schedules', 'pause', id)).stdout).toBe(`${id} is paused\n`);
		expect((await cli('schedules', 'resume', id)).stdout).toBe(`${id} is active\n`);
		expect((await cli('schedules', 'show', id, '--json')).json()).toMatchObject({
			timing: { every: '1h' },
		});
		expect((await cli('schedules', 'trigger', id)).stdout).toMatch(/^made run_/);
		expect((await cli('schedules', 'occurrences', id)).code).toBe(0);
		expect((await cli('runs', 'list', '--schedule', id, '--json')).json()['items']).toHaveLength(1);
		expect((await cli('capabilities', 'remove', 'health')).code).toBe(4);
		expect((await cli('schedules', 'remove', id)).code).toBe(0);
		expect((await cli('runs', 'rerun', runId, '--wait', '10s')).code).toBe(0);
	});

	it('manages keys, and a key can do what it was made for and nothing else', async () => {
		const made = await cli(
			'keys',
			'create',
			'reader',
			'--scope',
			'runs:read',
			'--expires',
			'1d',
			'--json',
		);
		expect(made.json()).toMatchObject({ key: { scopes: ['runs:read'] } });
		const settings = {
			CAPSCHEDULER_URL: engine.url,
			CAPSCHEDULER_KEY: String(made.json()['token']),
		};
		expect((await runCli(['runs', 'list'], settings)).code).toBe(0);
		expect(await runCli(['schedules', 'list'], settings)).toMatchObject({
			code: 4,
			stderr: expect.stringContaining('(FORBIDDEN)'),
		});
		const { id } = made.json()['key'] as { id: string };
		expect((await cli('keys', 'list')).stdout).toContain(id);
		expect((await cli('keys', 'revoke', id)).code).toBe(0);
		expect(await runCli(['runs', 'list', '--json'], settings)).toMatchObject({
			code: 4,
			stderr: expect.stringContaining('"code":"UNAUTHENTICATED"'),
		});
		expect(await cli('keys', 'create', 'nobody')).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('--scope'),
		});
	});

	it('says which place of the input is wrong', async () => {
		await cli('capabilities', 'register', join(folder, 'health.json'));
		const refused = await cli(
			'schedules',
			'create',
			'health',
			'--action',
			'check',
			'--cron',
			'0 0 31 2 *',
		);
		expect(refused.code).toBe(4);
		expect(refused.stderr).toContain('INVALID_TIMING');
		expect(refused.stderr.split('timing.cron')).toHaveLength(2);
	});

	it('names its own options when a schedule has no timing', async () => {
		expect(await cli('schedules', 'create', 'health', '--action', 'check')).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('give --every, --cron, --at or --in'),
		});
	});

	it('shows a run so that a person can read it', async () => {
		await cli('capabilities', 'register', join(folder, 'health.json'));
		const invoke = ['capabilities', 'invoke', 'health'];
		const good = await cli(...invoke, 'check', '--wait', '10s', '--json');
		const shown = (await cli('runs', 'show', String(good.json()['id']))).stdout;
		expect(shown).toMatch(/^result +application\/json, \d+ bytes$/m);
		expect(shown).toMatch(/^attempt +outcome +startedAt +endedAt +error\n1 +succeeded +20/m);
		expect(shown).not.toContain('[{');

		const bad = await cli(...invoke, 'broken', '--wait', '10s', '--json');
		const failed = (await cli('runs', 'show', String(bad.json()['id']))).stdout;
		expect(failed).toMatch(/^error +HTTP 404.*\(TARGET_REFUSED\)$/m);
		expect(failed).not.toContain('{"');
	});

	it('says nothing but why when the folder belongs to another engine', async () => {
		const second = await spawnCli(['start'], {
			CAPSCHEDULER_DATA_DIR: join(folder, 'data'),
			CAPSCHEDULER_PORT: '0',
		});
		expect(second.code).toBe(1);
		expect(second.stderr.trimEnd().split('\n')).toHaveLength(1);
		expect(second.stderr).toMatch(/^error: /);
	});

	it.each([
		['start', 2],
		['doctor', 1],
	])(
		'%s: a malformed fault is a problem of the settings',
		async (command, code) => {
			const settings = { CAPSCHEDULER_FAULT: 'settle.before:0:explode' };
			const result = await runCli([command], settings);
			expect(result.code).toBe(code);
			expect(result.stdout + result.stderr).toContain('CAPSCHEDULER_FAULT: expected "<point>:<n>:');
		},
		30_000,
	);

	it('ends with 1 when the run failed', async () => {
		await cli('capabilities', 'register', join(folder, 'health.json'));
		const failed = await cli('capabilities', 'invoke', 'health', 'broken', '--wait', '10s');
		expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('failed') });
	});

	it('ends with 3 when no engine answers, and says how to mend it', async () => {
		const settings = { CAPSCHEDULER_URL: 'http://127.0.0.1:1' };
		expect(await runCli(['runs', 'list'], settings)).toMatchObject({
			code: 3,
			stderr: expect.stringContaining('capscheduler start'),
		});
	});

	it.each([
		[['frobnicate'], 'unknown command'],
		[['runs', 'show'], 'missing required argument'],
		[['runs', 'list', '--limit', 'many'], 'expected a whole number'],
		[['capabilities', 'register', 'nowhere.json'], 'cannot read nowhere.json'],
		[['runs', 'list', '--url', 'ftp://x'], 'expected an http or https URL'],
	])(
		'ends with 2 on a wrong command line: %j',
		async (args, message) => {
			expect(await runCli(args)).toMatchObject({
				code: 2,
				stderr: expect.stringContaining(message),
			});
		},
		30_000,
	);

	it('ends with 2 on a misspelt setting, with the nearest name', async () => {
		const result = await runCli(['start'], { CAPSCHEDULER_PROT: '1', CAPSCHEDULER_LOG: 'loud' });
		expect(result.code).toBe(2);
		expect(result.stderr).toContain('did you mean CAPSCHEDULER_PORT?');
		expect(result.stderr).toContain('CAPSCHEDULER_LOG: expected debug');
	});

	it.each([[[]], [['start']], [['schedules']], [['schedules', 'create']], [['keys', 'create']]])(
		'helps: %j --help',
		async (args) => {
			const { code, stdout } = await runCli([...args, '--help']);
			expect(code).toBe(0);
			expect(stdout).toContain('Usage: capscheduler');
			expect(stdout).toContain('--json');
		},
		30_000,
	);
});
