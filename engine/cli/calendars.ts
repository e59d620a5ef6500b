import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { collect, parseCount, readJson, readText, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, printable, say, sayFields, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['name', 'title', 'version', 'dayCount', 'knownUntil'];

export function addCalendars(program: Command): void {
	const group = program
		.command('calendars')
		.alias('calendar')
		.description('days that timings leave out, keep to, or move away from')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler calendars add holidays-by --country DE --region BY
  $ capscheduler calendars add company --ics company.ics
  $ capscheduler calendars add closed --day 2027-12-24=Christmas\\ Eve --day 2027-12-31
  $ capscheduler calendars holidays DE`,
		);
	group
		.command('list')
		.description('those that are there')
		.option('--limit <count>', 'at most so many', parseCount, 100)
		.action(withApi(list));
	group
		.command('show <name>')
		.description('one with its days')
		.option('--version-number <version>', 'as it was in this version', parseCount)
		.option('--year <year>', 'only the days of this year', parseCount)
		.action(withApi(show));
	group
		.command('add <name> [file]')
		.description('make one, or change it: from options, or a JSON file ("-" reads standard input)')
		.option('--ics <file>', 'all-day events of an iCalendar file ("-" reads standard input)')
		.option('--country <code>', 'public holidays of a country: DE')
		.option('--region <code>', 'and of a region of it: BY')
		.option('--day <date=name>', 'a day by hand, may be given many times', collect)
		.option('--title <title>', 'a name for people')
		.action(withApi(add));
	group
		.command('remove <name>')
		.description('remove one that no schedule names')
		.action(withApi(remove));
	group
		.command('holidays [country]')
		.description('countries whose public holidays are known, or the regions of one')
		.action(withApi(holidays));
}

async function list({ api, json, options }: Call<{ limit: number }>): Promise<void> {
	const items = await api.list('/v1/calendars', {}, options.limit);
	if (json) sayJson({ items });
	else sayTable(items, COLUMNS, 'No calendar is there yet: capscheduler calendars add --help');
}

async function show(
	{ api, json, options }: Call<{ versionNumber?: number; year?: number }>,
	name: string,
): Promise<void> {
	const { versionNumber, year } = options;
	const path = `/v1/calendars/${segment(name)}`;
	const version = versionNumber === undefined ? '' : `/versions/${versionNumber}`;
	const calendar = await api.call('GET', `${path}${version}`);
	const all = (calendar['days'] ?? []) as JsonObject[];
	const days =
		year === undefined ? all : all.filter(({ date }) => printable(date).startsWith(`${year}-`));
	if (json) {
		sayJson({ ...calendar, days });
		return;
	}
	const { days: _, ...fields } = calendar;
	sayFields(fields);
	say('');
	for (const { date, name: what } of days) {
		const weekday = new Date(`${printable(date)}T12:00:00Z`).toLocaleDateString('en', {
			weekday: 'short',
			timeZone: 'UTC',
		});
		say(`${printable(date)} ${faint(weekday)}  ${printable(what)}`);
	}
}

interface AddOptions {
	ics?: string;
	country?: string;
	region?: string;
	day?: string[];
	title?: string;
}

async function add(
	{ api, json, options }: Call<AddOptions>,
	name: string,
	file?: string,
): Promise<void> {
	const body: JsonObject = {
		...(file === undefined ? {} : await readJson(file)),
		...(await sourceOf(options)),
		...(options.title === undefined ? {} : { title: options.title }),
		name,
	};
	const known = await api.list('/v1/calendars', {}, 10_000);
	const present = known.find((calendar) => calendar['name'] === name);
	const calendar =
		present === undefined
			? await api.call('POST', '/v1/calendars', { body })
			: await api.call('PUT', `/v1/calendars/${segment(name)}`, { body });
	if (json) {
		sayJson(calendar);
		return;
	}
	const { dayCount, knownUntil, version } = calendar;
	say(
		`${printable(name)}: ${printable(dayCount)} days until ${printable(knownUntil)} (version ${printable(version)})`,
	);
}

async function sourceOf({ ics, country, region, day }: AddOptions): Promise<JsonObject> {
	if (region !== undefined && country === undefined) {
		throw new CliError(EXIT.usage, '--region needs --country');
	}
	return {
		...(ics === undefined ? {} : { ics: await readText(ics) }),
		...(country === undefined
			? {}
			: { holidays: { country, ...(region === undefined ? {} : { region }) } }),
		...(day === undefined ? {} : { days: day.map(dayOf) }),
	};
}

function dayOf(text: string): JsonObject {
	const at = text.indexOf('=');
	return at === -1 ? { date: text } : { date: text.slice(0, at), name: text.slice(at + 1) };
}

async function remove({ api, json }: Call<object>, name: string): Promise<void> {
	await api.call('DELETE', `/v1/calendars/${segment(name)}`);
	if (json) sayJson({ removed: name });
	else say(`removed ${name}`);
}

async function holidays({ api, json }: Call<object>, country?: string): Promise<void> {
	const query = country === undefined ? '' : `?country=${segment(country)}`;
	const answer = await api.call('GET', `/v1/holidays${query}`);
	if (json) {
		sayJson(answer);
		return;
	}
	const countries = answer['countries'] as JsonObject[];
	const places = country === undefined ? countries : (countries[0]?.['regions'] as JsonObject[]);
	sayTable(places, ['code', 'name'], 'no region of it is known');
}
