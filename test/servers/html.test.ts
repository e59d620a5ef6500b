import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { pathToFileURL } from 'node:url';

import type { Row } from '../../engine/contract/envelope.ts';
import type { FormatInput } from '../../engine/formats/format.port.ts';
import { createHtmlFormat } from '../../engine/formats/html/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { openBrowser, type Browser } from '../support/browser.ts';
import { inputOf, renderToBytes } from '../support/format-input.ts';
import { anyRows } from '../support/fuzzed-rows.ts';
import { NASTY_ROWS, NASTY_TEXTS, WIDE_ROW } from '../support/nasty-rows.ts';
import { sales, severalTables } from '../support/report-input.ts';
import { TYPED_COLUMNS, TYPED_ROWS } from '../support/typed-table.ts';
import { ask, INSTALL_MS, installReaders, Shelf } from './readers.ts';

const html = createHtmlFormat();
const INPUTS: readonly [string, FormatInput, object][] = [
	['every type', inputOf(TYPED_ROWS, { columns: TYPED_COLUMNS }), {}],
	['nasty rows', inputOf(NASTY_ROWS), {}],
	['nasty rows, as an email', inputOf(NASTY_ROWS), { email: true }],
	['nasty names', inputOf([Object.fromEntries(NASTY_TEXTS.map((text) => [text, text]))]), {}],
	['200 columns', inputOf([WIDE_ROW, WIDE_ROW]), {}],
	['no rows', inputOf([]), {}],
	['one column', inputOf([{ only: 'x' }]), {}],
	['several tables', severalTables(), {}],
	['several tables, as an email', severalTables(), { email: true }],
	['charts', sales(), { chart: ['bar', 'line', 'pie', { type: 'scatter', y: 'sales' }] }],
	['charts, as an email', sales(), { chart: ['bar', 'line', 'scatter'], email: true }],
];

/** Groups in a list of facts came with HTML 5.2, after this tidy; nothing else may be said. */
const OLDER = /^(?:<dl class="facts">|<div(?: class="wide")?><dt>|<\/dl>)/;

describe('HTML in programs that are not ours', () => {
	let shelf: Shelf;
	let browser: Browser;
	/** What the browser was asked for, but for the files themselves, and what it complained of. */
	const noticed: string[] = [];

	beforeAll(async () => {
		shelf = await Shelf.make();
		await installReaders('tidy', 'chromium');
		browser = await openBrowser({ viewport: { width: 1200, height: 900 } });
		browser.page.on('request', (request) => {
			if (!request.url().startsWith(pathToFileURL(shelf.path).href)) noticed.push(request.url());
		});
		browser.page.on('console', (message) => noticed.push(message.text()));
		browser.page.on('pageerror', (error) => noticed.push(error.message));
		browser.page.on('dialog', (dialog) => {
			noticed.push(dialog.message());
			void dialog.dismiss();
		});
	}, INSTALL_MS);
	afterAll(async () => {
		await browser.close();
		await shelf.clear();
	});

	const fileOf = async (input: FormatInput, given: object = {}): Promise<string> =>
		shelf.put(await renderToBytes(html.render(input, html.options.parse(given))), 'html');

	async function open(input: FormatInput, given: object = {}): Promise<Page> {
		await browser.page.goto(pathToFileURL(await fileOf(input, given)).href);
		return browser.page;
	}

	async function complaints(input: FormatInput, given: object = {}): Promise<string[]> {
		const bytes = await renderToBytes(html.render(input, html.options.parse(given)));
		const lines = bytes.toString('utf8').split(/\r\n|\n|\r/);
		const { stderr } = await ask('tidy', ['-q', '-e', '-utf8', await shelf.put(bytes, 'html')]);
		return stderr
			.split('\n')
			.filter((line) => line !== '')
			.map((line) => `${line}: ${lines[Number(/^line (\d+)/.exec(line)?.[1]) - 1] ?? ''}`)
			.filter((line) => !OLDER.test(line.slice(line.lastIndexOf(': <') + 2)));
	}

	it.each(INPUTS)('tidy finds nothing wrong in %s', async (_, input, given) => {
		expect(await complaints(input, given)).toEqual([]);
	});

	it.each(INPUTS)('Chromium shows %s, asks nobody and runs nothing', async (_, input, given) => {
		noticed.length = 0;
		const page = await open(input, given);
		expect(await page.title()).toBe('Daily sales');
		expect(await page.evaluate('document.scripts.length + document.links.length')).toBe(0);
		expect(await page.evaluate('performance.getEntriesByType("resource").length')).toBe(0);
		expect(noticed).toEqual([]);
	});

	it('Chromium reads every value of every type', async () => {
		const page = await open(inputOf(TYPED_ROWS, { columns: TYPED_COLUMNS }));
		const [head, ...rows] = await cellsOf(page);
		expect(head).toEqual(TYPED_COLUMNS.map(({ name }) => name));
		expect(rows).toEqual(
			TYPED_ROWS.map((row) => TYPED_COLUMNS.map(({ name }) => visible(cellText(row[name])))),
		);
	});

	it.each([{}, { email: true }])('Chromium reads every nasty text, with %j', async (given) => {
		const rows: Row[] = NASTY_TEXTS.map((text) => ({ text, [`${text}!`]: 1 }));
		const page = await open(inputOf(rows), given);
		const [head = [], ...read] = await cellsOf(page);
		expect(head).toEqual(['text', ...NASTY_TEXTS.map((text) => visible(`${text}!`))]);
		expect(read.map(([text]) => text)).toEqual(NASTY_TEXTS.map(visible));
	});

	it('fuzzed rows never make a page that they refuse, or in which a cell is missing', async () => {
		await anyRows({ runs: 40 }, async (rows) => {
			noticed.length = 0;
			for (const given of [{}, { email: true }]) {
				expect(await complaints(inputOf(rows), given)).toEqual([]);
				const cells = await cellsOf(await open(inputOf(rows), given));
				expect(cells).toHaveLength(rows.length + 1);
				const names = new Set(rows.flatMap((row) => Object.keys(row)));
				for (const row of cells) expect(row).toHaveLength(names.size);
			}
			expect(noticed).toEqual([]);
		});
	});
});

/** The texts of the last table, head first. */
const cellsOf = (page: Page): Promise<string[][]> =>
	page.evaluate(
		`[...[...document.querySelectorAll('table')].findLast((table) => !table.querySelector('table')).rows]
			.map((row) => [...row.cells].map((cell) => cell.textContent))`,
	);

/** As HTML can hold it: control characters as pictures, what is no character as U+FFFD, breaks as line feeds. */
const visible = (text: string): string =>
	text
		.toWellFormed()
		.replace(/\r\n?/g, '\n')
		.replace(/[\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/g, '\ufffd')
		// eslint-disable-next-line no-control-regex
		.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (control) =>
			String.fromCharCode(0x2400 + control.charCodeAt(0)),
		);
