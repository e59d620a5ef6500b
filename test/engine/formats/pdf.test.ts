import { describe, expect, it } from '@jest/globals';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createPdfFormat } from '../../../engine/formats/pdf/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import {
	generatedInput,
	inputOf,
	renderToBytes,
	type InputOptions,
	type TestInput,
} from '../../support/format-input.ts';
import { NASTY_ROWS, NASTY_TEXTS } from '../../support/nasty-rows.ts';
import { allText, readPdf, type PdfDocument } from '../../support/pdf-reader.ts';

const pdf = createPdfFormat();

const renderInput = async (input: TestInput, given: object = {}): Promise<PdfDocument> =>
	readPdf(await renderToBytes(pdf.render(input, pdf.options.parse(given))));
const render = (rows: readonly Row[], given: object = {}, input?: InputOptions) =>
	renderInput(inputOf(rows, input), given);

exerciseFormat(pdf, {
	options: [{ summary: false, paper: 'Letter', orientation: 'landscape', locale: 'de' }],
	countRowsOf: (bytes) => {
		const [, rows = ''] = /^([\d,]+) rows?, /m.exec(allText(readPdf(bytes))) ?? [];
		return Number(rows.replaceAll(',', ''));
	},
});

/** Texts of the table's rows on one page, as lines from top to bottom. */
const linesOf = ({ texts }: PdfDocument['pages'][number]): string[][] =>
	[...Map.groupBy(texts, ({ y }) => y)]
		.sort(([a], [b]) => a - b)
		.map(([, line]) => line.toSorted((a, b) => a.x - b.x).map(({ text }) => text));

describe('the PDF', () => {
	it('says what it is: title, language, dates of the result, and no machine', async () => {
		const { info, objects } = await render([{ a: 1 }]);
		const all = [...objects.values()].join('\n');
		expect(all).toContain('/Lang (en)');
		expect(all).toContain('/DisplayDocTitle true');
		expect(all).toContain('(Daily sales)');
		expect(all.match(/\(D:\d+Z\)/g)).toEqual(['(D:20261123080003Z)', '(D:20261123080003Z)']);
		expect(all).not.toMatch(/PDFKit|\/home|\/tmp/);
		expect(info).toMatch(/\/ID \[<[0-9a-f]{32}> <[0-9a-f]{32}>\]/);
	});

	it('shows the facts of the run in the zone of the schedule', async () => {
		const text = allText(await render([{ a: 1 }]));
		for (const fact of [
			'reports / daily-sales',
			'Daily sales',
			'1 row, 1 column',
			'Mon 23 Nov 2026, 09:00 CET',
			'Sun 22 Nov 2026, 09:00 CET',
			'Europe/Berlin',
			'region: EU',
			'Daily sales, run run_1',
		]) {
			expect(text.split('\n')).toContain(fact);
		}
	});

	it('loads and runs nothing, whatever the data says', async () => {
		const rows = NASTY_TEXTS.map((text) => ({ text, link: `https://example.com/${text}` }));
		const { objects } = await render(rows);
		const all = [...objects.values()].join('\n');
		expect(all).not.toMatch(/\/(?:URI|JavaScript|JS|Launch|GoToR|SubmitForm|EmbeddedFile|AA)\b/);
	});

	it('draws every text of every cell', async () => {
		const text = allText(await render(NASTY_ROWS));
		const seen = text.replaceAll(/\s/g, '');
		for (const expected of ['"quoted",and"more"', 'semicolon;pipe|comma,', '9007199254740993']) {
			expect(seen).toContain(expected);
		}
		expect(seen.split('x').length - 1).toBeGreaterThan(20_000);
	});

	it('repeats the heads on every page, and numbers the pages of all of them', async () => {
		const document = await renderInput(
			generatedInput(200, (id) => ({ id, name: `name ${id}` })),
			{ summary: false },
		);
		expect(document.pages.length).toBeGreaterThan(3);
		document.pages.forEach((page, index) => {
			const texts = page.texts.map(({ text }) => text);
			expect(texts).toContain('name');
			expect(texts).toContain(`Page ${index + 1} of `);
			expect(page.content).toContain('/Total Do');
		});
		const total = [...document.objects].find(([, object]) => object.includes('/Subtype /Form'));
		expect(document.stream(total?.[0] ?? 0)).toMatch(/<[0-9a-f]{4,8}> Tj/);
	});

	it('draws every row once, in order', async () => {
		const document = await renderInput(
			generatedInput(1000, (id) => ({ id: `row-${id}` })),
			{ summary: false },
		);
		const drawn = allText(document).match(/row-\d+/g);
		expect(drawn).toEqual(Array.from({ length: 1000 }, (_, id) => `row-${id}`));
	});

	it('sets the points of numbers below each other, right at the edge', async () => {
		const rows = [{ n: 1.25 }, { n: 10 }, { n: 333.5 }];
		const { pages } = await render(rows, { summary: false });
		const found = rows.map(({ n }) => pages[0]?.texts.find(({ text }) => text === String(n)));
		const width = (text: string): number =>
			text.length * 0.572 * 8.5 - (text.includes('.') ? 0.304 * 8.5 : 0);
		const points = found.map((text) => (text?.x ?? 0) + width(text?.text.split('.')[0] ?? ''));
		expect(Math.max(...points) - Math.min(...points)).toBeLessThan(0.1);
	});

	it('turns the page for more columns, and then goes on over further pages', async () => {
		const wide = (columns: number): Row =>
			Object.fromEntries(
				Array.from({ length: columns }, (_, at) => [`column ${at}`, `value ${at}`]),
			);
		const upright = await render([wide(4)]);
		expect(upright.pages[0]?.width).toBeLessThan(upright.pages[0]?.height ?? 0);
		const turned = await render([wide(12)]);
		expect(turned.pages[0]?.width).toBeGreaterThan(turned.pages[0]?.height ?? 0);
		const further = await render([wide(60)], { summary: false });
		const text = allText(further);
		for (let at = 0; at < 60; at++) expect(text.split('\n')).toContain(`value ${at}`);
		// the first column tells the rows apart on each of them
		expect(text.split('\n').filter((line) => line === 'value 0').length).toBeGreaterThan(2);
	});

	it('wraps long text inside its column, and goes on with it on the next page', async () => {
		const long = Array.from({ length: 3000 }, (_, at) => `word${at}`).join(' ');
		const document = await render([{ id: 1, long }], { summary: false });
		expect(document.pages.length).toBeGreaterThan(1);
		expect(allText(document).match(/word\d+/g)).toHaveLength(3000);
		for (const { texts, width } of document.pages) {
			for (const { x, text, size } of texts) {
				if (text.startsWith('word')) expect(x + text.length * size * 0.45).toBeLessThan(width);
			}
		}
	});

	it('embeds fonts for Latin, Greek, Cyrillic, Han, Hangul, Hebrew and Arabic, and keeps the text', async () => {
		const texts = [
			'Zażółć gęślą jaźń',
			'Ξεσκεπάζω την ψυχοφθόρα',
			'Съешь же ещё',
			'我能吞下玻璃而不伤身体',
			'키스의 고유조건은',
			'हिन्दी में लिखें',
			'ภาษาไทย',
			'👩‍👩‍👧‍👦 😀',
		];
		const notices: FormatNotice[] = [];
		const input = {
			...inputOf(texts.map((text) => ({ text }))),
			notice: (n: FormatNotice) => notices.push(n),
		};
		const document = await renderInput(input, { summary: false });
		const all = allText(document);
		for (const text of texts) expect(all).toContain(text);
		expect(notices).toEqual([]);
		const fonts = [...document.objects.values()].filter((object) => object.includes('/FontFile2'));
		expect(fonts.length).toBeGreaterThan(6);
		for (const font of fonts) expect(font).toMatch(/\/FontName \/[A-Z]{6}\+NotoSans|Emoji/);
	});

	it('draws right-to-left text from right to left', async () => {
		const { pages } = await render([{ text: 'שלום abc' }], { summary: false });
		const line = pages[0]?.texts.find(({ text }) => text.includes('abc'));
		expect(line?.text).toBe('abc םולש');
	});

	it('never hides a character that no font has', async () => {
		const notices: FormatNotice[] = [];
		const input = {
			...inputOf([{ text: 'a \u{13000} hieroglyph' }]),
			notice: (notice: FormatNotice) => notices.push(notice),
		};
		const text = allText(await renderInput(input));
		expect(text).toContain('a \u{13000} hieroglyph');
		expect(text.replaceAll('\n', ' ')).toContain('no font here has them: U+13000');
		expect(notices).toEqual([expect.objectContaining({ code: 'values_changed', count: 1 })]);
	});

	it('sums up the columns over all rows, also those that it leaves out', async () => {
		const notices: FormatNotice[] = [];
		const input = {
			...generatedInput(50, (n) => ({
				n: n * 2,
				day: `2026-01-${String((n % 28) + 1).padStart(2, '0')}`,
			})),
			notice: (notice: FormatNotice) => notices.push(notice),
		};
		const document = await renderInput(input, { maxRows: 10 });
		const lines = linesOf(document.pages[0]!);
		expect(lines).toContainEqual(['n', 'number', '50', '0', '98', '49', '2450']);
		expect(lines).toContainEqual(['day', 'date', '50', '2026-01-01', '2026-01-28']);
		expect(allText(document)).toContain('Not all rows are here: these are the first 10 of 50.');
		expect(notices).toEqual([
			expect.objectContaining({ code: 'rows_truncated', count: 40, limit: 10 }),
		]);
		await expect(renderInput(input, { maxRows: 10, onLimit: 'error' })).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});

	it('writes numbers and dates as the options say', async () => {
		const row = { amount: 1234567.5, at: '2026-11-23T08:00:00Z' };
		const given = { locale: 'de', numberFormat: '#,##0.00', dateTimeFormat: 'dd.MM.yyyy HH:mm' };
		const text = allText(await render([row], given)).split('\n');
		expect(text).toContain('1.234.567,50');
		expect(text).toContain('23.11.2026 09:00');
	});

	it('makes a section of each result set', async () => {
		const table = (name: string) => ({
			name,
			columns: undefined,
			rows: inputOf([{ of: name }]).rows,
		});
		const input = { ...inputOf([]), tables: [table('orders'), table('returns')] };
		const document = await renderInput(input);
		const text = allText(document).split('\n');
		expect(text).toEqual(expect.arrayContaining(['2 tables, 2 rows', 'orders', 'returns']));
		const outlines = [...document.objects.values()].filter((object) => object.includes('/Title'));
		expect(outlines.some((object) => object.includes('(returns)'))).toBe(true);
	});

	it('gives the same bytes whatever was made before it', async () => {
		const make = (text: string) =>
			renderToBytes(pdf.render(inputOf([{ text }]), pdf.options.parse({})));
		const first = await make('Ω 漢');
		await make('other 한글');
		expect((await make('Ω 漢')).equals(first)).toBe(true);
	});
});
