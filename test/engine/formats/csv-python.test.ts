import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Row } from '../../../engine/contract/envelope.ts';
import { createCsvFormat } from '../../../engine/formats/csv/index.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';

const READER = `
import csv, json, sys
with open(sys.argv[1], newline='', encoding='utf-8-sig') as file:
    print(json.dumps(list(csv.reader(file, delimiter=sys.argv[2], strict=True))))
`;

const python = spawnSync('python3', ['--version'], { encoding: 'utf8' }).status === 0;
const title = python
	? "csv read by Python's csv module"
	: "SKIPPED, NOT SHOWN: csv read by Python's csv module (no python3 on this machine)";

(python ? describe : describe.skip)(title, () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-csv-'));
	});
	afterAll(async () => {
		await rm(folder, { recursive: true });
	});

	it.each([
		{},
		{ delimiter: ';', quote: 'all', bom: true },
		{ delimiter: 'tab', eol: 'lf' },
		{ delimiter: '|', quote: 'all', eol: 'lf' },
	])('says the same with %j', async (given: { delimiter?: string }) => {
		const csv = createCsvFormat();
		const options = csv.options.parse({ ...given, formulaGuard: false });
		// Python before 3.11 refuses NUL
		const texts = NASTY_TEXTS.map((text) => text.replaceAll('\u0000', '').toWellFormed());
		const rows: Row[] = texts.map((text, index) => ({ [`na"me,;\n`]: text, index, last: text }));
		const file = join(folder, 'rows.csv');
		await writeFile(file, await renderToText(csv.render(inputOf(rows), options)));

		const delimiter = given.delimiter === 'tab' ? '\t' : (given.delimiter ?? ',');
		const { stdout, stderr } = spawnSync('python3', ['-c', READER, file, delimiter], {
			encoding: 'utf8',
			maxBuffer: 10_000_000,
		});
		expect(stderr).toBe('');
		expect(JSON.parse(stdout)).toEqual([
			[`na"me,;\n`, 'index', 'last'],
			...texts.map((text, index) => [text, String(index), text]),
		]);
	});
});
