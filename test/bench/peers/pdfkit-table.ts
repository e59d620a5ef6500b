import { once } from 'node:events';
import { createRequire } from 'node:module';

import { benchRow } from '../formats/rows.ts';

const require = createRequire(new URL('../../../engine/package.json', import.meta.url));

/** pdfkit's own tables, a row at a time so that pages go out, on the paper that ten columns need. */
export async function write(rows: number): Promise<number> {
	const PDFDocument = require('pdfkit') as new (options: object) => PDFKit.PDFDocument;
	const document = new PDFDocument({ size: 'A4', layout: 'landscape', margin: 30 });
	let bytes = 0;
	document.on('data', (chunk: Buffer) => (bytes += chunk.length));
	const ended = once(document, 'end');
	document.fontSize(6);
	const table = document.table();
	table.row(Object.keys(benchRow(0)));
	for (let n = 0; n < rows; n++) {
		table.row(Object.values(benchRow(n)).map(String));
		if (n % 100 === 0) await new Promise(setImmediate);
	}
	table.end();
	document.end();
	await ended;
	return bytes;
}
