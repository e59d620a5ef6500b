import { parse, type CsvError } from 'csv-parse';

import { uniqueNames } from '../../contract/column-names.ts';
import { CapError } from '../../contract/errors.ts';
import type { Row } from '../../contract/envelope.ts';
import { blocksOf, MAX_VALUE_BYTES } from '../shared/blocks.ts';

/**
 * RFC 4180 with a header line, UTF-8 with or without a byte order mark. Every value is text: what looks
 * like a number may be a postal code. Empty and repeated names of columns are made unique.
 */
export async function* readCsv(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Row[]> {
	let rows: Row[] = [];
	let makeRow: ((record: readonly string[]) => Row) | undefined;
	const parser = parse({
		bom: true,
		record_delimiter: ['\r\n', '\n', '\r'],
		skip_empty_lines: true,
		max_record_size: MAX_VALUE_BYTES,
		// nothing is pushed through the object stream: it would cost more than parsing
		on_record(record: string[]) {
			if (makeRow) rows.push(makeRow(record));
			else makeRow = rowMaker(uniqueNames(record));
			return null;
		},
	});
	const written = (chunk?: Buffer): Promise<void> =>
		new Promise((resolve, reject) => {
			const done = (error?: Error | null): void => {
				if (error) reject(error);
				else resolve();
			};
			if (chunk) parser.write(chunk, done);
			else parser.end(done);
		});
	// errors also come through the callbacks; without a listener they would end the process
	parser.on('error', () => undefined);
	parser.resume();
	try {
		for await (const block of blocksOf(source)) {
			await written(block);
			if (rows.length > 0) yield rows;
			rows = [];
		}
		await written();
		if (rows.length > 0) yield rows;
	} catch (error) {
		throw asCapError(error);
	} finally {
		parser.destroy();
	}
}

function rowMaker(names: readonly string[]): (record: readonly string[]) => Row {
	if (names.includes('__proto__')) {
		return (record) => Object.fromEntries(names.map((name, index) => [name, record[index] ?? '']));
	}
	return (record) => {
		const row: Row = {};
		for (let index = 0; index < names.length; index++) {
			row[names[index]!] = record[index] ?? '';
		}
		return row;
	};
}

function asCapError(error: unknown): unknown {
	if (!(error instanceof Error) || !('code' in error) || !('lines' in error)) return error;
	const { code, lines } = error as CsvError & { lines: number };
	const expected =
		code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH'
			? 'as many fields as the header has'
			: 'CSV as RFC 4180 describes it';
	return new CapError('RESULT_INVALID', `result, line ${lines}: expected ${expected}`);
}
