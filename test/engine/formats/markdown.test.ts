import { describe, expect, it } from '@jest/globals';
import MarkdownIt from 'markdown-it';

import type { Row } from '../../../engine/contract/envelope.ts';
import { createMarkdownFormat } from '../../../engine/formats/markdown/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';

const markdown = createMarkdownFormat();
const reader = new MarkdownIt({ html: true, linkify: true });

exerciseFormat(markdown, {
	options: [{ title: true }, { nullText: '–', locale: 'de' }],
	countRows: (text) =>
		reader.parse(text, {}).filter(({ type }) => type === 'tr_open').length -
		(text.includes('|') ? 1 : 0),
});

const render = (rows: readonly Row[], given: object = {}): Promise<string> =>
	renderToText(markdown.render(inputOf(rows), markdown.options.parse(given)));

describe('markdown', () => {
	it('is a table whose numbers stand right', async () => {
		const rows = [{ name: 'a|b', amount: 1.5 }, { name: 'two\nlines' }];
		expect(await render(rows, { title: true })).toBe(
			'# Daily sales\n\n| name | amount |\n| --- | --: |\n| a\\|b | 1.5 |\n| two<br>lines |  |\n',
		);
	});

	it('has a heading for each table', async () => {
		const table = (name: string) => ({ name, columns: undefined, rows: inputOf([{ x: 1 }]).rows });
		const input = { ...inputOf([]), tables: [table('a_b'), table('c')] };
		expect(await renderToText(markdown.render(input, markdown.options.parse({})))).toBe(
			'## a\\_b\n\n| x |\n| --: |\n| 1 |\n\n## c\n\n| x |\n| --: |\n| 1 |\n',
		);
	});

	it('holds nothing that is markup, loads or links, whatever is in a cell', async () => {
		const texts = [
			...NASTY_TEXTS,
			'![x](http://example.com/a.png)',
			'[x](javascript:alert(1))',
			'www.example.com http://example.com a@example.com',
			'`code` *em* __strong__ ~~gone~~ <b>bold</b> &nbsp; $x^2$',
			'\\| a',
			'# heading',
			'- list',
		];
		const tokens = reader.parse(await render(texts.map((text) => ({ text, last: 'z' }))), {});
		const inline = tokens.flatMap(({ children }) => children ?? []);
		const kinds = new Set(inline.map(({ type }) => type));
		expect([...kinds].filter((kind) => kind !== 'html_inline').sort()).toEqual(['text']);
		const html = inline.filter(({ type }) => type === 'html_inline');
		expect(html.every(({ content }) => content === '<br>' || content === '<!-- -->')).toBe(true);
		// each row has its two cells
		expect(tokens.filter(({ type }) => type === 'td_open')).toHaveLength(texts.length * 2);
	});
});
