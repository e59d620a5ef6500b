import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { JsonValue } from '../../../engine/contract/json.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { createYamlFormat } from '../../../engine/formats/yaml/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';
import { NASTY_ROWS } from '../../support/nasty-rows.ts';

const yaml = createYamlFormat();

exerciseFormat(yaml, {
	options: [{ nested: 'flatten' }],
	countRows: (text) => (parse(text) as unknown[]).length,
});

const render = (rows: readonly Row[], given: object = {}): Promise<string> =>
	renderToText(yaml.render(inputOf(rows), yaml.options.parse(given)));

/** As JSON would say it: YAML knows infinities and minus zero. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('yaml', () => {
	it('is a list of rows, a cell a line, with as few quotes as are safe', async () => {
		const rows = [
			{ id: 1, name: 'Ada Lovelace', note: 'yes', at: '2026-11-27', none: null, list: [1, 'a: b'] },
			{},
			{ 'a key': true, big: parseJson('9007199254740993'), huge: 1e308 },
		];
		expect(await render(rows)).toBe(`- id: 1
  name: Ada Lovelace
  note: "yes"
  at: "2026-11-27"
  none: null
  list: [1, "a: b"]
- {}
- a key: true
  big: 9007199254740993
  huge: 1.0e+308
`);
		expect(await render([])).toBe('[]\n');
	});

	it('says what the rows said', async () => {
		expect(parse(await render(NASTY_ROWS))).toEqual(plain(NASTY_ROWS));
	});

	it('says what any rows say', async () => {
		const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
		const key = fc.string({ unit: 'grapheme' });
		await fc.assert(
			fc.asyncProperty(fc.array(fc.dictionary(key, value)), async (rows) => {
				expect(plain(parse(await render(rows)))).toEqual(plain(rows));
			}),
		);
	});

	it('says long keys in another way, as YAML demands', async () => {
		const key = 'k'.repeat(2000);
		const rows = [
			{ a: 1, [key]: { [key]: 2 } },
			{ [key]: 3, b: 4 },
		];
		expect(parse(await render(rows))).toEqual(rows);
	});

	it('has a list for each table', async () => {
		const input = {
			...inputOf([]),
			tables: [
				{ name: 'a', columns: undefined, rows: inputOf([{ x: 1 }, { x: 2, z: 3 }]).rows },
				{ name: 'no: rows', columns: undefined, rows: inputOf([]).rows },
			],
		};
		const text = await renderToText(yaml.render(input, yaml.options.parse({})));
		expect(text).toBe('a:\n  - x: 1\n  - x: 2\n    z: 3\n"no: rows": []\n');
		const omitted = yaml.options.parse({ omit: ['x'] });
		expect(parse(await renderToText(yaml.render(input, omitted)))).toEqual({
			a: [{}, { z: 3 }],
			'no: rows': [],
		});
	});
});
