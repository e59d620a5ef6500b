import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Row } from '../../../engine/contract/envelope.ts';
import { createHtmlFormat } from '../../../engine/formats/html/index.ts';
import { digits } from '../../../engine/formats/html/numbers.ts';
import { markup } from '../../../engine/formats/html/template.ts';
import { ColumnProfile } from '../../../engine/formats/shared/report/profile.ts';
import { rounded } from '../../../engine/formats/shared/report/summary.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import {
	generatedInput,
	inputOf,
	renderToText,
	type InputOptions,
} from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';

const page = createHtmlFormat();

const render = (rows: readonly Row[], given: object = {}, input?: InputOptions): Promise<string> =>
	renderToText(page.render(inputOf(rows, input), page.options.parse(given)));

const tableOf = (text: string): string =>
	/<table class="rows">([^]*?)<\/table>/.exec(text)?.[1] ?? '<tbody></tbody>';
const bodyRows = (text: string): string[] => {
	const body = /<tbody>([^]*)<\/tbody>/.exec(tableOf(text))?.[1] ?? '';
	return [...body.matchAll(/<tr>([^]*?)<\/tr>/g)].map((match) => match[1]!);
};
const cells = (row: string | undefined): string[] =>
	[...(row ?? '').matchAll(/<td[^>]*>([^]*?)<\/td>/g)].map((match) => match[1]!);

exerciseFormat(page, {
	options: [{ summary: false }, { title: 'Another <title>' }],
	countRows: (text) => bodyRows(text).length,
});

/** The tags of a page in order, with their attributes' names: its structure. */
const structureOf = (text: string): string[] =>
	[...text.replace(/<style>[^]*?<\/style>/, '').matchAll(/<[!/]?[a-zA-Z][^>]*>/g)].map(([tag]) =>
		tag.replace(/="[^"]*"/g, '=""'),
	);

const everywhere = (text: string): Promise<string> =>
	render(
		[{ [`${text}k`]: text, nested: [text], plain: 1 }],
		{},
		{
			meta: {
				title: text,
				capability: text,
				action: text,
				runId: text,
				parameters: { [text]: text, list: [text], more: 1 },
			},
			columns: [
				{ name: `${text}k`, title: text },
				{ name: 'nested', title: text },
				{ name: 'plain' },
			],
		},
	);

describe('the web page', () => {
	it('is one complete document that loads and runs nothing', async () => {
		const text = await render([{ a: 1 }]);
		expect(text).toMatch(/^<!doctype html>\n<html lang="en">/);
		expect(text).toMatch(/<\/html>\n$/);
		expect(text).toContain(
			`http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;`,
		);
		expect(text).not.toMatch(/<script|<link|<img|<iframe|<base|<form|@import|url\(|src=|href=/i);
	});

	it.each(NASTY_TEXTS.filter((text) => text !== '').map((text) => [text]))(
		'keeps its structure when every text is %j',
		async (text) => {
			// an end that is no number: numbers get groups of digits
			expect(structureOf(await everywhere(`${text}x`))).toEqual(structureOf(await everywhere('x')));
		},
	);

	it('keeps its structure whatever the texts are', async () => {
		const expected = structureOf(await everywhere('x'));
		const hostile = fc.string({
			unit: fc.constantFrom(
				...`<>"'&=/!-\`;#x `,
				'<script>',
				'</td>',
				'\u0000',
				'\u2028',
				'\ud800',
				'on',
			),
		});
		await fc.assert(
			fc.asyncProperty(fc.oneof(hostile, fc.string({ unit: 'binary' })), async (text) => {
				expect(structureOf(await everywhere(`${text}x`))).toEqual(expected);
			}),
		);
	});

	it('shows control characters as pictures', () => {
		expect(String(markup`<p>${'a\u0000b\u007f'}</p>`)).toBe('<p>a\u2400b\u2421</p>');
	});

	it('says what it is: instants in the zone, the period, the parameters', async () => {
		const text = await render([{ a: 1 }]);
		expect(text).toContain('<h1>Daily sales</h1>');
		expect(text).toContain('reports / daily-sales');
		expect(text).toContain('Mon 23 Nov 2026, 09:00 CET');
		expect(text).toContain('Sun 22 Nov 2026, 09:00 CET');
		expect(text).toContain('09:00:03 CET');
		expect(text).toContain('<b>region</b> EU');
		expect(text).toContain('run_1');
	});

	it('leaves out what a run without schedule does not have', async () => {
		const text = await render([], {}, { meta: { nominalAt: null, window: null, parameters: {} } });
		expect(text).not.toMatch(/Scheduled for|Period|Parameters/);
		expect(text).toContain('No rows');
	});

	it('never cuts silently', async () => {
		const input = generatedInput(25_000, (id) => ({ id }));
		const text = await renderToText(page.render(input, page.options.parse({ maxRows: 1500 })));
		expect(bodyRows(text)).toHaveLength(1500);
		expect(text).toContain('This page shows the first 1<i>500</i> of 25<i>000</i> rows.');
		expect(input.readers.given).toBeLessThan(2000);
		expect(input.readers.closed).toBe(2);
		expect(await render([{ a: 1 }], { maxRows: 1 })).not.toContain('role="note"');
	});

	it('sets the points of numbers below each other without changing the numbers', async () => {
		const rows = bodyRows(await render([{ n: 1.25 }, { n: 10 }, { n: 3.5 }, { n: null }]));
		expect(rows).toEqual([
			'<td>1.25</td>',
			'<td data-z=".00">10</td>',
			'<td data-z="0">3.5</td>',
			'<td></td>',
		]);
	});

	it('shows numbers that came as text as numbers, and codes as text', async () => {
		const text = await render([
			{ n: '12.5', zip: '01234' },
			{ n: '7', zip: '99999' },
		]);
		expect(cells(bodyRows(text)[1])).toEqual(['7', '99999']);
		expect(text).toContain(
			'@media all{.t0 .rows td:nth-child(1),.t0 .rows th:nth-child(1){text-align:right}}',
		);
	});

	it('parts the digits of amounts, not of years and row numbers', async () => {
		const rows = Array.from({ length: 5 }, (_, n) => ({
			id: 10_000 + n,
			year: 2026 - n,
			amount: 1_234_567.5 * (n + 1),
		}));
		const first = cells(bodyRows(await render(rows))[0]);
		expect(first).toEqual(['10000', '2026', '1<i>234</i><i>567</i>.5']);
		expect(String(digits('-1234'))).toBe('-1<i>234</i>');
		expect(String(digits('1e+308'))).toBe('1e+308');
	});

	it('sums up the columns: numbers, dates, what is empty', async () => {
		const rows = [
			{ day: '2026-01-02', n: 0.1, year: 2024 },
			{ day: '2026-01-01', n: 0.2, year: 2025 },
			{ day: null, n: 0.3, year: 2026 },
		];
		const about = /<table class="about">([^]*)<\/table>/.exec(await render(rows))?.[1] ?? '';
		const [day, n, year] = [...about.matchAll(/<tr>(<td>[^]*?)<\/tr>/g)].map((match) =>
			cells(match[1]),
		);
		expect(day).toEqual(['day', 'date', '2', '1', '2026-01-01', '2026-01-02', '', '']);
		expect(n).toEqual(['n', 'number', '3', '', '0.1', '0.3', '0.2', '0.6']);
		expect(year).toEqual(['year', 'number', '3', '', '2024', '2026', '', '']);
		expect(rounded(1.005, 4)).toBe('1.005');
	});

	it('shows every digit of numbers that no double holds', async () => {
		const row = {
			id: (JSON as unknown as { rawJSON(text: string): never }).rawJSON('9007199254740993'),
		};
		const text = await render([row, row]);
		expect(bodyRows(text)[0]?.replace(/<[^>]*>/g, '')).toBe('9007199254740993');
	});
});

describe('numbers on the web page', () => {
	const doubles = fc.oneof(
		fc.double({ noNaN: true, noDefaultInfinity: true }),
		fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }).map((number) => number / 100),
		fc.integer({ min: -99_999, max: 99_999 }).map((number) => number / 10),
		fc.integer({ min: 1, max: 2_000_000 }).map((number) => number / 7),
		fc.maxSafeInteger(),
		fc.constantFrom(0, -0, 1e21, 1e20, 1e-6, 1e-7, 5e-324, 1e13 + 0.25, 0.07, 1.005, 999.995),
	);

	it('are the digits that JavaScript writes, in groups, whatever they are', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(doubles, { minLength: 1, maxLength: 20 }), async (numbers) => {
				const shown = bodyRows(await render(numbers.map((n) => ({ n })))).map((row) => {
					const [cell = ''] = cells(row);
					// a group is of three digits, and stands behind others
					expect(cell).toMatch(/^-?\d{1,3}(?:<i>\d{3}<\/i>)*[^<]*$|^[^<]*$/);
					return cell.replace(/<\/?i>/g, '');
				});
				expect(shown).toEqual(numbers.map(String));
			}),
		);
	});

	it('are as long as they are, though most of them are never written out to know it', () => {
		fc.assert(
			fc.property(fc.array(doubles, { minLength: 1, maxLength: 40 }), (numbers) => {
				const profile = new ColumnProfile();
				for (const number of numbers) profile.add(number);
				const texts = numbers.map(String);
				const longest = Math.max(...texts.map((text) => text.length));
				expect(profile.longest).toBe(longest);
				expect(profile.sample).toBe(texts.find((text) => text.length === longest));
				const wholes = texts.map((text) => (text.includes('e') ? text : text.split('.')[0]!));
				expect(profile.longestWhole).toBe(Math.max(...wholes.map((text) => text.length)));
				const decimals = texts.map((text) =>
					text.includes('e') ? 0 : (text.split('.')[1]?.length ?? 0),
				);
				expect(profile.decimals).toBe(Math.min(17, Math.max(...decimals)));
			}),
		);
	});
});

describe('rows on the web page', () => {
	it('have each value in its column, in whatever order and number their keys come', async () => {
		const rows = [{ a: 1, b: 'x' }, { b: 'y', a: 2 }, { a: 3 }, { c: true, a: 4 }, {}];
		const shown = bodyRows(await render(rows)).map((row) => cells(row));
		expect(shown).toEqual([
			['1', 'x', ''],
			['2', 'y', ''],
			['3', '', ''],
			['4', '', 'true'],
			['', '', ''],
		]);
	});
});
