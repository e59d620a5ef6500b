import { hostname } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { FormatInput } from '../../engine/formats/format.port.ts';
import { createPdfFormat } from '../../engine/formats/pdf/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { inputOf, renderToBytes } from '../support/format-input.ts';
import { anyRows } from '../support/fuzzed-rows.ts';
import { NASTY_ROWS, NASTY_TEXTS, WIDE_ROW } from '../support/nasty-rows.ts';
import { sales, severalTables } from '../support/report-input.ts';
import { TYPED_COLUMNS, TYPED_ROWS } from '../support/typed-table.ts';
import { ask, INSTALL_MS, installReaders, Shelf } from './readers.ts';

const pdf = createPdfFormat();
const INPUTS: readonly [string, FormatInput, object][] = [
	['every type', inputOf(TYPED_ROWS, { columns: TYPED_COLUMNS }), {}],
	['nasty rows', inputOf(NASTY_ROWS), {}],
	['200 columns', inputOf([WIDE_ROW, WIDE_ROW, WIDE_ROW]), {}],
	['no rows', inputOf([]), {}],
	['one column', inputOf([{ only: 'x' }]), {}],
	['several tables', severalTables(), {}],
	['charts', sales(), { chart: ['bar', 'line', 'pie', { type: 'scatter', y: 'sales' }] }],
	['a theme', sales(), { theme: { accent: '#7a1f5c', fontSize: 12 }, paper: 'Letter' }],
];

/** Blanks and breaks are where the page puts them; marks of direction are not drawn. */
const condensed = (text: string): string =>
	text.replace(/[\s\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u0085]/g, '');

describe('PDF in programs that are not ours', () => {
	let shelf: Shelf;
	beforeAll(async () => {
		shelf = await Shelf.make();
		await installReaders('qpdf', 'pdfinfo', 'pdffonts', 'pdftotext');
	}, INSTALL_MS);
	afterAll(() => shelf.clear());

	const fileOf = async (input: FormatInput, given: object = {}): Promise<string> =>
		shelf.put(await renderToBytes(pdf.render(input, pdf.options.parse(given))), 'pdf');

	/** What is written on the pages, without their heads and feet. */
	async function textOf(input: FormatInput, given: object = {}): Promise<string> {
		const file = await fileOf(input, { summary: false, ...given });
		const { code, stdout, stderr } = await ask('pdftotext', ['-raw', file, '-']);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		return stdout.replaceAll('\f', '').replace(/^Page \d+ of \d+ .*\nDaily sales$/gm, '');
	}

	it.each(INPUTS)('qpdf and pdfinfo have nothing to say against %s', async (_, input, given) => {
		const file = await fileOf(input, given);
		const { code, stdout, stderr } = await ask('qpdf', ['--check', file]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		expect(stdout).toContain('No syntax or stream encoding errors found');
		const info = await ask('pdfinfo', [file]);
		expect({ code: info.code, stderr: info.stderr }).toEqual({ code: 0, stderr: '' });
		expect(info.stdout).toMatch(/^Title: +Daily sales$/m);
		expect(info.stdout).toMatch(/^JavaScript: +no$/m);
	});

	it.each(INPUTS)(
		'every font of %s is embedded, with a way back to text',
		async (_, input, given) => {
			const { stdout, stderr } = await ask('pdffonts', [await fileOf(input, given)]);
			expect(stderr).toBe('');
			const fonts = stdout.trimEnd().split('\n').slice(2);
			expect(fonts.length).toBeGreaterThan(0);
			for (const font of fonts) {
				expect(font).toMatch(/^[A-Z]{6}\+\S+ +CID TrueType +Identity-H +yes yes yes /);
			}
		},
	);

	it('names no machine and no day but that of the result', async () => {
		const { stdout } = await ask('pdfinfo', ['-isodates', await fileOf(sales())]);
		expect(stdout).toMatch(/^CreationDate: +2026-11-23T08:00:03Z$/m);
		expect(stdout).toMatch(/^ModDate: +2026-11-23T08:00:03Z$/m);
		const { stdout: objects } = await ask('qpdf', [
			...['--qdf', '--object-streams=disable', await fileOf(sales()), '-'],
		]);
		expect(objects).not.toContain(hostname());
	});

	it('pdftotext reads every value of every type', async () => {
		for (const { name } of TYPED_COLUMNS.slice(1)) {
			const rows = TYPED_ROWS.map((row) => ({ [name]: row[name] ?? null }));
			const columns = TYPED_COLUMNS.filter((column) => column.name === name);
			const text = await textOf(inputOf(rows, { columns }));
			const read = condensed(text.slice(text.lastIndexOf(`\n${name}\n`) + name.length + 1));
			expect({ name, read }).toEqual({
				name,
				read: condensed(rows.map((row) => cellText(row[name])).join('')),
			});
		}
	});

	it('pdftotext reads every nasty text', async () => {
		for (const text of NASTY_TEXTS) {
			const page = await textOf(inputOf([{ text: `FROM${text}UNTIL` }]));
			// the head of the column is on every page
			const read = condensed(page.replace(/^text$/gm, ''));
			// the document says below the rows what no font has
			const shown = read
				.slice(read.indexOf('FROM'))
				.replace(/\d+characters?(?:is|are)shownas.*$/, '');
			const expected = `FROM${condensed(visible(text))}UNTIL`;
			// what order right-to-left text is read in is up to the reader
			const isRightToLeft = /[\u0590-\u05ff]/.test(text);
			const inOrder = (letters: string): string => [...letters].sort().join('');
			expect(isRightToLeft ? inOrder(shown) : shown).toBe(
				isRightToLeft ? inOrder(expected) : expected,
			);
		}
	});

	it('fuzzed rows never make a document that they refuse', async () => {
		await anyRows({ runs: 15 }, async (rows) => {
			const file = await fileOf(inputOf(rows));
			expect(await ask('qpdf', ['--check', file])).toMatchObject({ code: 0, stderr: '' });
			expect(await ask('pdftotext', [file, '-'])).toMatchObject({ code: 0, stderr: '' });
		});
	});
});

/** What nobody can see is drawn as a picture of it, or as U+FFFD. */
const visible = (text: string): string =>
	text
		.toWellFormed()
		.replace(/[\ufffe\uffff]/g, '\ufffd')
		// eslint-disable-next-line no-control-regex
		.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (control) =>
			String.fromCharCode(0x2400 + control.charCodeAt(0)),
		);
