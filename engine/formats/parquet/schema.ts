import type { SchemaElement } from 'hyparquet-writer';

import type { Cell } from '../shared/columns.ts';
import { scaledDecimal } from '../shared/decimal.ts';
import { jsonText } from '../shared/json-text.ts';
import { dayMicros, dayNumber, epochMicros } from '../shared/moments.ts';
import type { TableColumn } from '../shared/table.ts';
import { valueReader, type CellValue } from '../shared/values.ts';

/** A value as the writer takes it; null where there is none. */
export type ParquetValue = string | number | bigint | boolean | Uint8Array | null;

export interface ParquetColumn {
	/** As the file describes it. */
	element: SchemaElement;
	/** As the writer is told: without what makes it convert values that are converted already. */
	written: SchemaElement;
	/** Bounds of JSON would be whole documents. */
	statistics: boolean;
	value: (cell: Cell) => ParquetValue;
}

export interface ParquetContext {
	/** Unique, and never empty. */
	name: string;
	/** Called for an instant with digits beyond the microsecond. */
	cutMoment: () => void;
}

interface Kind {
	type: Omit<SchemaElement, 'name' | 'repetition_type'>;
	value: (cell: NonNullable<CellValue>) => Exclude<ParquetValue, null>;
	converted?: SchemaElement['converted_type'];
	statistics?: boolean;
}

const MAX_DECIMAL_DIGITS = 38;

export function parquetColumn(
	column: TableColumn,
	{ name, cutMoment }: ParquetContext,
): ParquetColumn {
	const { type, value, converted, statistics = true } = kindOf(column, cutMoment);
	const read = valueReader(column);
	const written: SchemaElement = {
		...type,
		name,
		repetition_type: column.nullable ? 'OPTIONAL' : 'REQUIRED',
	};
	return {
		written,
		element: converted === undefined ? written : { ...written, converted_type: converted },
		statistics,
		value: (cell) => {
			const typed = read(cell);
			return typed === null ? null : value(typed);
		},
	};
}

const TEXT: Kind = {
	type: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
	value: (cell) => (cell as string | bigint).toString(),
};

const JSON_TEXT: Kind = {
	type: { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } },
	converted: 'JSON',
	value: (cell) => Buffer.from(jsonText(cell), 'utf8'),
	statistics: false,
};

function kindOf(column: TableColumn, cutMoment: () => void): Kind {
	switch (column.type) {
		case 'boolean':
			return { type: { type: 'BOOLEAN' }, value: (cell) => cell as boolean };
		case 'integer':
			return { type: { type: 'INT64' }, value: (cell) => BigInt(cell as number) };
		case 'number':
			return { type: { type: 'DOUBLE' }, value: (cell) => cell as number };
		case 'bigint':
			return bigintKind(column);
		case 'decimal':
			return decimalKind(column);
		case 'date':
			return {
				type: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
				value: (cell) => dayNumber(cell as string),
			};
		case 'datetime':
		case 'instant':
			return momentKind(column.type === 'instant', cutMoment);
		case 'time':
			return {
				type: {
					type: 'INT64',
					logical_type: { type: 'TIME', isAdjustedToUTC: false, unit: 'MICROS' },
				},
				value: (cell) => BigInt(dayMicros(cell as string, cutMoment)),
			};
		case 'binary':
			return { type: { type: 'BYTE_ARRAY' }, value: (cell) => cell as Buffer };
		case 'json':
		case 'mixed':
			return JSON_TEXT;
		default:
			return TEXT;
	}
}

function bigintKind({ facts }: TableColumn): Kind {
	if (facts?.fitsInt64 ?? false)
		return { type: { type: 'INT64' }, value: (cell) => cell as bigint };
	const precision = facts?.digits?.precision ?? Infinity;
	if (precision > MAX_DECIMAL_DIGITS) return TEXT;
	return { type: decimalType(precision, 0), value: (cell) => cell as bigint };
}

/** Decimals keep all of their digits: where the widest type is too narrow, as text. */
function decimalKind({ digits }: TableColumn): Kind {
	if (digits === undefined || digits.precision > MAX_DECIMAL_DIGITS) return TEXT;
	const { precision, scale } = digits;
	return {
		type: decimalType(precision, scale),
		value: (cell) => scaledDecimal(cell as string, scale)!,
	};
}

function decimalType(precision: number, scale: number): Kind['type'] {
	const logical = { type: 'DECIMAL', precision, scale } as const;
	const shared = { converted_type: 'DECIMAL', logical_type: logical, precision, scale } as const;
	if (precision <= 9) return { type: 'INT32', ...shared };
	if (precision <= 18) return { type: 'INT64', ...shared };
	return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, ...shared };
}

function momentKind(isAdjustedToUTC: boolean, cutMoment: () => void): Kind {
	return {
		type: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' } },
		value: (cell) => epochMicros(cell as string, cutMoment),
	};
}
