import type { DeclaredColumn, Row } from '../../engine/contract/envelope.ts';
import { parseJson } from '../../engine/formats/shared/exact-json.ts';
import { NASTY_TEXTS } from './nasty-rows.ts';

/** A column of every type, and values that have broken somebody's file. */
const VALUES: Readonly<Record<string, { type: string; json: readonly string[] }>> = {
	text: { type: 'string', json: NASTY_TEXTS.map((text) => JSON.stringify(text)) },
	truth: { type: 'boolean', json: ['true', 'false', 'null'] },
	whole: { type: 'integer', json: ['0', '1', '-1', '999999999999999', 'null'] },
	wide: {
		type: 'int64',
		json: ['9007199254740993', '9223372036854775807', '-9223372036854775808', '0', 'null'],
	},
	exact: { type: 'numeric(12,2)', json: ['"12.50"', '"-0.05"', '"9999999999.99"', '0', 'null'] },
	long: { type: 'numeric(38,10)', json: ['"1234567890123456789012345678.0123456789"', '"-1"'] },
	double: {
		type: 'double',
		json: ['0.30000000000000004', '-0.1', '1e308', '-1e-300', '1e21', 'null'],
	},
	day: {
		type: 'date',
		json: ['"2026-11-27"', '"1900-03-01"', '"1900-02-28"', '"1583-01-01"', '"9999-12-31"', 'null'],
	},
	clock: { type: 'time', json: ['"08:30:15"', '"00:00"', '"23:59:59.5"', 'null'] },
	local: {
		type: 'timestamp',
		json: ['"2026-11-27 08:00:00"', '"1999-12-31T23:59:59.999"', 'null'],
	},
	instant: {
		type: 'timestamptz',
		json: [
			...['"2016-12-31T23:59:59Z"', '"1969-12-31T23:59:59.999Z"', '"2026-03-29T01:00:00Z"'],
			...['"2026-10-25T02:30:00+02:00"', '"2026-10-25T01:30:00.123Z"', 'null'],
		],
	},
	span: { type: 'interval', json: ['"P1Y2M3DT4H5M6.5S"', '"PT0S"', 'null'] },
	bytes: { type: 'bytea', json: ['"AP8="', '""', 'null'] },
	tree: { type: 'json', json: ['{"a":[1,null,"ü"],"id":9007199254740993}', '[]', '{}', 'null'] },
	any: { type: 'mixed', json: ['"text"', '1', '-0.5', 'true', '[1]', '9007199254740993', 'null'] },
	nothing: { type: 'string', json: ['null'] },
};

export const TYPED_COLUMNS: readonly DeclaredColumn[] = Object.entries(VALUES).map(
	([name, { type }]) => ({ name, type }),
);

/** As many rows as the longest list has values; shorter ones begin anew. */
export const TYPED_ROWS: readonly Row[] = NASTY_TEXTS.map((_text, at) => {
	const cells = Object.entries(VALUES).map(
		([name, { json }]) => `${JSON.stringify(name)}:${json[at % json.length]}`,
	);
	return parseJson(`{${cells.join(',')}}`) as Row;
});
