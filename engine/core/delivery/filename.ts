import { inputError } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import { formatLocal, isPattern } from './date-pattern.ts';

/** `name`: what the source called its file, without its extension; else capability and action. */
const TEXT_FIELDS = [
	'capability',
	'action',
	'runId',
	'scheduleId',
	'scheduleName',
	'tenant',
	'format',
	'name',
	'ext',
] as const;
const TIME_FIELDS = ['nominalAt', 'windowStart', 'windowEnd'] as const;

type TextField = (typeof TEXT_FIELDS)[number];
type TimeField = (typeof TIME_FIELDS)[number];

/** What a template may name. Null is written as `none`: a run by hand has no schedule. */
export type FilenameValues = Record<TextField, string | null> & Record<TimeField, Instant | null>;

type Part = { text: string } | { field: TextField } | { field: TimeField; pattern: string };
export type ParsedFilename = readonly Part[];

const MAX_BYTES = 255;
const DEFAULT_PATTERN = 'yyyy-MM-dd-HHmmss';
const NOTHING = 'none';
/** Separators, control characters, line ends, and marks that turn the reading direction. */
const FORBIDDEN = /[/\\\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** In values also what Windows does not take. */
const REPLACED = /[/\\\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069:*?"<>|]/gu;

/**
 * Reads a logic-less template: fixed fields in double braces, times with a pattern of `yyyy MM dd HH mm ss`.
 * @param path where it stands in the input, for the error
 * @throws CapError TEMPLATE_INVALID for anything else in braces, PATH_INVALID for what could leave a folder
 */
export function parseFilename(template: string, path: string): ParsedFilename {
	const parts = [...template.matchAll(/\{\{([^{}]*)\}\}|([^{}]+)|([{}])/g)].map(
		([, inner, text, brace]): Part => {
			if (brace !== undefined) throw invalid(path, 'braces only as {{field}}', brace);
			return text === undefined ? readField(inner ?? '', path) : { text };
		},
	);
	const plain = parts.map((part) => ('text' in part ? part.text : 'x')).join('');
	const fine =
		plain !== '' &&
		!FORBIDDEN.test(plain) &&
		!plain.startsWith('.') &&
		!plain.includes('..') &&
		template.isWellFormed();
	if (fine) return parts;
	throw inputError('PATH_INVALID', {
		path,
		expected: 'a file name without "..", "/", "\\", control characters and leading dot',
		received: JSON.stringify(template.slice(0, 100)),
	});
}

function readField(inner: string, path: string): Part {
	const [, name = '', pattern] = /^\s*([A-Za-z]+)(?::(.*?))?\s*$/.exec(inner) ?? [];
	const text = TEXT_FIELDS.find((field) => field === name);
	if (text && pattern === undefined) return { field: text };
	const time = TIME_FIELDS.find((field) => field === name);
	if (!time) throw invalid(path, `one of ${[...TEXT_FIELDS, ...TIME_FIELDS].join(', ')}`, inner);
	if (pattern !== undefined && !isPattern(pattern)) {
		throw invalid(path, 'a pattern of yyyy MM dd HH mm ss with - _ . T between', inner);
	}
	return { field: time, pattern: pattern ?? DEFAULT_PATTERN };
}

/**
 * The file's name: never empty, at most 255 bytes of UTF-8, one segment of a path, whatever the values are.
 * @param timeZone IANA name of the zone in which times are written: the schedule's
 * @param room bytes that are kept free for what is put behind it: `.gz`, `.sha256`; default 0
 */
export function renderFilename(
	parsed: ParsedFilename,
	{ values, timeZone, room = 0 }: { values: FilenameValues; timeZone: string; room?: number },
): string {
	const rendered = parsed.map((part) => {
		if ('text' in part) return part.text;
		const value = values[part.field];
		if (value === null) return NOTHING;
		if (typeof value === 'number') {
			return formatLocal(value, 'pattern' in part ? part.pattern : DEFAULT_PATTERN, timeZone);
		}
		return value.toWellFormed().replace(REPLACED, '_');
	});
	return fit(tidy(rendered.join('')), MAX_BYTES - room);
}

function tidy(text: string): string {
	const name = text
		.normalize('NFC')
		.replace(/\.{2,}/g, '.')
		.replace(/^[.\s]+/, '_')
		.replace(/[.\s]+$/, '');
	return name === '' ? '_' : name;
}

/** Shortens before the extension, by whole characters. */
function fit(name: string, maxBytes: number): string {
	if (bytesOf(name) <= maxBytes) return name;
	const [extension = ''] = /\.[A-Za-z0-9]{1,16}$/.exec(name) ?? [];
	let room = maxBytes - extension.length;
	let stem = '';
	for (const character of name.slice(0, name.length - extension.length)) {
		room -= bytesOf(character);
		if (room < 0) break;
		stem += character;
	}
	return stem + extension;
}

/** The name of a file that is called as something in the data is. */
export function filenameOf(text: string, extension: string): string {
	const stem = tidy(text.toWellFormed().replace(REPLACED, '_'));
	return fit(`${stem}.${extension}`, MAX_BYTES);
}

/**
 * Files that lie side by side: a name that is taken, also where the case of letters counts nothing, becomes
 * `name-2.csv`, `name-3.csv` …
 */
export function distinctNames(names: readonly string[]): string[] {
	const taken = new Set<string>();
	return names.map((name) => {
		const [extension = ''] = /\.[A-Za-z0-9]{1,16}$/.exec(name) ?? [];
		const stem = name.slice(0, name.length - extension.length);
		let free = name;
		for (let n = 2; taken.has(free.toLowerCase()); n++) {
			const tail = `-${n}${extension}`;
			free = fit(stem, MAX_BYTES - tail.length) + tail;
		}
		taken.add(free.toLowerCase());
		return free;
	});
}

function bytesOf(text: string): number {
	return new TextEncoder().encode(text).length;
}

function invalid(path: string, expected: string, received: string) {
	return inputError('TEMPLATE_INVALID', {
		path,
		expected,
		received: JSON.stringify(received.slice(0, 60)),
	});
}
