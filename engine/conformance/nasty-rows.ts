import type { DeclaredColumn, Row } from '../contract/envelope.ts';
import type { JsonValue } from '../contract/json.ts';
import type { ColumnType } from '../formats/shared/column-type.ts';
import { parseJson } from '../formats/shared/exact-json.ts';

/** Values that have broken somebody's export. */
export const NASTY_TEXTS: readonly string[] = [
	'',
	' leading and trailing ',
	'"quoted", and "more"',
	'one\ntwo\r\nthree\rfour',
	'tab\tsemicolon;pipe|comma,',
	'nul \u0000 and bell \u0007',
	'👩‍👩‍👧‍👦 🇨🇭 𝒳',
	'e\u0301 combining, \u0300 alone',
	'שלום עולם \u202e abc \u2066x\u2069',
	'\u2028 line and \u2029 paragraph separators',
	'\ufeffmark',
	'<script>alert(1)</script>',
	`"><img src=x onerror=alert(1)> ' onmouseover='`,
	'</style></title></table><!-- --> ]]> &amp; &#60;',
	'=HYPERLINK("http://example.com")',
	'9007199254740993',
	'null',
	'constructor',
	'half \ud800 of a character, and \udc00 the other',
	'\ufffe\uffff\u0085',
	'1900-02-29',
	'2016-12-31T23:59:60Z',
	'x'.repeat(10_000),
];

/** Numbers that a double does not hold, or holds barely. */
export const NASTY_NUMBERS: readonly JsonValue[] = [
	1e308,
	5e-324,
	-0,
	2 ** 53,
	0.1 + 0.2,
	1e21,
	parseJson('9007199254740993'),
	parseJson('-123456789012345678901234567890'),
	parseJson('0.1234567890123456789012345'),
	parseJson('1e400'),
];

/** A value of each type, several where they differ, with the type that a column of it has. */
export const TYPED_COLUMNS: readonly {
	type: ColumnType;
	/** As a capability declares it, where the values alone do not tell. */
	declared?: string;
	values: readonly JsonValue[];
}[] = [
	{ type: 'string', values: ['text', '', ' a ', null] },
	{ type: 'boolean', values: [true, false, null] },
	{ type: 'integer', values: [0, -1, Number.MAX_SAFE_INTEGER, null] },
	{ type: 'bigint', values: [1, parseJson('9007199254740993'), null] },
	{ type: 'bigint', declared: 'int8', values: [1, '9223372036854775807', null] },
	{
		type: 'decimal',
		declared: 'numeric(20,4)',
		values: ['12.5000', '-9999999999999999.9999', null],
	},
	{ type: 'decimal', values: [1, parseJson('0.1234567890123456789'), null] },
	{ type: 'number', values: [1, 0.1 + 0.2, -1e308, 5e-324, null] },
	{ type: 'date', values: ['2026-11-27', '1900-01-01', '0001-01-01', '9999-12-31', null] },
	{ type: 'time', declared: 'time', values: ['08:00:00', '23:59:59.999999', null] },
	{ type: 'datetime', values: ['2026-11-27T08:00:00', '1900-02-28 23:59:59.123456', null] },
	{
		type: 'instant',
		values: ['2026-11-27T08:00:00.000Z', '1900-01-01T00:00:00+01:00', '2026-03-29T01:30:00Z', null],
	},
	{ type: 'duration', declared: 'interval', values: ['P1DT2H', 'PT0.5S', null] },
	{ type: 'binary', declared: 'bytea', values: ['AAEC/w==', '', null] },
	{ type: 'json', values: [{ a: [1, { b: null }] }, [], {}, null] },
	{ type: 'mixed', values: [1, 'a', true, { a: 1 }, null] },
];

/** One column for each of `TYPED_COLUMNS`, and rows with their values. */
export function typedRows(): { columns: DeclaredColumn[]; rows: Row[] } {
	const columns = TYPED_COLUMNS.map(({ type, declared }, index) => ({
		name: `${type}_${index}`,
		...(declared === undefined ? {} : { type: declared }),
	}));
	const count = Math.max(...TYPED_COLUMNS.map(({ values }) => values.length));
	const rows = Array.from({ length: count }, (_, row): Row =>
		Object.fromEntries(
			TYPED_COLUMNS.map(({ values }, index) => [columns[index]!.name, values[row] ?? null]),
		),
	);
	return { columns, rows };
}

/** A row of 200 columns. */
export const WIDE_ROW: Row = Object.fromEntries(
	Array.from({ length: 200 }, (_, n) => [`column ${n}`, n]),
);

export const NASTY_ROWS: readonly Row[] = [
	{ first: null, text: null, number: 1e308, nested: null },
	...NASTY_TEXTS.map((text, index) => ({
		first: index,
		text,
		number: -index / 3,
		nested: { text },
	})),
	...NASTY_NUMBERS.map((number) => ({ first: 0, number, nested: [number] })),
	{ first: -0, text: 'late', number: 5e-324, nested: [[1, [2]], {}], late: true },
	JSON.parse('{"__proto__":"own","constructor":"own","toString":null,"first":7}') as Row,
	{},
];
