import { describe, expect, it } from '@jest/globals';

import type { Row } from '../../../engine/contract/envelope.ts';
import { createTextFormat } from '../../../engine/formats/text/index.ts';
import { widthOf } from '../../../engine/formats/text/width.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';

const text = createTextFormat();

exerciseFormat(text, {
	base: { numbers: true },
	options: [{ border: 'box' }, { border: 'none', maxWidth: 10, title: true }],
	// a cell of several lines takes several: the numbers stand at the first of each row
	countRows(table) {
		const lines = table.split('\n');
		const head = lines.findIndex((line) => /^(?:│ )? *#/.test(line));
		const at = lines[head]!.indexOf('#');
		return lines.slice(head + 1).filter((line) => /\d/.test(line[at] ?? '')).length;
	},
});

const render = (rows: readonly Row[], given: object = {}): Promise<string> =>
	renderToText(text.render(inputOf(rows), text.options.parse(given)));

describe('plain text', () => {
	const rows = [
		{ id: 1, name: 'Ada', amount: 12.5 },
		{ id: 20, name: 'Grace\nHopper', amount: -1000 },
	];

	it('is a table whose numbers stand right and whose lines stay lines', async () => {
		expect(await render(rows)).toBe(`id | name   | amount
---+--------+-------
 1 | Ada    |   12.5
20 | Grace  |  -1000
   | Hopper |
`);
	});

	it('has a box around it, or blanks only', async () => {
		expect(await render(rows.slice(0, 1), { border: 'box', title: true })).toBe(`Daily sales

┌────┬──────┬────────┐
│ id │ name │ amount │
├────┼──────┼────────┤
│  1 │ Ada  │   12.5 │
└────┴──────┴────────┘
`);
		expect(await render(rows.slice(0, 1), { border: 'none', numbers: true })).toBe(
			'#  id  name  amount\n1   1  Ada     12.5\n',
		);
	});

	it('wraps long cells at blanks, and leaves nothing out', async () => {
		const long = 'the quick brown fox jumps over supercalifragilisticexpialidocious dogs';
		const lines = (await render([{ a: long }], { maxWidth: 12, border: 'none' })).split('\n');
		expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(12);
		expect(lines.slice(1).join('').replaceAll(' ', '')).toBe(long.replaceAll(' ', ''));
		expect(lines.slice(1, 3)).toEqual(['the quick', 'brown fox']);
	});

	it('counts wide and combining characters as terminals show them', async () => {
		expect(['漢字', 'e\u0301', '👩‍👩‍👧‍👦', 'Ünï', 'ｱ', '\u200b'].map(widthOf)).toEqual([
			4, 1, 2, 3, 1, 0,
		]);
		expect(await render([{ a: '漢字', b: 1 }])).toBe('a    | b\n-----+--\n漢字 | 1\n');
		expect(['\u{17000}', '\u{18b00}', '\u{1b170}', '䷀', '☰', 'ᅡ', 'ः'].map(widthOf)).toEqual([
			2, 2, 2, 2, 2, 0, 0,
		]);
	});

	it('obeys no control character of a cell', async () => {
		expect(await render([{ a: '\u001b[31mred\u0007\u202e' }], { border: 'none' })).toBe(
			'a\n␛[31mred␇\ufffd\n',
		);
	});

	it('has a table below the other for each result set', async () => {
		const table = (name: string) => ({ name, columns: undefined, rows: inputOf([{ x: 1 }]).rows });
		const input = { ...inputOf([]), tables: [table('a'), table('b')] };
		expect(await renderToText(text.render(input, text.options.parse({})))).toBe(
			'a\nx\n-\n1\n\nb\nx\n-\n1\n',
		);
	});
});
