/**
 * What a column holds. `datetime` is a wall clock's reading without a zone, `instant` a point in time with
 * one. `decimal` and `bigint` are exact where a double is not. `mixed` holds values of several kinds.
 */
export const COLUMN_TYPES = [
	'string',
	'boolean',
	'integer',
	'bigint',
	'decimal',
	'number',
	'date',
	'time',
	'datetime',
	'instant',
	'duration',
	'binary',
	'json',
	'mixed',
] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** A type that was declared: the first of `types` that all values fit is taken. */
export interface DeclaredType {
	types: readonly ColumnType[];
	/** Of decimals: digits in all, and after the point. */
	precision?: number;
	scale?: number;
}

const INTEGER: readonly ColumnType[] = ['integer', 'bigint'];
const WIDE: readonly ColumnType[] = ['bigint'];
const NUMBER: readonly ColumnType[] = ['number', 'decimal'];
const STRING: readonly ColumnType[] = ['string'];
/** PostgreSQL's `timestamp` has no zone, MySQL's has: the values tell. */
const MOMENT: readonly ColumnType[] = ['instant', 'datetime'];

/** Names of types in SQL dialects, JSON Schema, Arrow and our own, in lower case and without arguments. */
const NAMED: Readonly<Record<string, readonly ColumnType[]>> = {
	...Object.fromEntries(COLUMN_TYPES.map((type) => [type, [type]])),
	...named(INTEGER, 'integer int int2 int4 smallint mediumint tinyint int16 int32 serial year bit'),
	...named(WIDE, 'bigint int8 int64 uint64 bigserial'),
	...named(['decimal'], 'decimal numeric dec money'),
	...named(NUMBER, 'number real float float4 float8 float32 float64 double'),
	...named(['boolean'], 'boolean bool'),
	...named(
		STRING,
		'string text varchar char character nvarchar nchar clob uuid citext enum name utf8',
	),
	...named(['date'], 'date date32'),
	...named(['time'], 'time timetz'),
	...named(['instant'], 'instant timestamptz'),
	...named(MOMENT, 'timestamp datetime date-time datetime2'),
	...named(['duration'], 'duration interval'),
	...named(['binary'], 'binary bytea blob varbinary bytes byte base64'),
	...named(['json'], 'json jsonb object array struct list map'),
};

function named(types: readonly ColumnType[], names: string): Record<string, readonly ColumnType[]> {
	return Object.fromEntries(names.split(' ').map((name) => [name, types]));
}

const FORM =
	/^([a-z][a-z0-9_-]*)(?: (varying|precision))?(?: ?\((\d{1,4})(?:, ?(\d{1,4}))?\))?(.*)$/;

/** Reads `numeric(10,2)`, `timestamp with time zone`, `text[]`. @returns undefined for names unknown here */
export function readTypeName(text: string): DeclaredType | undefined {
	const name = text.trim().toLowerCase();
	if (name.endsWith('[]')) return { types: ['json'] };
	const [, word = '', , precision, scale, rest = ''] = FORM.exec(name) ?? [];
	const types = Object.hasOwn(NAMED, word) ? NAMED[word] : undefined;
	if (types === undefined) return undefined;
	if (rest.includes('with time zone')) return { types: word === 'time' ? ['time'] : ['instant'] };
	if (rest.includes('without time zone'))
		return { types: word === 'time' ? ['time'] : ['datetime'] };
	if (!types.includes('decimal') || precision === undefined) return { types };
	return { types, precision: Number(precision), scale: Number(scale ?? 0) };
}

const NUMERIC: ReadonlySet<ColumnType> = new Set(['integer', 'bigint', 'decimal', 'number']);

export const isNumeric = (type: ColumnType): boolean => NUMERIC.has(type);
