import { describe, expect, it } from '@jest/globals';

import type { Row } from '../../../engine/contract/envelope.ts';
import { parseInput } from '../../../engine/contract/zod-issues.ts';
import { type ESCAPES } from '../../../engine/formats/template/escapes.ts';
import { createTemplateFormat } from '../../../engine/formats/template/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { generatedInput, inputOf, renderToText } from '../../support/format-input.ts';

const format = createTemplateFormat();
const ROWS = '{{#rows}}<{{@index}}>{{text}} {{name}} {{amount}} {{note}} {{at}}\n{{/rows}}';

exerciseFormat(format, {
	base: { template: ROWS, escape: 'html' },
	options: [{ template: `{{rowCount}}\n${ROWS}{{^rows}}none{{/rows}}`, locale: 'de' }],
	countRows: (text) => text.match(/<\d+>/g)?.length ?? 0,
});

async function render(template: string, rows: readonly Row[], given: object = {}): Promise<string> {
	const options = format.options.parse({ template, escape: 'none', ...given });
	return renderToText(format.render(inputOf(rows), options));
}

describe('template', () => {
	const rows = [
		{ id: 1, name: 'A & B', tags: ['x', 'y'], at: { city: 'Köln' }, paid: true },
		{ id: 2, name: '', tags: [], paid: false },
	];

	it('writes values, sections, inverted sections and what stands around the rows', async () => {
		const template =
			'H:{{title}}:{{parameters.region}}:{{rowCount}}\n' +
			'{{#rows}}{{id}};{{name}};{{#tags}}[{{.}}]{{/tags}}{{^tags}}-{{/tags}};{{at.city}};' +
			"{{#paid}}yes{{/paid}}{{^@last}},{{/@last}}{{! a comment }}\n{{/rows}}T'\n";
		expect(await render(template, rows)).toBe(
			"H:Daily sales:EU:2\n1;A & B;[x][y];Köln;yes,\n2;;-;;\nT'\n",
		);
	});

	it('says something else where there are no rows', async () => {
		expect(await render('{{#rows}}x{{/rows}}{{^rows}}none{{/rows}}', [])).toBe('none');
		expect(await render('{{#rows}}x{{/rows}}{{^rows}}none{{/rows}}', [{}, {}])).toBe('xx');
	});

	it('names the columns', async () => {
		const template = '{{#columns}}{{label}}{{^last}}|{{/last}}{{/columns}}';
		expect(await render(template, [{ a: 1, b: 2 }], { rename: { a: 'Alpha' } })).toBe('Alpha|b');
	});

	it('takes other delimiters, and writes patterns as other formats do', async () => {
		const template = '{{=<% %>=}}<%#rows%>{<%amount%>}<%/rows%>';
		const given = { numberFormat: '#,##0.00', locale: 'de' };
		expect(await render(template, [{ amount: 1234.5 }], given)).toBe('{1.234,50}');
	});

	it('finds own fields only: what every object has is nothing here', async () => {
		const template =
			'{{#rows}}[{{constructor}}{{toString}}{{__proto__}}{{name.length}}{{a.constructor.name}}]{{/rows}}';
		expect(await render(template, [{ name: 'x', a: {} }])).toBe('[]');
		const own = JSON.parse('{"constructor":"own","__proto__":"mine"}') as Row;
		expect(await render('{{#rows}}{{constructor}},{{__proto__}}{{/rows}}', [own])).toBe('own,mine');
	});

	it('shows nothing of the report where a row lacks the field of that name', async () => {
		expect(await render('{{#rows}}[{{title}}]{{/rows}}', [{ title: 'own' }, {}])).toBe('[own][]');
	});

	it.each([
		['{{#rows}}', 'Unclosed section'],
		['{{/rows}}', 'Unopened section'],
		['{{id', 'Unclosed tag'],
		["{{constructor.constructor('return 1')()}}", 'expected the name of a field'],
		['{{> other}}', 'no partials'],
		['{{#rows}}{{#rows}}{{/rows}}{{/rows}}', 'expected at the top'],
		['{{#rows}}{{#tables}}{{/tables}}{{/rows}}', 'expected at the top'],
		[`${'{{#a}}'.repeat(20)}${'{{/a}}'.repeat(20)}`, 'at most 16 levels'],
	])('refuses %s as an invalid template', (template, why) => {
		expect(() => parseInput(format.options, { template, escape: 'none' })).toThrow(
			expect.objectContaining({
				code: 'TEMPLATE_INVALID',
				message: expect.stringContaining(why) as unknown,
			}),
		);
	});

	it('demands to be told how to escape', () => {
		expect(format.options.safeParse({ template: 'x' }).success).toBe(false);
	});

	it.each<[keyof typeof ESCAPES, string, string]>([
		['none', `<a href="x">'&+:?`, `<a href="x">'&+:?`],
		['html', `<a>'"&\``, '&#60;a&#62;&#39;&#34;&#38;&#96;'],
		['xml', '<\u0000\r>', '&#60;\ufffd&#13;&#62;'],
		['json', '"\n\\', '\\"\\n\\\\'],
		['csv', 'a"b,c', '"a""b,c"'],
		['csv', 'plain', 'plain'],
		['csv', '=1+1', "'=1+1"],
		['url', 'a b&c/ü', 'a%20b%26c%2F%C3%BC'],
		['edifact', "it's 5+5:1?", "it?'s 5?+5?:1??"],
		['x12', 'a*b~c\nd', 'a b c d'],
	])('escapes as %s: %j', async (escape, value, expected) => {
		expect(await render('{{#rows}}{{v}}{{/rows}}', [{ v: value }], { escape })).toBe(expected);
		expect(await render('{{#rows}}{{{v}}}{{&v}}{{/rows}}', [{ v: value }], { escape })).toBe(
			value + value,
		);
	});

	it('is an archive of files, or one file that goes through the tables', async () => {
		const table = (name: string) => ({
			name,
			columns: undefined,
			rows: inputOf([{ x: name }]).rows,
		});
		const input = { ...inputOf([]), tables: [table('a'), table('b')] };
		const through = {
			template: '{{#tables}}{{table}}:{{#rows}}{{x}}{{/rows}}\n{{/tables}}',
			escape: 'none',
		};
		const options = format.options.parse(through);
		expect(format.describe?.(input, options)).toMatchObject({ extension: 'txt' });
		expect(await renderToText(format.render(input, options))).toBe('a:a\nb:b\n');
		const each = format.options.parse({ template: '{{#rows}}{{x}}{{/rows}}', escape: 'none' });
		expect(format.describe?.(input, each)).toMatchObject({ extension: 'zip' });
	});

	it('stops lists within lists that would take for ever, or become too large', async () => {
		const list = Array.from({ length: 100 }, (_, n) => n);
		const template = `{{#rows}}${'{{#list}}'.repeat(8)}x${'{{/list}}'.repeat(8)}{{/rows}}`;
		await expect(render(template, [{ list }])).rejects.toMatchObject({ code: 'FORMAT_UNSUITABLE' });
		const long = 'x'.repeat(1_000_000);
		const large = '{{#rows}}{{#list}}{{v}}{{/list}}{{/rows}}';
		await expect(render(large, [{ list, v: long }])).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});

	it('goes through many rows that each are much', async () => {
		const list = Array.from({ length: 100 }, (_, n) => n);
		const options = format.options.parse({
			template: '{{#rows}}{{#list}}{{.}},{{/list}}\n{{/rows}}',
			escape: 'none',
		});
		let size = 0;
		for await (const chunk of format.render(
			generatedInput(5000, () => ({ list })),
			options,
		)) {
			size += chunk.length;
		}
		expect(size).toBe(5000 * 291);
	});
});
