import { deflateSync } from 'node:zlib';
import { crc32 } from 'node:zlib';

import { describe, expect, it } from '@jest/globals';

import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createHtmlFormat } from '../../../engine/formats/html/index.ts';
import { readPng } from '../../../engine/formats/shared/report/png.ts';
import { readLogo } from '../../../engine/formats/shared/report/theme.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText, type TestInput } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';

const page = createHtmlFormat();
const email = { ...page, options: page.options };
const ROWS = Array.from({ length: 12 }, (_, id) => ({
	day: `2026-01-${String(id + 1).padStart(2, '0')}`,
	region: ['north', 'south', 'east'][id % 3]!,
	sales: id * 1.5,
}));

const render = (given: object, input: TestInput = inputOf(ROWS)): Promise<string> =>
	renderToText(page.render(input, page.options.parse(given)));

describe('the email', () => {
	exerciseFormat(
		{
			...email,
			render: (input, given) =>
				page.render(input, { ...(given as object), email: true, maxRows: 1_000_000 }),
		},
		{
			countRows: (text) => {
				const table = text.slice(text.lastIndexOf('<table class="ink"'));
				return text.includes('No rows.') ? 0 : table.split('<tr valign').length - 1;
			},
		},
	);

	it('has its styles inside its elements, no script, no picture from elsewhere', async () => {
		const text = await render({ email: true, chart: 'bar' });
		expect(text).not.toMatch(/<script|<link|<svg|<iframe|@import|url\(|href=|src=/i);
		const body = text.slice(text.indexOf('<body'));
		expect(body).toContain('<td style="text-align:right">1.5</td>');
		// without the sheet for the dark nothing but the dark is lost
		expect(
			/<style>([^]*)<\/style>/
				.exec(text)?.[1]
				?.replace(/@media \(prefers-color-scheme:dark\)\{[^]*\}/, '')
				.trim(),
		).toBe(':root{color-scheme:light dark;supported-color-schemes:light dark}');
	});

	it('keeps its structure when every text is hostile', async () => {
		const structure = async (text: string): Promise<string[]> => {
			const rows = [{ [`${text}k`]: `${text}x`, n: 1 }];
			const html = await render(
				{ email: true },
				inputOf(rows, { meta: { title: `${text}x`, runId: text } }),
			);
			return [...html.matchAll(/<[!/]?[a-zA-Z][^>]*>/g)].map(([tag]) =>
				// a cell that holds a long word says how that may break
				tag.replace(/="[^"]*"/g, '').replace('<td style>', '<td>'),
			);
		};
		const expected = await structure('x');
		for (const text of NASTY_TEXTS.filter((nasty) => nasty !== '')) {
			expect(await structure(text)).toEqual(expected);
		}
	});

	it('shows a hundred rows in less than what mail programs show of a message', async () => {
		const notices: FormatNotice[] = [];
		const rows = Array.from({ length: 400 }, (_, n) => ({
			...ROWS[n % 12]!,
			a: n,
			b: `customer ${n}`,
			c: n / 7,
			d: true,
		}));
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		const text = await render({ email: true, chart: ['bar', 'scatter'] }, input);
		expect(text.length).toBeLessThan(100_000);
		expect(text).toContain('these are the first 100 of 400');
		expect(notices.map(({ code }) => code)).toEqual(['rows_truncated', 'chart_reduced']);
	});

	it('shows bars of a chart, and says where a picture is missing', async () => {
		const spec = { mark: 'point', encoding: { x: { field: 'sales' } } };
		const text = await render({ email: true, chart: [{ type: 'bar', y: 'sales' }, { spec }] });
		expect(text).toContain('Sum of sales by region');
		expect(text.match(/width="\d+%"><tr><td style="height:12px/g)).toHaveLength(3);
		expect(text).toContain('mail programs show no pictures of its kind');
	});
});

describe('the web page as a report', () => {
	it('draws charts as vectors that follow the colours of the page', async () => {
		const text = await render({
			chart: [{ type: 'line', y: 'sales', title: 'How it <went>' }, 'pie'],
		});
		expect(text.match(/<svg role="img"/g)).toHaveLength(2);
		expect(text).toContain('<figcaption>How it &lt;went&gt;</figcaption>');
		expect(text).toContain('style="stroke:var(--accent)"');
		expect(text).not.toMatch(/<a |href|<image/);
		const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
		expect(new Set(ids).size).toBe(ids.length);
	});

	it('says why a chart is not there, and shows the rows', async () => {
		const notices: FormatNotice[] = [];
		const input = { ...inputOf(ROWS), notice: (notice: FormatNotice) => notices.push(notice) };
		const text = await render({ chart: { type: 'bar', y: 'no such' } }, input);
		expect(text).toContain('This chart could not be drawn: there is no column &quot;no such&quot;');
		expect(text).toContain('<td>north</td>');
		expect(notices).toEqual([expect.objectContaining({ code: 'chart_reduced' })]);
	});

	it('makes a section of each result set, each with its own columns', async () => {
		const table = (name: string, row: object) => ({
			name,
			columns: undefined,
			rows: inputOf([row as never]).rows,
		});
		const input = {
			...inputOf([]),
			tables: [table('orders', { n: 1 }), table('no <b> names', { name: 'x' })],
		};
		const text = await render({}, input);
		expect(text.match(/<section class="t\d">/g)).toEqual([
			'<section class="t0">',
			'<section class="t1">',
		]);
		expect(text).toContain('<h2>no &lt;b&gt; names</h2>');
		expect(text).toContain('.t0 .rows td:nth-child(1)');
		expect(text).toContain('2 tables, 2 rows');
	});

	it('wears the theme: colours, size of type, logo, paper', async () => {
		const logo = `data:image/png;base64,${png(2, 2).toString('base64')}`;
		const text = await render({
			theme: { accent: '#7a1f5c', logo, fontSize: 12 },
			paper: 'Letter',
			orientation: 'landscape',
		});
		expect(text).toContain('--accent:#7a1f5c');
		expect(text).toContain('@page{size:letter landscape');
		expect(text).toContain('img-src data:;');
		expect(text).toContain(`<img class="logo" src="${logo}" alt="">`);
	});

	it('writes cells as the options say', async () => {
		const text = await render({
			locale: 'de',
			dateFormat: 'dd.MM.yyyy',
			columns: ['day', { name: 'sales', label: 'Umsatz' }],
		});
		expect(text).toContain('<td>12.01.2026</td><td>16,5</td>');
		expect(text).toContain('<th scope="col">Umsatz</th>');
	});
});

/** A PNG of red, half transparent pixels. */
function png(width: number, height: number): Buffer {
	const chunk = (type: string, data: Buffer): Buffer => {
		const body = Buffer.concat([Buffer.from(type), data]);
		const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
		length.writeUInt32BE(data.length);
		sum.writeUInt32BE(crc32(body));
		return Buffer.concat([length, body, sum]);
	};
	const header = Buffer.alloc(13);
	header.writeUInt32BE(width, 0);
	header.writeUInt32BE(height, 4);
	header.set([8, 6], 8);
	const line = Buffer.concat([
		Buffer.from([0]),
		...Array.from({ length: width }, () => Buffer.from([255, 0, 0, 128])),
	]);
	const lines = Buffer.concat(Array.from({ length: height }, () => line));
	return Buffer.concat([
		Buffer.from('89504e470d0a1a0a', 'hex'),
		chunk('IHDR', header),
		chunk('IDAT', deflateSync(lines)),
		chunk('IEND', Buffer.alloc(0)),
	]);
}

describe('logos', () => {
	it('are read pixel by pixel', () => {
		const pixels = readPng(png(2, 1));
		expect(pixels).toMatchObject({ width: 2, height: 1 });
		expect([...(pixels?.colours ?? [])]).toEqual([255, 0, 0, 255, 0, 0]);
		expect([...(pixels?.opacity ?? [])]).toEqual([128, 128]);
	});

	it.each([
		['another type', 'data:image/svg+xml;base64,PHN2Zy8+'],
		['a link', 'https://example.com/logo.png'],
		['no picture', 'data:image/png;base64,AAAA'],
		['a broken one', `data:image/png;base64,${png(9, 9).subarray(0, 50).toString('base64')}`],
		['a bomb', `data:image/png;base64,${bomb().toString('base64')}`],
		['half a JPEG', 'data:image/jpeg;base64,/9j/'],
	])('are refused when they are %s', (_, uri) => {
		expect(readLogo(uri)).toBeUndefined();
		expect(page.options.safeParse({ theme: { logo: uri } }).success).toBe(false);
	});
});

/** Says that it is small and unpacks to more. */
function bomb(): Buffer {
	const file = png(2000, 2000);
	file.writeUInt32BE(2, 16);
	file.writeUInt32BE(2, 20);
	return file;
}
