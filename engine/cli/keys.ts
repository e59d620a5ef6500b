import type { Command } from 'commander';

import { SCOPES } from '../contract/access.ts';
import type { JsonObject } from '../contract/json.ts';
import { collect, segment, withApi } from './arguments.ts';
import type { Call, Globals } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { keyBody } from './key-options.ts';
import type { CreateKeyOptions } from './key-options.ts';
import { faint, printable, say, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['id', 'name', 'tenant', 'scopes', 'createdAt', 'expiresAt', 'revokedAt'];

export function addKeys(program: Command): void {
	const group = program
		.command('keys')
		.alias('key')
		.description('who may use the API')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler keys create reports --scope schedules:write --scope runs:read --expires 90d
  $ capscheduler keys create rescue --local        # a new admin key, while the engine is stopped
  $ CAPSCHEDULER_ADMIN_KEY=$(capscheduler keys generate) capscheduler start`,
		);
	group.command('list').description('all keys of the tenant').action(withApi(list));
	group
		.command('create <name>')
		.description('make one; it is shown once')
		.option(
			'--scope <scope>',
			`what it may do, may be given many times: ${SCOPES.join(', ')}`,
			collect,
		)
		.option('--capability <name>', 'only these capabilities, may be given many times', collect)
		.option('--tenant <tenant>', 'for another tenant (from the tenant "default" only)')
		.option('--expires <duration>', 'how long it is valid: 90d')
		.option(
			'--local',
			'make it in the data folder itself, while the engine is stopped; admin by default',
		)
		.action(async (name: string, options: CreateKeyOptions, command: Command) => {
			if (options.local !== true) {
				await withApi(create)(name, options, command);
				return;
			}
			const { createLocalKey } = await import('./local-key.ts');
			const { token, key } = await createLocalKey(name, options);
			sayCreated({ key, token }, command.optsWithGlobals<Globals>().json === true);
		});
	group.command('revoke <id>').description('end it at once').action(withApi(revoke));
	group
		.command('rewrap')
		.description('put all secrets of the store under the first of CAPSCHEDULER_KEYS')
		.action(async (_options, command: Command) => {
			const { rewrapSecrets } = await import('./rewrap.ts');
			await rewrapSecrets(command.optsWithGlobals<Globals>());
		});
	group
		.command('generate')
		.description('a key for CAPSCHEDULER_ADMIN_KEY; it is valid only where it is set')
		.action(async () => {
			const { generateKey } = await import('./local-key.ts');
			say(generateKey());
		});
}

async function list({ api, json }: Call<object>): Promise<void> {
	const { items } = await api.call('GET', '/v1/keys');
	if (json) sayJson({ items: items ?? [] });
	else sayTable((items ?? []) as JsonObject[], COLUMNS);
}

async function create({ api, json, options }: Call<CreateKeyOptions>, name: string): Promise<void> {
	if (options.scope === undefined) {
		throw new CliError(EXIT.usage, 'no scope: say with --scope what the key may do', {
			hint: `There are: ${SCOPES.join(', ')}.`,
		});
	}
	sayCreated(await api.call('POST', '/v1/keys', { body: keyBody(name, options) }), json);
}

function sayCreated(made: JsonObject, json: boolean): void {
	if (json) {
		sayJson(made);
		return;
	}
	say(printable(made['token']));
	say(faint('Shown this once; keep it. Use it as CAPSCHEDULER_KEY.'));
}

async function revoke({ api, json }: Call<object>, id: string): Promise<void> {
	await api.call('DELETE', `/v1/keys/${segment(id)}`);
	if (json) sayJson({ revoked: id });
	else say(`revoked ${id}`);
}
