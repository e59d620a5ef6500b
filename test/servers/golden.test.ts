import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Format, FormatInput } from '../../engine/formats/format.port.ts';
import { createHtmlFormat } from '../../engine/formats/html/index.ts';
import { createOdsFormat } from '../../engine/formats/ods/index.ts';
import { createPdfFormat } from '../../engine/formats/pdf/index.ts';
import { createXlsxFormat } from '../../engine/formats/xlsx/index.ts';
import { openBrowser, type Browser } from '../support/browser.ts';
import { renderToBytes } from '../support/format-input.ts';
import { manyColumns, sales, scripts, severalTables } from '../support/report-input.ts';
import { expectGolden, expectNotGolden, onlyDejaVu, pagesOf } from './golden.ts';
import { printInLibreOffice, installLibreOffice } from './libreoffice.ts';
import { INSTALL_MS, installReaders, Shelf } from './readers.ts';

const pdf = createPdfFormat();
const html = createHtmlFormat();
const THEME = { theme: { accent: '#7a1f5c', fontSize: 11 }, paper: 'Letter' };
const CHARTS = { chart: [{ type: 'bar', x: 'region', y: 'sales' }, 'line'] };
/** Without the remarks, which are wide and seldom. */
const FEWER = { columns: ['day', 'region', 'orders', 'share'] };

let shelf: Shelf;
let fonts: Readonly<Record<string, string>>;
beforeAll(async () => {
	shelf = await Shelf.make();
	await installReaders('pdftoppm', 'chromium');
	await installLibreOffice();
	fonts = await onlyDejaVu(shelf);
}, INSTALL_MS);
afterAll(() => shelf.clear());

const bytesOf = (format: Format, input: FormatInput, given: object): Promise<Buffer> =>
	renderToBytes(format.render(input, format.options.parse(given)));

describe('pages of PDF', () => {
	const page = async (input: FormatInput, given: object, number: number): Promise<Buffer> => {
		const [picture] = await pagesOf(shelf, await bytesOf(pdf, input, given), [number]);
		return picture!;
	};

	it.each([
		['pdf-report', sales(), CHARTS, 1],
		['pdf-rows', sales(), { summary: false }, 1],
		['pdf-wide', manyColumns(), { summary: false }, 3],
		['pdf-scripts', scripts(), { summary: false }, 1],
		['pdf-theme', severalTables(), THEME, 1],
	] as const)('look as they did: %s', async (name, input, given, number) => {
		await expectGolden(name, await page(input, given, number));
	});

	it('do not, when a column is missing, or a summary is there', async () => {
		const given = { summary: false, omit: ['share'] };
		await expectNotGolden('pdf-rows', await page(sales(), given, 1));
		await expectNotGolden('pdf-wide', await page(manyColumns(), { summary: false }, 2));
		await expectNotGolden('pdf-scripts', await page(scripts(), {}, 1));
	});
});

describe('sheets', () => {
	const SHEETS = [
		['xlsx', createXlsxFormat()],
		['ods', createOdsFormat()],
	] as const;
	const print = async (name: string, format: Format, given: object): Promise<Buffer> => {
		const bytes = await bytesOf(format, sales(), given);
		const paper = await printInLibreOffice({ name: `sheet.${name}`, bytes }, fonts);
		const [picture] = await pagesOf(shelf, paper, [1]);
		return picture!;
	};

	it.each(SHEETS)('look as they did when LibreOffice prints them: %s', async (name, format) => {
		await expectGolden(name, await print(name, format, { numberFormat: '#,##0.00' }));
		await expectNotGolden(name, await print(name, format, FEWER));
	});
});

describe('pages of HTML', () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await openBrowser({
			viewport: { width: 1000, height: 1100 },
			scale: 0.5,
			env: fonts,
		});
	});
	afterAll(() => browser.close());

	const show = async (input: FormatInput, given: object): Promise<Buffer> => {
		const file = await shelf.put(await bytesOf(html, input, given), 'html');
		await browser.page.goto(pathToFileURL(file).href);
		return browser.page.screenshot();
	};

	it.each([
		['html-report', sales(), CHARTS],
		['html-email', sales(), { ...CHARTS, email: true }],
		['html-theme', severalTables(), THEME],
	] as const)('look as they did: %s', async (name, input, given) => {
		await expectGolden(name, await show(input, given));
	});

	it('do not, when a column is missing', async () => {
		await expectNotGolden('html-theme', await show(severalTables(), { ...THEME, omit: ['sales'] }));
		await expectNotGolden('html-email', await show(sales(), { ...FEWER, email: true }));
	});

	it.each([
		['a report', sales(), CHARTS],
		['60 columns', manyColumns(), {}],
		['many scripts', scripts(), {}],
		['an email', sales(), { email: true }],
		['an email of many scripts', scripts(), { email: true }],
	] as const)(
		'are wider than the window at no place but in their table: %s',
		async (_, input, given) => {
			// a mail program zooms out of what is too wide for a telephone
			for (const width of ['email' in given ? 600 : 360, 1000]) {
				await browser.page.setViewportSize({ width, height: 800 });
				await show(input, given);
				expect(await browser.page.evaluate(TOO_WIDE)).toEqual([]);
				expect(await browser.page.evaluate(UPON_EACH_OTHER)).toEqual([]);
			}
			await browser.page.setViewportSize({ width: 1000, height: 1100 });
		},
	);
});

/** What sticks out of the window, though nothing around it can be scrolled. */
const TOO_WIDE = `[...document.body.querySelectorAll('*')]
	.filter((element) => !element.closest('.scroll, svg, details:not([open])'))
	.filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
	.map((element) => element.outerHTML.slice(0, 100))`;

/** Texts that are drawn upon each other: boxes with more than some pixels in common, of what can be seen. */
const UPON_EACH_OTHER = `(() => {
	const boxes = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node = walker.nextNode(); node && boxes.length < 1500; node = walker.nextNode()) {
		const parent = node.parentElement;
		if (node.data.trim() === '' || parent.closest('svg, style, details:not([open])')) continue;
		// what was scrolled out of sight, or lies below a head that stays
		const window = parent.closest('.scroll')?.getBoundingClientRect();
		const isHead = getComputedStyle(parent).position === 'sticky';
		const range = document.createRange();
		range.selectNodeContents(node);
		for (const { left, right, top, bottom } of range.getClientRects()) {
			if (window && (left < window.left || right > window.right || bottom > window.bottom)) continue;
			if (!isHead) boxes.push({ left, right, top, bottom, text: node.data.slice(0, 40) });
		}
	}
	return boxes.flatMap((one, at) =>
		boxes
			.slice(at + 1)
			.filter((other) => {
				const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
				const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
				return wide > 2 && high > 6;
			})
			.map((other) => one.text + ' | ' + other.text),
	);
})()`;
