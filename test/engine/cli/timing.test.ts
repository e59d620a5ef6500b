import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { bar, months, sparkline, squeeze } from '../../../engine/cli/draw.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { CliResult } from '../../support/cli.ts';
import { runCli } from '../../support/cli.ts';
import type { TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';

/** Nobody listens there: what works all the same needs no engine. */
const NOWHERE = { CAPSCHEDULER_URL: 'http://127.0.0.1:9' };

describe('capscheduler preview', () => {
	const preview = (...args: string[]): Promise<CliResult> => runCli(['preview', ...args], NOWHERE);

	it('draws the days and lists the instants, without an engine', async () => {
		const { code, stdout, stderr } = await preview(
			...['0 9 * * 1-5', '--tz', 'Europe/Berlin', '--from', '2027-03-25T12:00:00Z'],
			...['--viewer', 'America/New_York', '--count', '3'],
		);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		expect(stdout).toContain('22  23  24  25  26• 27  28');
		expect(stdout).toContain('29• 30• 31');
		expect(stdout).toContain('Mon 2027-03-29 09:00 +02:00   Mon 2027-03-29 03:00 -04:00');
	});

	it.each([
		['every 90m', 'every'],
		['@daily', 'cron'],
		['*/20 * * * *', 'cron'],
		['2099-01-31T09:00:00', 'at'],
		['in 10m', 'at'],
	])('understands %s', async (when, field) => {
		const { code, json } = await preview(when, '--json');
		expect(code).toBe(0);
		expect(json()['understood']).toHaveProperty(field);
	});

	it('names what is wrong with its place, and exits as for bad usage', async () => {
		const { code, stderr } = await preview('0 9 32 * *');
		expect(code).toBe(2);
		expect(stderr).toContain('field 3 (day of month) within 1-31, got 32 at position 5');
		expect((await preview('0 9 * * *', '--tz', 'Europe/Berlni')).stderr).toContain('Europe/Berlin');
		expect((await preview('0 9 * * *', '--count', '1001')).code).toBe(2);
		const twoZones = ['every day at 9 in America/New_York', '--tz', 'Europe/Berlin'];
		expect((await preview(...twoZones)).stderr).toContain('--tz: expected nothing');
	});
});

describe('capscheduler with an engine', () => {
	let folder: string;
	let server: CapabilityServer;
	let engine: TestEngine;
	let id: string;
	const cli = async (...args: string[]): Promise<CliResult> =>
		runCli(args, { CAPSCHEDULER_URL: engine.url, CAPSCHEDULER_KEY: await engine.keyOf(['admin']) });

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-cli-timing-'));
		server = await new CapabilityServer().start();
		engine = await startTestEngine();
		const binding = { type: 'http', url: server.json('/rows', []) };
		await engine.admin.put('/v1/capabilities/rows', { actions: { go: {} }, binding });
		const timing = { cron: '0,30 * * * *' };
		const made = await engine.admin.post('/rows/schedule', { action: 'go', timing, name: 'rows' });
		id = made.body.scheduleId;
	});
	afterAll(async () => {
		await engine.close();
		await server.close();
		await rm(folder, { recursive: true, force: true });
	});

	it('explains an instant step by step', async () => {
		const { code, stdout } = await cli('explain', id, '--at', '2099-03-01T09:07:00Z');
		expect(code).toBe(0);
		expect(stdout).toContain(
			'It is no occurrence of the schedule: the minute is 7, the pattern wants 0,30.',
		);
		expect(stdout).toMatch(/✗ timing +the minute is 7/);
		expect(stdout).toMatch(/after +2099-03-01T09:30:00/);
		expect((await cli('explain', id, '--json')).json()).toMatchObject({ verdict: 'will_run' });
		expect((await cli('explain', 'sch_00000000000000000000000000')).code).toBe(4);
	});

	it('simulates from a file, with an engine only where a schedule of it is named', async () => {
		const range = { from: '2099-03-01T00:00:00Z', to: '2099-03-01T03:00:00Z' };
		const imagined = join(folder, 'imagined.json');
		const schedules = [
			{ name: 'sync', frequency: 'every 15m', duration: '20m', policies: { timeout: '1h' } },
		];
		await writeFile(imagined, JSON.stringify({ schedules, ...range }));
		const offline = await runCli(['simulate', imagined], NOWHERE);
		expect(offline.code).toBe(0);
		expect(offline.stdout).toContain('6 fired, 6 skipped overlap; runs: 6 succeeded');
		expect(offline.stdout).toMatch(/^sync {2}[·█x]{72}$/m);

		const real = join(folder, 'real.json');
		await writeFile(real, JSON.stringify({ schedules: [{ scheduleId: id }], ...range }));
		expect((await runCli(['simulate', real], NOWHERE)).code).toBe(3);
		const online = await cli('simulate', real, '--json');
		expect(online.json()).toMatchObject({ schedules: [{ name: 'rows', totals: { attempts: 7 } }] });
	});

	it('draws the forecast', async () => {
		const { code, stdout } = await cli('forecast', '--horizon', '6h');
		expect(code).toBe(0);
		expect(stdout).toMatch(/^1[123] occurrences of 1 schedule/);
		expect(stdout).toContain('the fullest minutes');
		expect(stdout).toContain('by cron 0,30 * * * * UTC, 1 schedule');
		expect((await cli('forecast', '--json')).json()).toHaveProperty('counts');
		expect((await cli('forecast', '--horizon', '9d')).code).toBe(4);
	});
});

describe('the small pictures', () => {
	it('bars are as long as their share', () => {
		expect(bar(8, 8, 4)).toBe('████');
		expect(bar(1, 2, 4)).toBe('██');
		expect(bar(0, 2, 4)).toBe('');
		expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█');
		expect(squeeze([1, 2, 3, 4, 5], 2)).toEqual([6, 9]);
	});

	it('months have every day once, under its weekday', () => {
		const drawn = months(new Map([['2027-02-28', 2]]), 2).split('\n');
		expect(drawn).toEqual([
			'       February 2027',
			'Mo  Tu  We  Th  Fr  Sa  Su',
			' 1   2   3   4   5   6   7',
			' 8   9  10  11  12  13  14',
			'15  16  17  18  19  20  21',
			'22  23  24  25  26  27  28•',
		]);
	});
});
