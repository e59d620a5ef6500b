import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { collectParameter, parseCount, readJson, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import type { Api } from './client.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, printable, say, sayFields, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['id', 'name', 'channel', 'enabled', 'disabledReason', 'updatedAt'];
const STEPS = ['step', 'result', 'ms', 'detail'];
/** A test waits for the other side longer than other commands do. */
const TEST_WITHIN = 70_000;

export function addDestinations(program: Command): void {
	const group = program
		.command('destinations')
		.alias('destination')
		.description('named places that results are pushed to')
		.addHelpText(
			'after',
			`
A destination is named by its id or its name.

Examples:
  $ capscheduler destinations list
  $ capscheduler destinations create warehouse webhook -s url=https://example.org/incoming
  $ capscheduler destinations update warehouse -s method=PUT
  $ capscheduler destinations test warehouse
  $ capscheduler destinations test warehouse changed.json    # settings before they are saved
  $ capscheduler destinations try sftp settings.json         # before there is a destination`,
		);
	group
		.command('list')
		.description('those that are there')
		.option('--limit <count>', 'at most so many', parseCount, 100)
		.action(withApi(list));
	group.command('show <destination>').description('all that is known of one').action(withApi(show));
	group
		.command('create <name> <channel> [file]')
		.description('make one; settings from a JSON file ("-" reads standard input), options, or both')
		.option('-s, --set <name=value>', 'a setting; values are JSON or text', collectParameter)
		.option('--disabled', 'not to be used yet')
		.action(withApi(create));
	group
		.command('update <destination> [file]')
		.description(
			'change some of it: {"settings": …, "allow": …, "limits": …, "alerts": …, "name": …}',
		)
		.option('-s, --set <name=value>', 'a setting; null takes it out', collectParameter)
		.option('--name <name>', 'another name')
		.action(withApi(update));
	group
		.command('enable <destination>')
		.description('use it again, also after it answered 410')
		.action(withApi((call, id: string) => change(call, id, { enabled: true })));
	group
		.command('disable <destination>')
		.description('its deliveries fail, or take their fallback')
		.action(withApi((call, id: string) => change(call, id, { enabled: false })));
	group
		.command('rotate <destination>')
		.description('a new signing secret; the one before it signs beside it for a day')
		.action(withApi(rotate));
	group
		.command('remove <destination>')
		.description('refused while schedules use it')
		.action(withApi(remove));
	group
		.command('test <destination> [file]')
		.description('try it out: each step with its time; 1 when one fails')
		.action(withApi(test));
	group
		.command('try <channel> <file>')
		.description('the same with settings from a JSON file ("-" reads standard input), kept nowhere')
		.action(withApi(tryOut));
}

/** Ids are as they are; a name is looked up. */
export async function destinationId(api: Api, idOrName: string): Promise<string> {
	if (/^dst_[0-9a-z]{26}$/i.test(idOrName)) return idOrName;
	const all = await api.list('/v1/destinations', {}, 10_000);
	const found = all.find(({ name }) => name === idOrName);
	if (typeof found?.['id'] === 'string') return found['id'];
	throw new CliError(EXIT.refused, `no destination "${idOrName}"`, {
		hint: 'capscheduler destinations list',
		data: { code: 'NOT_FOUND' },
	});
}

async function list({ api, json, options }: Call<{ limit: number }>): Promise<void> {
	const items = await api.list('/v1/destinations', {}, options.limit);
	if (json) sayJson({ items });
	else sayTable(items, COLUMNS, 'No destination is there yet');
}

async function show({ api, json }: Call<object>, idOrName: string): Promise<void> {
	const id = await destinationId(api, idOrName);
	const destination = await api.call('GET', `/v1/destinations/${segment(id)}`);
	if (json) sayJson(destination);
	else sayFields(destination);
}

interface CreateOptions {
	set?: JsonObject;
	disabled?: boolean;
}

async function create(
	{ api, json, options }: Call<CreateOptions>,
	name: string,
	channel: string,
	file?: string,
): Promise<void> {
	const settings = { ...(file === undefined ? {} : await readJson(file)), ...options.set };
	const enabled = options.disabled === true ? { enabled: false } : {};
	const body = { name, channel, settings, ...enabled };
	sayWritten('created', await api.call('POST', '/v1/destinations', { body }), json);
}

async function update(
	call: Call<{ set?: JsonObject; name?: string }>,
	idOrName: string,
	file?: string,
): Promise<void> {
	const { set, name } = call.options;
	const body: JsonObject = file === undefined ? {} : await readJson(file);
	const settings = { ...(body['settings'] as JsonObject | undefined), ...set };
	await change(call, idOrName, {
		...body,
		...(Object.keys(settings).length === 0 ? {} : { settings }),
		...(name === undefined ? {} : { name }),
	});
}

async function change(
	{ api, json }: Call<object>,
	idOrName: string,
	body: JsonObject,
): Promise<void> {
	const path = `/v1/destinations/${segment(await destinationId(api, idOrName))}`;
	sayWritten('changed', await api.call('PATCH', path, { body }), json);
}

async function rotate({ api, json }: Call<object>, idOrName: string): Promise<void> {
	const path = `/v1/destinations/${segment(await destinationId(api, idOrName))}/rotate-secret`;
	sayWritten('rotated', await api.call('POST', path), json);
}

async function remove({ api, json }: Call<object>, idOrName: string): Promise<void> {
	const id = await destinationId(api, idOrName);
	await api.call('DELETE', `/v1/destinations/${segment(id)}`);
	if (json) sayJson({ removed: id });
	else say(`removed ${printable(idOrName)}`);
}

function sayWritten(done: string, destination: JsonObject, json: boolean): void {
	if (json) {
		sayJson(destination);
		return;
	}
	say(`${done} ${printable(destination['name'])} (${printable(destination['id'])})`);
	const secrets = (destination['secrets'] ?? {}) as JsonObject;
	if (Object.keys(secrets).length === 0) return;
	say(faint('shown this once:'));
	sayFields(secrets);
}

async function test({ api, json }: Call<object>, idOrName: string, file?: string): Promise<void> {
	const id = await destinationId(api, idOrName);
	const body = file === undefined ? {} : { settings: await readJson(file) };
	const path = `/v1/destinations/${segment(id)}/test`;
	sayTest(await api.call('POST', path, { body, within: TEST_WITHIN }), json);
}

async function tryOut({ api, json }: Call<object>, channel: string, file: string): Promise<void> {
	const body = { channel, settings: await readJson(file) };
	const answer = await api.call('POST', '/v1/destinations/test', { body, within: TEST_WITHIN });
	sayTest(answer, json);
}

function sayTest(answer: JsonObject, json: boolean): void {
	const { ok, steps, probed, ms } = answer;
	if (json) sayJson(answer);
	else {
		const rows = (steps as JsonObject[]).map(({ ok: well, code, ...step }) => ({
			...step,
			result: well === true ? 'ok' : (code ?? 'failed'),
		}));
		sayTable(rows, STEPS);
		if (probed === false) say(faint('the channel has no test of its own'));
	}
	if (ok === true) {
		if (!json) say(`it works (${printable(ms)} ms)`);
		return;
	}
	const failed = (steps as JsonObject[]).find((step) => step['ok'] !== true);
	throw new CliError(
		EXIT.failed,
		`the test failed at "${printable(failed?.['step'])}": ${printable(failed?.['detail'])}`,
		{ data: { code: printable(failed?.['code']) } },
	);
}
