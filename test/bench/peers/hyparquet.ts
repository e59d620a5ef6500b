import { ByteWriter, parquetWriteRows } from 'hyparquet-writer';

import { benchRow } from '../formats/rows.ts';

const TYPES = {
	id: 'INT64',
	name: 'STRING',
	amount: 'DOUBLE',
	quantity: 'INT64',
	active: 'BOOLEAN',
	city: 'STRING',
	note: 'STRING',
	at: 'TIMESTAMP',
	score: 'DOUBLE',
	code: 'STRING',
} as const;

/** The writer's own way for rows that come one by one, with types that are told, in groups as large as ours. */
export async function write(rows: number): Promise<number> {
	let bytes = 0;
	const writer = Object.assign(new ByteWriter(), {
		flush() {
			bytes += writer.index;
			writer.index = 0;
		},
	});
	function* made(): Generator<Record<string, unknown>> {
		for (let n = 0; n < rows; n++) {
			const row = benchRow(n);
			yield {
				...row,
				id: BigInt(n),
				quantity: BigInt(n % 50),
				at: new Date(row['at'] as string),
			};
		}
	}
	const columns = Object.entries(TYPES).map(([name, type]) => ({ name, type }));
	await parquetWriteRows({ writer, rows: made(), columns, rowGroupSize: 20_000 });
	return bytes + writer.index;
}
