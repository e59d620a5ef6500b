import { inputError } from '../../contract/errors.ts';
import type { CapError } from '../../contract/errors.ts';

export type Driver = 'sqlite' | 'postgres' | 'mysql';

/** Statements that read. What a server lets them do beyond is stopped by its read-only transaction. */
const READING = new Set([
	'SELECT',
	'WITH',
	'VALUES',
	'TABLE',
	'SHOW',
	'EXPLAIN',
	'DESCRIBE',
	'DESC',
]);
/** MySQL reads and writes files of its host even in a read-only transaction. */
const MYSQL_FILES = /\b(?:outfile|dumpfile|load_file)\b/i;

/** What must be skipped as a whole: comments, strings, quoted names. The order matters. */
const SKIPPED: Readonly<Record<Driver, RegExp>> = {
	sqlite: /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y,
	postgres:
		/--[^\n]*|[eE]'(?:[^'\\]|''|\\[^])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)[^]*?\1/y,
	mysql:
		/--(?=\s|$)[^\n]*|#[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"|`(?:[^`]|``)*`/y,
};

export interface Statement {
	/** `?` placeholders, or the highest n of `$n`. */
	placeholders: number;
	/** `:name` placeholders, SQLite only. */
	names: Set<string>;
}

/** PostgreSQL's block comments nest. @returns the offset behind it */
function skipNestedComment(sql: string, from: number): number {
	let depth = 0;
	for (let i = from; i < sql.length; i++) {
		if (sql.startsWith('/*', i)) depth++;
		else if (sql.startsWith('*/', i)) depth--;
		else continue;
		i++;
		if (depth === 0) return i + 1;
	}
	return sql.length;
}

function skip(sql: string, at: number, driver: Driver): number {
	if (driver === 'postgres' && sql.startsWith('/*', at)) return skipNestedComment(sql, at);
	const pattern = SKIPPED[driver];
	pattern.lastIndex = at;
	return pattern.test(sql) ? pattern.lastIndex : at;
}

const WORD = /[A-Za-z_][\w$]*/y;
const NUMBERED = /\$(\d{1,5})/y;
const NAMED = /[:@$]([A-Za-z_]\w*)/y;

/**
 * Looks over one statement, without parsing it: it is one, it reads, its placeholders are counted.
 * @throws CapError BINDING_INVALID naming `path`
 */
export function readStatement(sql: string, driver: Driver, path: string): Statement {
	const refuse = (expected: string, received?: string): CapError =>
		inputError('BINDING_INVALID', { path, expected, received });
	const statement: Statement = { placeholders: 0, names: new Set() };
	let first = '';
	let over = false;
	for (let i = 0; i < sql.length;) {
		const behind = skip(sql, i, driver);
		if (behind > i) {
			i = behind;
			continue;
		}
		const char = sql[i] ?? '';
		if (over && !/\s|;/.test(char)) throw refuse('one statement', 'another one behind ";"');
		if (char === ';') over = true;
		const word = matchAt(WORD, sql, i);
		if (word !== undefined) {
			if (first === '') first = word[0].toUpperCase();
			i += word[0].length;
			continue;
		}
		i += placeholder(sql, i, driver, statement);
	}
	if (!READING.has(first)) throw refuse('a statement that reads, like SELECT', first || 'nothing');
	if (driver === 'mysql' && MYSQL_FILES.test(sql))
		throw refuse('a statement without access to files');
	if (driver === 'mysql' && /\/\*M?!/.test(sql))
		throw refuse('no comment that is executed ("/*!")');
	return statement;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
	pattern.lastIndex = at;
	return pattern.exec(text) ?? undefined;
}

/** Notes the placeholder that begins here, if one does. @returns how many characters to go on */
function placeholder(sql: string, at: number, driver: Driver, into: Statement): number {
	if (driver === 'postgres') {
		if (sql.startsWith('::', at)) return 2;
		const numbered = matchAt(NUMBERED, sql, at);
		if (numbered === undefined) return 1;
		into.placeholders = Math.max(into.placeholders, Number(numbered[1]));
		return numbered[0].length;
	}
	if (sql[at] === '?') into.placeholders++;
	const named = driver === 'sqlite' ? matchAt(NAMED, sql, at) : undefined;
	if (named?.[1] !== undefined) into.names.add(named[1]);
	return named?.[0].length ?? 1;
}

/** @throws CapError BINDING_INVALID when names and placeholders do not fit */
export function checkPlaceholders(
	statement: Statement,
	parameters: readonly string[],
	path: string,
): void {
	const { placeholders, names } = statement;
	const received = `${parameters.length}`;
	if (names.size > 0) {
		const missing = [...names].find((name) => !parameters.includes(name));
		if (missing !== undefined) {
			throw inputError('BINDING_INVALID', {
				path,
				expected: `the name "${missing}" of a placeholder`,
			});
		}
		if (placeholders > 0)
			throw inputError('BINDING_INVALID', { path, expected: 'either "?" or ":name"' });
	} else if (placeholders !== parameters.length) {
		throw inputError('BINDING_INVALID', {
			path,
			expected: `${placeholders} names of parameters`,
			received,
		});
	}
}
