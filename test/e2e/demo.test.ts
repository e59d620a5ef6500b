import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import { listen } from '../../engine/demo/listen.ts';
import { playDemo } from '../../engine/demo/story.ts';
import { spawnCli } from '../support/cli.ts';

interface Told {
	ok: boolean;
	folder: string;
	steps: { seconds: number; what: string; detail: string | null }[];
	files: string[];
}

let folder: string | undefined;

afterEach(async () => {
	if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe('the demo', () => {
	it('shows the main job within 30 seconds, in order, and its files open', async () => {
		const { code, stdout, stderr } = await spawnCli(['demo', '--json']);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		const told = JSON.parse(stdout) as Told;
		({ folder } = told);
		expect(told.ok).toBe(true);
		expect(told.steps.map(({ what }) => what)).toEqual([
			'engine started',
			'capability registered',
			'schedule accepted',
			'schedule is due',
			'capability called',
			'result stored',
			'file delivered',
			'file delivered',
			'callback verified',
			'link fetched',
		]);
		expect(told.steps.at(-1)?.seconds).toBeLessThan(30);

		const open = async (end: string) =>
			readFile(told.files.find((file) => file.endsWith(end)) ?? '', 'utf8');
		const rows = parse<Record<string, string>>(await open('.csv'), { columns: true });
		expect(rows).toHaveLength(31);
		expect(rows[0]).toEqual({
			date: '2014-10-01',
			precipitation: '0',
			temp_max: '18.3',
			temp_min: '11.1',
			wind: '2.1',
			weather: 'sun',
		});
		const page = await open('.html');
		expect(page).toMatch(/^<!doctype html>/i);
		expect(page).toContain('Seattle, October 2014');
		expect(page).toContain('2014-10-31');
	});

	it('ends with the reason when something does not work', async () => {
		const broken = createServer((_request, response) => response.writeHead(500).end('no room'));
		const { url, close } = await listen(broken);
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-demo-'));
		const told: string[] = [];
		let stopped = false;
		const played = playDemo({
			folder,
			clock: systemClock,
			startEngine: async () => ({
				url: url.slice(0, -1),
				key: 'csk_none',
				stop: async () => {
					stopped = true;
				},
			}),
			tell: (_seconds, what) => told.push(what),
		});
		await expect(played).rejects.toThrow('PUT /v1/capabilities/weather was answered 500: no room');
		expect(told).toEqual(['engine started']);
		expect(stopped).toBe(true);
		close();
	});
});
