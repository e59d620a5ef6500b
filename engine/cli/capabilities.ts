import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import {
	collectParameter,
	parseCount,
	parseWait,
	readJson,
	segment,
	withApi,
} from './arguments.ts';
import type { Call } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { watchRun } from './run-watch.ts';
import { faint, say, sayFields, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['name', 'title', 'revision', 'updatedAt'];

export function addCapabilities(program: Command): void {
	const group = program
		.command('capabilities')
		.alias('capability')
		.description('what can be asked to do something')
		.addHelpText(
			'after',
			`
Bindings: http, n8n (a workflow behind a webhook), sql, module; docs/capabilities.md shows a manifest for each.

Examples:
  $ capscheduler capabilities register weather.json
  $ capscheduler capabilities invoke weather monthly -p year=2014 -p month=10 --wait 30s
  $ capscheduler capabilities show weather --json`,
		);
	group
		.command('list')
		.description('all that are registered')
		.option('--limit <count>', 'at most so many', parseCount, 100)
		.action(withApi(list));
	group
		.command('show <name>')
		.description('its actions and how it is reached; secrets are not shown')
		.action(withApi(show));
	group
		.command('register <file>')
		.description('create or replace one from a JSON manifest ("-" reads standard input)')
		.option('--name <name>', 'the name, if the manifest has none')
		.action(withApi(register));
	group
		.command('remove <name>')
		.description('remove one that no schedule uses')
		.action(withApi(remove));
	group
		.command('invoke <name> <action>')
		.description('run an action now')
		.option(
			'-p, --parameter <name=value>',
			'a parameter; values are JSON or text',
			collectParameter,
		)
		.option('--parameters <file>', 'parameters from a JSON file')
		.option(
			'--wait <duration>',
			'wait so long for the end; exits with 1 when the run fails',
			parseWait,
		)
		.action(withApi(invoke));
}

async function list({ api, json, options }: Call<{ limit: number }>): Promise<void> {
	const items = await api.list('/v1/capabilities', {}, options.limit);
	if (json) sayJson({ items });
	else
		sayTable(
			items,
			COLUMNS,
			'No capability is registered yet: capscheduler capabilities register --help',
		);
}

async function show({ api, json }: Call<object>, name: string): Promise<void> {
	const capability = await api.call('GET', `/v1/capabilities/${segment(name)}`);
	if (json) sayJson(capability);
	else sayFields(capability);
}

async function register(
	{ api, json, options }: Call<{ name?: string }>,
	file: string,
): Promise<void> {
	const manifest = await readJson(file);
	const name = options.name ?? manifest['name'];
	if (typeof name !== 'string') {
		throw new CliError(EXIT.usage, `${file}: the manifest has no "name"`, {
			hint: 'Give it with --name.',
		});
	}
	const made = await api.call('PUT', `/v1/capabilities/${segment(name)}`, { body: manifest });
	if (json) {
		sayJson(made);
		return;
	}
	say(`registered ${name}`);
	const secrets = (made['secrets'] ?? {}) as JsonObject;
	if (Object.keys(secrets).length > 0) {
		say(faint('shown this once:'));
		sayFields(secrets);
	}
}

async function remove({ api, json }: Call<object>, name: string): Promise<void> {
	await api.call('DELETE', `/v1/capabilities/${segment(name)}`);
	if (json) sayJson({ removed: name });
	else say(`removed ${name}`);
}

interface InvokeOptions {
	parameter?: JsonObject;
	parameters?: string;
	wait?: number;
}

async function invoke(call: Call<InvokeOptions>, name: string, action: string): Promise<void> {
	const { api, options } = call;
	const fromFile = options.parameters === undefined ? {} : await readJson(options.parameters);
	const run = await api.call(
		'POST',
		`/v1/capabilities/${segment(name)}/actions/${segment(action)}/invoke`,
		{
			body: { parameters: { ...fromFile, ...options.parameter } },
		},
	);
	await watchRun(call, run, options.wait);
}
