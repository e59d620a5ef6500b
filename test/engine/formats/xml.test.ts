import { spawnSync } from 'node:child_process';

import { describe, expect, it } from '@jest/globals';
import { SaxesParser } from 'saxes';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createXmlFormat } from '../../../engine/formats/xml/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';
import { NASTY_ROWS } from '../../support/nasty-rows.ts';

const xml = createXmlFormat();

exerciseFormat(xml, {
	options: [{ pretty: true }, { nested: 'json' }, { nested: 'flatten', timeZone: 'Europe/Berlin' }],
	countRows(text, given) {
		let depth = 0;
		let rows = 0;
		const parser = new SaxesParser({ xmlns: true });
		parser.on('error', (error) => {
			throw error;
		});
		parser.on('opentag', ({ name }) => {
			if (name === 'row' && depth === 1) rows += 1;
			depth += 1;
		});
		parser.on('closetag', () => {
			depth -= 1;
		});
		parser.write(text).close();
		void given;
		return rows;
	},
});

const render = (rows: readonly Row[], given: object = {}): Promise<string> =>
	renderToText(xml.render(inputOf(rows), xml.options.parse(given)));

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** Every cell of every row as Python's expat reads it. */
const READER = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
print(json.dumps([{c.get('name', c.tag): c.text or '' for c in row} for row in root]))
`;

describe('xml', () => {
	it('has an element for a row and a cell, and none for null', async () => {
		const rows = [{ a: 1, b: 'x & <y>', c: null, d: '' }];
		expect(await render(rows)).toBe(
			`${HEAD}<rows>\n<row><a>1</a><b>x &amp; &lt;y&gt;</b><d></d></row>\n</rows>\n`,
		);
	});

	it('names elements as XML allows, and keeps the key in an attribute', async () => {
		const rows = [{ 'first name': 1, '1st': 2, 'a"b': 3, xmlns: 4, first_name: 5, 'ns:x': 6 }];
		expect(await render(rows)).toContain(
			'<first_name_2 name="first name">1</first_name_2><_1st name="1st">2</_1st>' +
				'<a_b name="a&quot;b">3</a_b><_xmlns name="xmlns">4</_xmlns>' +
				'<first_name>5</first_name><ns_x name="ns:x">6</ns_x>',
		);
	});

	it('writes objects and lists as elements, or as asked for', async () => {
		const rows = [{ a: { b: [1, null, { c: 2 }], d: {} } }];
		expect(await render(rows)).toContain(
			'<row><a><b><item>1</item><item></item><item><c>2</c></item></b><d></d></a></row>',
		);
		expect(await render(rows, { nested: 'json' })).toContain(
			'<a>{"b":[1,null,{"c":2}],"d":{}}</a>',
		);
		expect(await render(rows, { nested: 'flatten' })).toContain('<a.b>');
	});

	it('indents when asked to', async () => {
		const rows = [{ a: 1, b: { c: 'x' } }, {}];
		expect(await render(rows, { pretty: true, root: 'list', row: 'entry' })).toBe(
			`${HEAD}<list>
  <entry>
    <a>1</a>
    <b>
      <c>x</c>
    </b>
  </entry>
  <entry></entry>
</list>
`,
		);
	});

	it('has a section for each table', async () => {
		const input = {
			...inputOf([]),
			tables: ['a', '<b>'].map((name) => ({
				name,
				columns: undefined,
				rows: inputOf([{ x: name }]).rows,
			})),
		};
		expect(await renderToText(xml.render(input, xml.options.parse({})))).toBe(
			`${HEAD}<rows>\n<table name="a">\n<row><x>a</x></row>\n</table>\n` +
				'<table name="&lt;b&gt;">\n<row><x>&lt;b&gt;</x></row>\n</table>\n</rows>\n',
		);
	});

	it('says the same to another reader, but for what XML cannot hold, which is told', async () => {
		const notices: FormatNotice[] = [];
		const input = {
			...inputOf(NASTY_ROWS),
			notice: (notice: FormatNotice) => notices.push(notice),
		};
		const text = await renderToText(xml.render(input, xml.options.parse({ nested: 'json' })));
		const { stdout, stderr } = spawnSync('python3', ['-c', READER], {
			input: text,
			encoding: 'utf8',
		});
		expect(stderr).toBe('');
		const read = JSON.parse(stdout) as Record<string, string>[];
		const possible = (value: string): string =>
			value
				.toWellFormed()
				// eslint-disable-next-line no-control-regex
				.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
		for (const [index, row] of NASTY_ROWS.entries()) {
			if (typeof row['text'] === 'string') expect(read[index]!['text']).toBe(possible(row['text']));
		}
		expect(notices).toMatchObject([{ code: 'values_changed' }]);
		expect(notices[0]!.count).toBeGreaterThan(3);
	});

	it('refuses names that are none', () => {
		for (const root of ['', 'a b', '1', 'xml', 'a:b', '<']) {
			expect(xml.options.safeParse({ root }).success).toBe(false);
		}
	});
});
