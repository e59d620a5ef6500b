import {
	Binary,
	Bool,
	DateDay,
	Decimal,
	Field,
	Float64,
	Int64,
	TimeMicrosecond,
	TimestampMicrosecond,
	Utf8,
	type DataType,
} from 'apache-arrow';

import type { Row } from '../../contract/envelope.ts';
import type { Cell } from '../shared/columns.ts';
import { scaledDecimal } from '../shared/decimal.ts';
import { jsonText } from '../shared/json-text.ts';
import { dayMicros, dayNumber, epochMicros } from '../shared/moments.ts';
import type { TableColumn } from '../shared/table.ts';
import { valueReader, type CellValue } from '../shared/values.ts';
import {
	booleanBuffer,
	bytesBuffer,
	decimalBuffer,
	numbersBuffer,
	type ColumnBuffer,
} from './buffers.ts';

export interface ArrowColumn {
	field: Field;
	read: (row: Row) => Cell;
	/** An empty column of a batch of at most so many rows. */
	buffer: (capacity: number) => CellBuffer;
}

/** Takes cells as they came. */
export interface CellBuffer extends Pick<ColumnBuffer<never>, 'bytes' | 'finish'> {
	append: (cell: Cell) => void;
}

interface Kind<V> {
	type: DataType;
	value: (cell: NonNullable<CellValue>) => V;
	buffer: (type: DataType, capacity: number) => ColumnBuffer<V>;
	metadata?: Map<string, string>;
}

const MAX_DECIMAL_DIGITS = 38;

/** @param name unique, and never empty */
export function arrowColumn(
	column: TableColumn,
	{ name, cutMoment }: { name: string; cutMoment: () => void },
): ArrowColumn {
	// what goes into a buffer is what its kind makes of a cell
	const kind = kindOf(column, cutMoment) as Kind<unknown>;
	const typed = valueReader(column);
	return {
		field: new Field(name, kind.type, column.nullable, kind.metadata),
		read: column.read,
		buffer(capacity) {
			const buffer = kind.buffer(kind.type, capacity);
			return {
				append(cell) {
					const value = typed(cell);
					buffer.append(value === null ? null : kind.value(value));
				},
				get bytes() {
					return buffer.bytes;
				},
				finish: () => buffer.finish(),
			};
		},
	};
}

const bigints = (type: DataType, capacity: number): ColumnBuffer<bigint> =>
	numbersBuffer(type, capacity, new BigInt64Array(capacity));

const TEXT: Kind<string> = {
	type: new Utf8(),
	value: (cell) => (cell as string | bigint).toString(),
	buffer: bytesBuffer,
};

const JSON_TEXT: Kind<string> = {
	...TEXT,
	value: jsonText,
	metadata: new Map([
		['ARROW:extension:name', 'arrow.json'],
		['ARROW:extension:metadata', ''],
	]),
};

function kindOf(
	column: TableColumn,
	cutMoment: () => void,
): Kind<string> | Kind<bigint> | Kind<number> | Kind<boolean> | Kind<Uint8Array> {
	switch (column.type) {
		case 'boolean':
			return { type: new Bool(), value: (cell) => cell as boolean, buffer: booleanBuffer };
		case 'integer':
			return { type: new Int64(), value: (cell) => BigInt(cell as number), buffer: bigints };
		case 'number':
			return {
				type: new Float64(),
				value: (cell) => cell as number,
				buffer: (type, capacity) => numbersBuffer(type, capacity, new Float64Array(capacity)),
			};
		case 'bigint':
			return bigintKind(column);
		case 'decimal':
			return decimalKind(column);
		case 'date':
			return {
				type: new DateDay(),
				value: (cell) => dayNumber(cell as string),
				buffer: (type, capacity) => numbersBuffer(type, capacity, new Int32Array(capacity)),
			};
		case 'datetime':
		case 'instant':
			return momentKind(column.type === 'instant' ? 'UTC' : null, cutMoment);
		case 'time':
			return {
				type: new TimeMicrosecond(),
				value: (cell) => BigInt(dayMicros(cell as string, cutMoment)),
				buffer: bigints,
			};
		case 'binary':
			return { type: new Binary(), value: (cell) => cell as Buffer, buffer: bytesBuffer };
		case 'json':
		case 'mixed':
			return JSON_TEXT;
		default:
			return TEXT;
	}
}

function bigintKind({ facts }: TableColumn): Kind<bigint> | Kind<string> {
	const value = (cell: NonNullable<CellValue>): bigint => cell as bigint;
	if (facts?.fitsInt64 ?? false) return { type: new Int64(), value, buffer: bigints };
	const precision = facts?.digits?.precision ?? Infinity;
	if (precision > MAX_DECIMAL_DIGITS) return TEXT;
	return { type: new Decimal(0, precision, 128), value, buffer: decimalBuffer };
}

/** Decimals keep all of their digits: where the type is too narrow, as text. */
function decimalKind({ digits }: TableColumn): Kind<bigint> | Kind<string> {
	if (digits === undefined || digits.precision > MAX_DECIMAL_DIGITS) return TEXT;
	const { precision, scale } = digits;
	return {
		type: new Decimal(scale, precision, 128),
		value: (cell) => scaledDecimal(cell as string, scale)!,
		buffer: decimalBuffer,
	};
}

function momentKind(timeZone: string | null, cutMoment: () => void): Kind<bigint> {
	return {
		type: new TimestampMicrosecond(timeZone),
		value: (cell) => epochMicros(cell as string, cutMoment),
		buffer: bigints,
	};
}
