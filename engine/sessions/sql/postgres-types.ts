import pg from 'pg';

/** Type OIDs of PostgreSQL's catalogue (`pg_type.dat`) whose text form is no plain string in JSON. */
const TEXT_OF: Readonly<Record<number, (text: string) => string>> = {
	16: (text) => (text === 't' ? 'true' : 'false'),
	17: (text) => `"${Buffer.from(text.slice(2), 'hex').toString('base64')}"`,
	20: integer,
	21: integer,
	23: integer,
	26: integer,
	700: float,
	701: float,
	114: json,
	3802: json,
	1114: instant,
	1184: instant,
};

/** Array types, by the type of their elements; the rest are arrays of text. */
const ELEMENT_OF: Readonly<Record<number, number>> = {
	1000: 16,
	1001: 17,
	1016: 20,
	1005: 21,
	1007: 23,
	1028: 26,
	1021: 700,
	1022: 701,
	199: 114,
	3807: 3802,
	1115: 1114,
	1185: 1184,
	1231: 1700,
	1182: 1082,
	1009: 25,
	1015: 1043,
	1014: 1042,
	2951: 2950,
	1183: 1083,
};

const NAMES: Readonly<Record<number, string>> = {
	16: 'boolean',
	17: 'bytea',
	20: 'bigint',
	21: 'smallint',
	23: 'integer',
	25: 'text',
	700: 'real',
	701: 'double precision',
	1700: 'numeric',
	114: 'json',
	3802: 'jsonb',
	1042: 'char',
	1043: 'varchar',
	1082: 'date',
	1083: 'time',
	1114: 'timestamp',
	1184: 'timestamptz',
	1186: 'interval',
	2950: 'uuid',
};

function integer(text: string): string {
	return Number.isSafeInteger(Number(text)) ? text : `"${text}"`;
}

/** `NaN` and `Infinity` are no JSON numbers. */
function float(text: string): string {
	return /^-?\d/.test(text) ? text : `"${text}"`;
}

/** As it is kept: line breaks can only stand between its tokens. */
function json(text: string): string {
	return text.replace(/[\r\n]/g, ' ');
}

/** `2027-01-31 09:00:00.5+00` becomes `2027-01-31T09:00:00.5Z`; `infinity` and years BC stay text. */
function instant(text: string): string {
	return `"${text.replace(/^(\d+-\d\d-\d\d) ([\d:.]+?)(?:(\+00))?$/, (_all, day: string, time: string, zone?: string) => `${day}T${time}${zone === undefined ? '' : 'Z'}`)}"`;
}

type Element = string | null | Element[];

function arrayText(elements: readonly Element[]): string {
	const texts = elements.map((element) =>
		Array.isArray(element) ? arrayText(element) : (element ?? 'null'),
	);
	return `[${texts.join(',')}]`;
}

interface ArrayParser {
	create(text: string, transform: (entry: string) => string): { parse(): Element[] };
}

/** Writes values of PostgreSQL's text protocol as JSON texts. */
export function jsonTextOf(oid: number): (text: string) => string {
	const element = ELEMENT_OF[oid];
	if (element === undefined) return TEXT_OF[oid] ?? JSON.stringify;
	const transform = jsonTextOf(element);
	const parser = pg.types.arrayParser as unknown as ArrayParser;
	return (text) => arrayText(parser.create(text, transform).parse());
}

export function typeName(oid: number): string | undefined {
	const element = ELEMENT_OF[oid];
	return element === undefined ? NAMES[oid] : `${NAMES[element] ?? 'text'}[]`;
}
