import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { blocksOf, paste } from '../support/doc-blocks.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { startEngineProcess } from '../support/engine-process.ts';

/* What the pages tell the reader to paste is run here exactly as it is printed, against a fresh engine. */

let folder: string;
let engine: EngineProcess;
let variables: { URL: string; KEY: string };

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-docs-'));
	await mkdir(join(folder, 'out'));
	engine = await startEngineProcess({
		CAPSCHEDULER_DATA_DIR: join(folder, 'data'),
		CAPSCHEDULER_FILE_ROOTS: join(folder, 'out'),
	});
	variables = { URL: engine.url, KEY: engine.firstKey ?? '' };
});

afterEach(async () => {
	await engine.kill('SIGKILL');
	await rm(folder, { recursive: true, force: true });
});

/** JSON documents that follow one another. */
function answers(output: string): Record<string, unknown>[] {
	return output
		.replaceAll('}{', '}\n{')
		.split('\n')
		.filter((line) => line.startsWith('{'))
		.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the pages', () => {
	it('README: every example works as printed', async () => {
		const [order = '', runs = '', result = '', refusal = '', ...more] = await paste(
			blocksOf('README.md', 'readme'),
			{ cwd: folder, variables },
		);
		expect(more).toEqual([]);
		const [capability, schedule] = answers(order);
		expect(capability).toMatchObject({ name: 'health', revision: 1 });
		expect(schedule).toMatchObject({
			status: 'active',
			scheduleId: expect.stringMatching(/^sch_/),
		});
		expect(schedule?.['nextOccurrences']).toHaveLength(5);
		expect(answers(runs)[0]?.['items']).toMatchObject([
			{ capability: 'health', state: 'succeeded' },
		]);
		// once by key and once by link
		expect(result.match(/status\r?\nok\r?\n/g)).toHaveLength(2);
		expect(answers(refusal)[0]).toMatchObject({ status: 422, code: 'INVALID_TIMING' });
	});

	it('getting started: every example works as printed', async () => {
		const outputs = await paste(blocksOf('docs/getting-started.md', 'getting-started'), {
			cwd: folder,
			variables,
		});
		expect(outputs).toHaveLength(8);
		const [
			,
			registered = '',
			invoked = '',
			refused = '',
			scheduled = '',
			triggered = '',
			csv = '',
			told = '',
		] = outputs;
		expect(answers(registered)[0]).toMatchObject({
			name: 'sales',
			secrets: { secret: expect.stringMatching(/^whsec_/) },
		});
		expect(answers(invoked)[0]).toMatchObject({ state: 'succeeded' });
		expect(answers(refused)[0]).toMatchObject({
			code: 'INVALID_PARAMETERS',
			errors: [{ path: 'parameters.region' }],
		});
		expect(answers(scheduled)[0]).toMatchObject({ status: 'active' });
		expect(answers(triggered)[1]).toMatchObject({
			state: 'succeeded',
			deliveries: [{ state: 'delivered' }, { state: 'delivered' }],
		});
		expect(csv).toContain("EU,tea,42\r\nEU,'=SUM(A1:A9),17");
		expect(JSON.stringify(answers(told)[0])).toContain('whsec_');
		const files = (await readdir(join(folder, 'out'))).sort();
		expect(files.map((name) => name.split('.').at(-1))).toEqual(['csv', 'html']);
		expect(await readFile(join(folder, 'sales.log'), 'utf8')).toMatch(
			/^run_\w+, attempt \d: daily for EU$/m,
		);
	});
});
