import { createRequire } from 'node:module';
import { Writable } from 'node:stream';

import { benchRow } from '../formats/rows.ts';

const require = createRequire(new URL('../package.json', import.meta.url));

interface Streaming {
	addWorksheet(name: string): {
		columns: { header: string; key: string }[];
		addRow(row: object): { commit(): void };
		commit(): void;
	};
	commit(): Promise<void>;
}

/** As its documentation says for large files: rows are committed one by one. Instants are dates for it. */
export async function write(rows: number): Promise<number> {
	const exceljs = require('exceljs') as {
		stream: { xlsx: { WorkbookWriter: new (options: object) => Streaming } };
	};
	let bytes = 0;
	const stream = new Writable({
		write(chunk: Buffer, _encoding, done) {
			bytes += chunk.length;
			done();
		},
	});
	const options = { stream, useStyles: true, useSharedStrings: false };
	const workbook = new exceljs.stream.xlsx.WorkbookWriter(options);
	const sheet = workbook.addWorksheet('rows');
	sheet.columns = Object.keys(benchRow(0)).map((key) => ({ header: key, key }));
	for (let n = 0; n < rows; n++) {
		const row = benchRow(n);
		sheet.addRow({ ...row, at: new Date(row['at'] as string) }).commit();
		// its archiver works only when it is let
		if (n % 1000 === 0) await new Promise(setImmediate);
	}
	sheet.commit();
	await workbook.commit();
	return bytes;
}
