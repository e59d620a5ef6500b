import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { sayJson, sayTable } from './terminal.ts';

const COLUMNS = [
	'id',
	'state',
	'version',
	'roles',
	'host',
	'pid',
	'url',
	'clockAheadMs',
	'runs',
	'seenAt',
];

export function addEngines(program: Command): void {
	program
		.command('engines')
		.description('the engines that share the store, and how they are')
		.action(withApi(list));
}

async function list({ api, json }: Call<object>): Promise<void> {
	const answer = await api.call('GET', '/v1/engines');
	const items = (answer['items'] ?? []) as JsonObject[];
	if (json) {
		sayJson({ items });
		return;
	}
	const rows = items.map((engine) => ({
		...engine,
		roles: (engine['roles'] as string[]).join(),
		runs: (engine['inFlight'] as { runs: number }).runs,
	}));
	sayTable(rows, COLUMNS);
}
