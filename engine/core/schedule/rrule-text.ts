import type { Instant } from '../../contract/time.ts';
import { civilToDay, dayToCivil, lengthOfMonth } from './civil.ts';
import { toInstant } from './local-time.ts';
import type { LocalMillis } from './local-time.ts';
import type { RuleParts } from './rrule-parts.ts';
import { formatParts, parseParts, wrong } from './rrule-parts.ts';
import { two } from './words-parts.ts';
import { zoneNamed } from './zone.ts';

/* Lines of iCalendar: DTSTART, RRULE, RDATE and EXDATE. */

/** A date or time as a line has it. */
export type When =
	| { form: 'date'; local: LocalMillis }
	| { form: 'local'; local: LocalMillis }
	| { form: 'utc'; at: Instant };

export interface RecurrenceText {
	/** Missing: the rule begins when its schedule does. */
	start?: When;
	/** The zone of DTSTART, if it names one. */
	zone?: string;
	rules: RuleParts[];
	added: When[];
	excluded: When[];
}

interface Line {
	name: 'DTSTART' | 'RRULE' | 'RDATE' | 'EXDATE';
	parameters: ReadonlyMap<string, string>;
	value: string;
}

const LINES = ['DTSTART', 'RRULE', 'RDATE', 'EXDATE'] as const;
const DAY = 86_400_000;

/** @throws CapError INVALID_TIMING that names line or part */
export function readRecurrence(text: string, path: string): RecurrenceText {
	const lines = unfold(text).map((line) => readLine(line, path));
	const starts = lines.filter(({ name }) => name === 'DTSTART');
	if (starts.length > 1) {
		const received = String(starts.length);
		throw wrong(path, { part: 'DTSTART', expected: 'at most one', received });
	}
	const startLine = starts[0];
	const zone = startLine === undefined ? undefined : readZone(startLine, path);
	const start = startLine === undefined ? undefined : readWhen(startLine, startLine.value, path);
	const dates = (wanted: Line['name']): When[] =>
		lines.filter(({ name }) => name === wanted).flatMap((line) => readDates(line, zone, path));
	const rules = lines
		.filter(({ name }) => name === 'RRULE')
		.map(({ value }) => parseParts(value, path));
	const added = dates('RDATE');
	if (rules.length === 0 && added.length === 0) {
		const expected = 'a rule like FREQ=WEEKLY;BYDAY=MO, or RDATE';
		throw wrong(path, { part: 'RRULE', expected, received: text });
	}
	return {
		...(start === undefined ? {} : { start }),
		...(zone === undefined ? {} : { zone }),
		rules,
		added,
		excluded: dates('EXDATE'),
	};
}

/** Lines may be folded (RFC 5545, 3.1): one that begins with a space goes on. JSON may have `\n` written out. */
function unfold(text: string): string[] {
	return text
		.replaceAll('\\n', '\n')
		.replace(/\r?\n[ \t]/g, '')
		.split(/\r?\n/)
		.map((line) => line.trim())
		.filter((line) => line !== '');
}

function readLine(line: string, path: string): Line {
	if (/^FREQ\s*=/i.test(line) || /^[A-Z]+=[^:]*$/i.test(line)) {
		return { name: 'RRULE', parameters: new Map(), value: line };
	}
	const [, head = '', value = ''] = /^([^:"]*(?:"[^"]*"[^:"]*)*):(.*)$/.exec(line) ?? [];
	const [first = '', ...rest] = head.split(';').map((each) => each.trim());
	const name = LINES.find((each) => each === first.toUpperCase());
	if (name === undefined) {
		const deprecated = first.toUpperCase() === 'EXRULE';
		const expected = deprecated
			? 'nothing: RFC 5545 has it no more; write EXDATE, or "exclude" with a cron pattern'
			: `lines ${LINES.join(', ')}`;
		throw wrong(path, { part: first === '' ? 'line' : first, expected, received: line });
	}
	const parameters = new Map<string, string>();
	for (const each of rest) {
		const [key = '', text = ''] = each.split('=', 2);
		parameters.set(key.trim().toUpperCase(), text.trim().replaceAll('"', ''));
	}
	for (const key of parameters.keys()) {
		if (key === 'TZID' || key === 'VALUE') continue;
		const expected = 'only the parameters TZID and VALUE';
		throw wrong(path, { part: name, expected, received: key });
	}
	return { name, parameters, value: value.trim() };
}

function readZone({ name, parameters, value }: Line, path: string): string | undefined {
	const text = parameters.get('TZID');
	if (text === undefined) return undefined;
	const zone = zoneNamed(text);
	if (zone === undefined) {
		const expected = 'TZID an IANA zone like Europe/Berlin';
		throw wrong(path, { part: name, expected, received: text });
	}
	if (!/Z$/i.test(value)) return zone;
	throw wrong(path, { part: name, expected: 'TZID or Z, not both', received: value });
}

/** Dates in another zone than DTSTART's are instants. */
function readDates(line: Line, zone: string | undefined, path: string): When[] {
	const own = readZone(line, path);
	return line.value.split(',').map((text) => {
		// A period has an end or a duration, which does not matter here.
		const when = readWhen(line, text.split('/', 1)[0] ?? '', path);
		if (own === undefined || own === zone || when.form === 'utc') return when;
		return { form: 'utc', at: toInstant(own, when.local) };
	});
}

function readWhen({ name }: Pick<Line, 'name'>, text: string, path: string): When {
	const when = parseWhen(text.trim());
	if (when !== undefined) return when;
	const expected = 'a date or time that exists, like 20270104T090000';
	throw wrong(path, { part: name, expected, received: text });
}

/** `20270104`, `20270104T090000` or with `Z`. */
export function parseWhen(text: string): When | undefined {
	const found = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/i.exec(text);
	if (!found) return undefined;
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
		.slice(1, 7)
		.map((part: string | undefined) => Number(part ?? 0));
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > lengthOfMonth(year, month)) {
		return undefined;
	}
	if (hour > 23 || minute > 59 || second > 59) return undefined;
	const local =
		civilToDay(year, month, day) * DAY + hour * 3_600_000 + minute * 60_000 + second * 1000;
	if (found[4] === undefined) return { form: 'date', local };
	return found[7] === undefined ? { form: 'local', local } : { form: 'utc', at: local };
}

function formatWhen(when: When): string {
	const millis = when.form === 'utc' ? when.at : when.local;
	const { year, month, day } = dayToCivil(Math.floor(millis / DAY));
	const date = `${String(year).padStart(4, '0')}${two(month)}${two(day)}`;
	if (when.form === 'date') return date;
	const time = Math.floor((millis - Math.floor(millis / DAY) * DAY) / 1000);
	const clock = two(Math.floor(time / 3600)) + two(Math.floor((time % 3600) / 60)) + two(time % 60);
	return `${date}T${clock}${when.form === 'utc' ? 'Z' : ''}`;
}

/** The canonical text: a line each, always with DTSTART, zones left to the timing. */
export function formatRecurrence(start: When, text: RecurrenceText): string {
	const lines = [
		`DTSTART:${formatWhen(start)}`,
		...text.rules.map((rule) => `RRULE:${formatParts(rule)}`),
	];
	for (const [name, dates] of [
		['RDATE', text.added],
		['EXDATE', text.excluded],
	] as const) {
		if (dates.length > 0) lines.push(`${name}:${dates.map(formatWhen).join(',')}`);
	}
	return lines.join('\n');
}
