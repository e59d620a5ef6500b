import { describe, expect, it } from '@jest/globals';

import { createJsonFormat } from '../../../engine/formats/json/index.ts';
import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inChunks, inputOf, META, renderToText } from '../../support/format-input.ts';
import { NASTY_ROWS } from '../../support/nasty-rows.ts';

const json = createJsonFormat();

exerciseFormat(json, {
	options: [{ pretty: true }, { shape: 'envelope' }, { shape: 'envelope', pretty: true }],
	countRows(text) {
		const value = JSON.parse(text) as unknown[] | { rows: unknown[]; rowCount: number };
		if (Array.isArray(value)) return value.length;
		expect(value.rowCount).toBe(value.rows.length);
		return value.rows.length;
	},
});

/** A result that is stored as JSON. */
const stored = (text: string, given: object = {}): Promise<string> => {
	const open = () => inChunks(Buffer.from(text), 7);
	const rows = createRowReader({ encoding: 'json', open });
	const input = { ...inputOf([]), rows, bytes: open, encoding: 'json' as const };
	return renderToText(json.render(input, json.options.parse(given)));
};

describe('json', () => {
	it('says what the rows said', async () => {
		const text = await renderToText(json.render(inputOf(NASTY_ROWS), json.options.parse({})));
		expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(NASTY_ROWS)));
	});

	it('writes an element a line', async () => {
		expect(await stored('[{"a":1},{"a":2}]')).toBe('[\n{"a":1},\n{"a":2}\n]\n');
		expect(await stored('[]')).toBe('[]\n');
	});

	it('indents as JSON.stringify does', async () => {
		const value = [{ a: 1, b: [1, { c: '\n' }] }, {}, { d: [] }];
		const text = JSON.stringify(value);
		expect(await stored(text, { pretty: true })).toBe(`${JSON.stringify(value, null, 2)}\n`);
		const envelope = await stored(text, { pretty: true, shape: 'envelope' });
		expect(envelope).toBe(`${JSON.stringify(JSON.parse(envelope), null, 2)}\n`);
	});

	it.each(['42', '"text"', 'null', '{"total":5,"byRegion":{"EU":3}}', '[1,"a",null,[2]]'])(
		'leaves %s what it is',
		async (text) => {
			expect(JSON.parse(await stored(text))).toEqual(JSON.parse(text));
			expect(JSON.parse(await stored(text, { pretty: true }))).toEqual(JSON.parse(text));
		},
	);

	it('takes the rows out of an object that has them', async () => {
		expect(JSON.parse(await stored('{"columns":[{"name":"a"}],"rows":[{"a":1}],"x":1}'))).toEqual([
			{ a: 1 },
		]);
	});

	it('keeps every digit of numbers that no double holds', async () => {
		const text = '[{"id":9007199254740993,"big":1e400,"ok":1.5}]';
		expect(await stored(text)).toBe('[\n{"id":9007199254740993,"big":1e400,"ok":1.5}\n]\n');
		expect(await stored('-9007199254740993')).toBe('-9007199254740993\n');
	});

	it('puts what is known about the rows into the envelope', async () => {
		expect(JSON.parse(await stored('[{"a":1,"b":2}]', { shape: 'envelope' }))).toEqual({
			meta: META,
			columns: [{ name: 'a' }, { name: 'b' }],
			rows: [{ a: 1, b: 2 }],
			rowCount: 1,
		});
		expect(JSON.parse(await stored('42', { shape: 'envelope' }))).toMatchObject({
			rows: [{ value: 42 }],
		});
	});
});
