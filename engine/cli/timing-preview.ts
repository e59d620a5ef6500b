import { NO_CALENDARS } from '../contract/calendar.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { previewInputSchema } from '../contract/timing-requests.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { afterWord, readSpokenDuration } from '../core/schedule/short-forms.ts';
import type { PreviewedOccurrence } from '../core/schedule/preview.ts';
import type { Preview } from '../pipeline/preview.ts';
import { previewTiming } from '../pipeline/preview.ts';
import { systemClock } from '../clock.ts';
import type { Globals } from './arguments.ts';
import { readJson } from './arguments.ts';
import { months, readable } from './draw.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, note, printable, say, sayJson, strong } from './terminal.ts';

export interface PreviewCommandOptions {
	tz?: string;
	count: number;
	from?: string;
	viewer?: string;
	schedule?: string;
}

/** The least that an engine can be set to allow. */
const SMALLEST_INTERVAL = 1000;
const MONTHS = 3;

export async function preview(
	when: string,
	options: PreviewCommandOptions & Globals,
): Promise<void> {
	const isFile = when === '-' || when.endsWith('.json');
	const body = isFile ? await readJson(when) : bodyOf(when, options);
	const answer = ask(body);
	if (options.json === true) sayJson(answer);
	else show(answer);
}

function ask(body: JsonObject): Preview {
	try {
		const input = parseInput(previewInputSchema, body);
		return previewTiming(input, {
			now: systemClock.now(),
			smallestInterval: SMALLEST_INTERVAL,
			calendars: NO_CALENDARS,
		});
	} catch (error) {
		if (!(error instanceof CapError) || error.status >= 500) throw error;
		const { code, issues } = error;
		throw new CliError(EXIT.usage, error.message, { data: { code, errors: issues } });
	}
}

function bodyOf(when: string, options: PreviewCommandOptions): JsonObject {
	const { tz, count, from, viewer, schedule } = options;
	return {
		...timingOf(when.trim(), tz),
		count,
		...(from === undefined ? {} : { from }),
		...(viewer === undefined ? {} : { viewerTimeZone: viewer }),
		...(schedule === undefined ? {} : { scheduleId: schedule }),
	};
}

/** The field of the API that a text is for, by its form. */
function timingOf(when: string, tz: string | undefined): JsonObject {
	const zone = tz === undefined ? {} : { timeZone: tz };
	const every = readSpokenDuration(afterWord('every', when) ?? '');
	if (every !== undefined) return { timing: { every, ...zone } };
	if (/^(?:RRULE|DTSTART|FREQ=)/i.test(when)) {
		return { timing: { rrule: when.replaceAll('\\n', '\n'), ...zone } };
	}
	if (/^\d{4}-\d{2}-\d{2}/.test(when)) return { timing: { at: when, ...zone } };
	if (afterWord('in', when) !== undefined) return { time: when };
	const fields = when.split(/\s+/);
	if (/^[@\d*?~]/.test(when) && (fields.length >= 5 || when.startsWith('@'))) {
		const quartz = fields.length === 7 ? { dialect: 'quartz' } : {};
		return { timing: { cron: when, ...quartz, ...zone } };
	}
	if (tz !== undefined && ZONE_AT_END.test(when)) {
		throw new CliError(
			EXIT.usage,
			`--tz: expected nothing where the sentence names a zone, got ${tz}`,
		);
	}
	return { frequency: tz === undefined ? when : `${when} in ${tz}` };
}

const ZONE_AT_END = /\s[a-z]+(?:\/[\w+-]+)+$/i;

function show({ occurrences, understood, words, warnings }: Preview): void {
	const { timeZone, ...rule } = understood;
	say(strong(words));
	say(
		faint(
			`${Object.entries(rule)
				.map(([name, value]) => `${name} ${printable(value).replaceAll('\uFFFD', ' ')}`)
				.join(', ')}  ${printable(timeZone)}`,
		),
	);
	const marked = Map.groupBy(occurrences, ({ local }) => local.slice(0, 10));
	const counts = new Map([...marked].map(([day, { length }]) => [day, length]));
	say(`\n${months(counts, MONTHS)}\n`);
	for (const line of rows(occurrences)) say(line);
	for (const { message } of warnings) note(`warning: ${message}`);
}

function rows(occurrences: readonly PreviewedOccurrence[]): string[] {
	return occurrences.map(({ local, viewerLocal, at, dueAt, planned, reason, notes }) => {
		const other = viewerLocal === undefined ? at : readable(viewerLocal);
		const told = [
			...(dueAt === undefined ? [] : [`due at ${dueAt}`]),
			...(planned === 'skip' ? [`skipped: ${printable(reason)}`] : []),
			...notes.map(printable),
		];
		return `${readable(local)}   ${faint(other)}${told.length === 0 ? '' : `   ${told.join('; ')}`}`;
	});
}
