import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { collectParameter, parseCount, readJson, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { addScheduleActs } from './schedule-acts.ts';
import { faint, printable, say, sayFields, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['id', 'name', 'capability', 'action', 'status', 'nextOccurrenceAt'];

export function addSchedules(program: Command): void {
	const group = program
		.command('schedules')
		.alias('schedule')
		.description('standing orders: what runs when, and where its result goes')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler schedules create weather --action monthly -p year=2014 -p month=10 --every 15m
  $ capscheduler schedules create weather --action monthly --cron "0 9 * * 1-5" --zone Europe/Berlin
  $ capscheduler schedules create weather daily.json        # every field of the API
  $ capscheduler schedules occurrences sch_… --limit 20`,
		);
	group
		.command('list')
		.description('those that are there')
		.option('--capability <name>', 'only of this capability')
		.option('--state <state>', 'only active, paused or completed ones')
		.option('--limit <count>', 'at most so many', parseCount, 100)
		.action(withApi(list));
	group.command('show <id>').description('all that is known of one').action(withApi(show));
	group
		.command('create <capability> [file]')
		.description('create one, from a JSON file ("-" reads standard input), options, or both')
		.option('--action <name>', 'the action to run')
		.option(
			'-p, --parameter <name=value>',
			'a parameter; values are JSON or text',
			collectParameter,
		)
		.option('--every <duration>', 'recurring: 90s, 15m, 1d')
		.option('--cron <pattern>', 'recurring: 5 fields, or 6 with seconds first')
		.option('--at <instant>', 'once: 2027-01-31T09:00:00+01:00')
		.option('--in <duration>', 'once: 10m from now')
		.option('--zone <zone>', 'the time zone: Europe/Berlin')
		.option('--name <name>', 'a name for people')
		.option('--format <format>', 'the format of the result link')
		.option('--callback <url>', 'where to tell how each run ended')
		.action(withApi(create));
	addScheduleActs(group);
	group
		.command('remove <id>')
		.description('end it for good; its runs and results stay')
		.action(withApi(remove));
	group
		.command('occurrences <id>')
		.description('what became of past instants, and what is to come')
		.option('--from <instant>', 'from this instant on')
		.option('--to <instant>', 'up to this instant; with --latest now unless given')
		.option('--latest', 'the latest first')
		.option('--outcome <outcome>', 'only fired, missed …; decided or planned ones')
		.option('--limit <count>', 'at most so many', parseCount, 50)
		.action(withApi(occurrences));
}

interface ListOptions {
	capability?: string;
	state?: string;
	limit: number;
}

async function list({ api, json, options }: Call<ListOptions>): Promise<void> {
	const { capability, state, limit } = options;
	const items = await api.list('/v1/schedules', { capability, status: state }, limit);
	if (json) sayJson({ items });
	else sayTable(items, COLUMNS, 'No schedule: capscheduler schedules create --help');
}

async function show({ api, json }: Call<object>, id: string): Promise<void> {
	const schedule = await api.call('GET', `/v1/schedules/${segment(id)}`);
	if (json) sayJson(schedule);
	else sayFields(schedule);
}

interface CreateOptions {
	action?: string;
	parameter?: JsonObject;
	every?: string;
	cron?: string;
	at?: string;
	in?: string;
	zone?: string;
	name?: string;
	format?: string;
	callback?: string;
}

async function create(
	{ api, json, options }: Call<CreateOptions>,
	capability: string,
	file?: string,
): Promise<void> {
	const body = { ...(file === undefined ? {} : await readJson(file)), ...bodyOf(options) };
	if (body['action'] === undefined)
		throw new CliError(EXIT.usage, 'no action: give --action, or "action" in the file');
	if (!TIMINGS.some((name) => body[name] !== undefined)) {
		const message = 'no timing: give --every, --cron, --at or --in, or "timing" in the file';
		throw new CliError(EXIT.usage, message);
	}
	const made = await api.call('POST', `/${segment(capability)}/schedule`, { body });
	if (json) {
		sayJson(made);
		return;
	}
	say(`created ${printable(made['scheduleId'])}`);
	for (const next of (made['nextOccurrences'] ?? []) as JsonObject[]) {
		say(`  ${printable(next['at'])}  ${faint(printable(next['local']))}`);
	}
	for (const warning of (made['warnings'] ?? []) as JsonObject[]) {
		say(`  warning: ${printable(warning['message'])}`);
	}
	const secrets = (made['secrets'] ?? {}) as JsonObject;
	if (Object.keys(secrets).length > 0) {
		say(faint('shown this once:'));
		sayFields(secrets);
	}
}

/** The fields of the API that say when. */
const TIMINGS = ['timing', 'time', 'frequency'];

/** What the options say, in the API's words; only what was given. */
function bodyOf(options: CreateOptions): JsonObject {
	const { action, parameter, every, cron, at, in: soon, zone, name, format, callback } = options;
	const timing = given({ every, cron, at, in: soon, timeZone: zone });
	return {
		...given({ action, name, callback }),
		...(parameter === undefined ? {} : { parameters: parameter }),
		...(Object.keys(timing).length === 0 ? {} : { timing }),
		...(format === undefined ? {} : { delivery: { format } }),
	};
}

function given(fields: Readonly<Record<string, string | undefined>>): JsonObject {
	return Object.fromEntries(
		Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
	);
}

async function remove({ api, json }: Call<object>, id: string): Promise<void> {
	await api.call('DELETE', `/v1/schedules/${segment(id)}`);
	if (json) sayJson({ removed: id });
	else say(`removed ${id}`);
}

interface OccurrenceOptions {
	from?: string;
	to?: string;
	outcome?: string;
	latest?: boolean;
	limit: number;
}

async function occurrences(
	{ api, json, options }: Call<OccurrenceOptions>,
	id: string,
): Promise<void> {
	const { from, to, outcome, latest, limit } = options;
	const query = { from, to, outcome, order: latest === true ? 'desc' : 'asc' };
	const items = await api.list(`/v1/schedules/${segment(id)}/occurrences`, query, limit);
	if (json) {
		sayJson({ items });
		return;
	}
	const rows = items.map((item) => ({
		...item,
		outcome: item['outcome'] ?? (item['planned'] === 'skip' ? 'will be skipped' : 'to come'),
	}));
	sayTable(rows, ['nominalAt', 'local', 'outcome', 'runId', 'reason']);
}
