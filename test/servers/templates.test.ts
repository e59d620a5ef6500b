import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { deflateSync, gzipSync } from 'node:zlib';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Row } from '../../engine/contract/envelope.ts';
import { createPdfFormat } from '../../engine/formats/pdf/index.ts';
import { createRawFormat } from '../../engine/formats/raw/index.ts';
import { createTemplateFormat } from '../../engine/formats/template/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { createXlsxFormat } from '../../engine/formats/xlsx/index.ts';
import { inputOf, META, renderToBytes, renderToText } from '../support/format-input.ts';
import { anyRows } from '../support/fuzzed-rows.ts';
import { NASTY_TEXTS } from '../support/nasty-rows.ts';
import { ensureInstalled } from './process.ts';
import { pythonEnv } from './python-env.ts';
import { INSTALL_MS, Shelf } from './readers.ts';

const execute = promisify(execFile);

let shelf: Shelf;
let python: string;
beforeAll(async () => {
	shelf = await Shelf.make();
	python = `${await pythonEnv('templates', ['chevron==0.14.0', 'pydifact==0.2.3'])}/python`;
	await ensureInstalled('/usr/bin/file', 'file');
}, INSTALL_MS);
afterAll(() => shelf.clear());

/** Runs a program of Python; what it prints is JSON. */
async function askPython<T>(program: string, ...files: readonly string[]): Promise<T> {
	const { stdout } = await execute(python, ['-X', 'utf8', '-c', program, ...files]);
	return JSON.parse(stdout) as T;
}

describe('a template', () => {
	const template = createTemplateFormat();

	const render = (rows: readonly Row[], options: object): Promise<string> =>
		renderToText(template.render(inputOf(rows), template.options.parse(options)));

	/** Another mustache: what is escaped is compared as what it stands for. */
	async function inChevron(text: string, data: unknown): Promise<string> {
		const files = [
			await shelf.put(Buffer.from(text), 'mustache'),
			await shelf.put(Buffer.from(JSON.stringify(data)), 'json'),
		];
		return askPython(
			`
import chevron, json, sys
text, data = [open(path, encoding='utf-8', newline='').read() for path in sys.argv[1:]]
print(json.dumps(chevron.render(text, json.loads(data))))
`,
			...files,
		);
	}

	const rows: Row[] = NASTY_TEXTS.map((text, at) => ({
		text: text.toWellFormed(),
		tags: [`${at}`, 'b<c'].slice(at % 3),
		at: { city: 'Köln', none: '' },
		paid: at % 2 === 0,
	}));
	const data = {
		title: META.title,
		parameters: META.parameters,
		rowCount: rows.length,
		columns: ['text', 'tags', 'at', 'paid'].map((name, at) => ({ name, last: at === 3 })),
		rows: rows.map((row, at) => ({ ...row, '@index': at + 1, '@last': at === rows.length - 1 })),
	};
	const TEMPLATE = [
		'H {{{title}}} {{parameters.region}} {{rowCount}} {{! a comment }}',
		'{{#columns}}{{name}}{{^last}}|{{/last}}{{/columns}}',
		'{{#rows}}',
		'  {{@index}} {{{text}}} {{&text}} [{{at.city}}][{{at.none}}]',
		'  {{#tags}}<{{.}}>{{/tags}}{{^tags}}-{{/tags}}',
		'  {{#paid}}',
		'  paid{{=<% %>=}}<%^@last%>,<%/@last%><%={{ }}=%>',
		'  {{/paid}}',
		'  {{^at.none}}nothing{{/at.none}}{{#at}}{{city}}{{/at}}',
		'{{/rows}}',
		'{{^rows}}none{{/rows}}T',
		'',
	].join('\n');

	it('becomes the text that chevron makes of it, whatever the values', async () => {
		const unescaped = TEMPLATE.replaceAll('{{rowCount}}', '{{{rowCount}}}');
		const chevron = await inChevron(unescaped.replaceAll('{{.}}', '{{{.}}}'), data);
		expect(await render(rows, { template: unescaped, escape: 'none' })).toBe(chevron);
	});

	it('says what chevron says of any rows', async () => {
		const text = '{{#rows}}[{{&first}}|{{&a}}|{{&ü}}|{{#list}}<{{&.}}>{{/list}}]\n{{/rows}}';
		await anyRows({ runs: 8 }, async (some) => {
			const texts = some.map((row): Row => ({
				...Object.fromEntries(
					['first', 'a', 'ü'].map((name) => [name, ownText(row, name).toWellFormed()]),
				),
				list: Object.keys(row).map((key) => key.toWellFormed()),
			}));
			expect(await render(texts, { template: text, escape: 'none' })).toBe(
				await inChevron(text, { rows: texts }),
			);
		});
	});

	it('says there what chevron says where both escape for HTML', async () => {
		const text = '{{#rows}}<p title="{{text}}">{{text}}</p>\n{{/rows}}';
		const mine = await render(rows, { template: text, escape: 'html' });
		const theirs = await inChevron(text, data);
		const files = [
			await shelf.put(Buffer.from(mine), 'html'),
			await shelf.put(Buffer.from(theirs), 'html'),
		];
		const read = await askPython<[unknown[], unknown[]]>(
			`
import json, sys
from html.parser import HTMLParser
class Reader(HTMLParser):
    def __init__(self): super().__init__(); self.seen = []
    def handle_starttag(self, tag, attributes): self.seen.append([tag, attributes])
    def handle_data(self, data): self.seen.append(data)
    def handle_endtag(self, tag): self.seen.append('/' + tag)
def read(path):
    reader = Reader(); reader.feed(open(path, encoding='utf-8', newline='').read()); reader.close()
    return reader.seen
print(json.dumps([read(path) for path in sys.argv[1:]]))
`,
			...files,
		);
		expect(read[0]).toHaveLength(read[1].length);
		expect(read[0]).toEqual(read[1]);
	});

	it('is EDIFACT that pydifact reads, value by value', async () => {
		// control characters are in no character set of EDIFACT, and readers take line ends for none
		const names = NASTY_TEXTS.map((text) =>
			text
				.toWellFormed()
				.replace(/[\p{Cc}\s]+/gu, ' ')
				.trim(),
		)
			.filter((text) => text !== '')
			.map((text) => text.slice(0, 300).toWellFormed());
		const orders = names.map((name, id) => ({ id, name, city: "Let's: 5+5?" }));
		const edifact =
			"UNA:+.? 'UNB+UNOC:3+SENDER+RECEIVER+261127:0800+1'" +
			"UNH+1+ORDERS:D:96A:UN'" +
			"{{#rows}}LIN+{{id}}++{{name}}:EN'IMD+F++:::{{name}}:{{city}}'{{/rows}}" +
			"UNT+{{rowCount}}+1'UNZ+1+1'";
		const file = await shelf.put(
			Buffer.from(await render(orders, { template: edifact, escape: 'edifact' })),
			'edi',
		);
		const segments = await askPython<[string, unknown[]][]>(
			`
import json, sys
from pydifact.segmentcollection import RawSegmentCollection
text = open(sys.argv[1], encoding='utf-8', newline='').read()
found = RawSegmentCollection.from_str(text).segments
print(json.dumps([[segment.tag, segment.elements] for segment in found]))
`,
			file,
		);
		const items = segments.filter(([tag]) => tag === 'LIN' || tag === 'IMD');
		expect(items).toEqual(
			orders.flatMap(({ id, name, city }) => [
				['LIN', [String(id), '', [name, 'EN']]],
				['IMD', ['F', '', ['', '', '', name, city]]],
			]),
		);
	});
});

const ownText = (row: Row, name: string): string =>
	Object.hasOwn(row, name) ? cellText(row[name]) : '';

describe('raw', () => {
	const raw = createRawFormat();

	const png = (): Buffer => {
		const chunk = (type: string, body: Buffer): Buffer => {
			const head = Buffer.alloc(8);
			head.writeUInt32BE(body.length);
			head.write(type, 4);
			return Buffer.concat([head, body, Buffer.alloc(4)]);
		};
		const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
		return Buffer.concat([
			Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
			chunk('IHDR', header),
			chunk('IDAT', deflateSync(Buffer.from([0, 255]))),
			chunk('IEND', Buffer.alloc(0)),
		]);
	};
	const made = {
		'application/pdf': () => renderToBytes(createPdfFormat().render(inputOf([{ a: 1 }]), {})),
		'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': () =>
			renderToBytes(createXlsxFormat().render(inputOf([{ a: 1 }]), {})),
		'image/png': () => Promise.resolve(png()),
		'application/gzip': () => Promise.resolve(gzipSync(Buffer.alloc(100_000, 'abc'))),
		'text/plain': () => Promise.resolve(Buffer.from('Grüße\r\n\u0000'.replace('\u0000', ''))),
	};

	it.each(Object.entries(made))(
		'passes on %s untouched: sha256sum and file say so',
		async (contentType, make) => {
			const bytes = await make();
			const input = {
				...inputOf([]),
				...{ binary: true, contentType },
				// in pieces, as it comes from a store
				async *bytes() {
					await Promise.resolve();
					for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
				},
			};
			const { extension = '' } = raw.describe?.(input, {}) ?? {};
			const file = await shelf.put(await renderToBytes(raw.render(input, {})), extension);
			const { stdout: sum } = await execute('sha256sum', [file]);
			expect(sum.slice(0, 64)).toBe(createHash('sha256').update(bytes).digest('hex'));
			const { stdout: type } = await execute('file', ['--brief', '--mime-type', file]);
			expect(type.trim()).toBe(contentType);
		},
	);
});
