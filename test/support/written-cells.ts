import { Decimal, tableFromIPC, type Vector } from 'apache-arrow';
import type { SchemaElement } from 'hyparquet';

import { parquetMetadata, readParquet } from './parquet.ts';
import { cellAt, partOf } from './sheets.ts';

/** What stands in the first cell below the header of a file that is no text, in the words of its type table. */
export const WRITTEN_CELLS: Readonly<Record<string, (file: Buffer) => Promise<string>>> = {
	xlsx: async (file) => {
		const cell = cellAt(file, 'A2');
		if (cell === undefined) return '';
		if (cell.t === 's') return `text ${String(cell.v)}`;
		if (cell.t === 'b') return cell.v === true ? 'TRUE' : 'FALSE';
		const plain = cell.z === undefined || cell.z === 'General';
		return `number ${String(cell.v)}${plain ? '' : `, shown as ${cell.w}`}`;
	},
	ods: async (file) => {
		const [, row = ''] = partOf(file, 'content.xml').split('</table:table-header-rows>');
		const cell =
			/^<table:table-row><table:table-cell(?: table:style-name="[^"]*")?([^>]*)>(.*?)<\/table:table-cell>/.exec(
				row,
			);
		if (cell === null || cell[1] === '/') return '';
		const type = /office:value-type="([^"]*)"/.exec(cell[1]!)?.[1] ?? '';
		const value = /office:(?!value-type)[a-z-]+="([^"]*)"/.exec(cell[1]!)?.[1];
		return `${type} ${value ?? cell[2]!.replace(/<[^>]*>/g, '').replaceAll('&quot;', '"')}`;
	},
	parquet: async (file) => {
		const { schema } = await parquetMetadata(file);
		const [row] = await readParquet(file);
		const { precision = 0 } = schema[1]!;
		// hyparquet makes a double of decimals: what it shows of wide ones is not what is there
		const value = precision > 15 ? '' : `: ${shown(Object.values(row!)[0])}`;
		return parquetType(schema[1]!) + value;
	},
	arrow: async (file) => {
		const table = tableFromIPC(file);
		const { type } = table.schema.fields[0]!;
		const name =
			type instanceof Decimal ? `Decimal128(${type.precision}, ${type.scale})` : String(type);
		return `${name}: ${shown(arrowValue(table.getChildAt(0)!))}`;
	},
};

function parquetType({
	type,
	converted_type: converted,
	logical_type: logical,
	precision,
	scale,
}: SchemaElement): string {
	if (converted === 'DECIMAL') return `DECIMAL(${precision}, ${scale})`;
	if (logical?.type === 'TIMESTAMP' || logical?.type === 'TIME') {
		const utc = logical.isAdjustedToUTC ? ', UTC' : '';
		return `${logical.type}(${logical.unit}${utc})`;
	}
	return logical?.type ?? (type === 'BYTE_ARRAY' ? 'BINARY' : String(type));
}

/** Numbers as they lie there, where Arrow's reader makes less of them. */
function arrowValue(column: Vector): unknown {
	const { type, data } = column;
	const values = data[0]!.values as ArrayLike<number>;
	if (type instanceof Decimal) {
		const words = Array.from({ length: 4 }, (_, at) => BigInt(values[at]!) << BigInt(32 * at));
		return BigInt.asIntN(
			128,
			words.reduce((sum, word) => sum | word, 0n),
		);
	}
	return /^(?:Date|Time)/.test(String(type)) ? values[0] : column.get(0);
}

function shown(value: unknown): string {
	if (value instanceof Date) return value.toISOString();
	if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
	// JSON has no integers of 64 bits
	if (typeof value === 'bigint') return value.toString();
	return typeof value === 'string' ? value : JSON.stringify(value);
}
