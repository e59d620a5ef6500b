import type { Command } from 'commander';

import { parseCount, parseWait, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { saveBody } from './files.ts';
import { sayRun } from './run-show.ts';
import { watchRun } from './run-watch.ts';
import { printable, say, sayJson, sayTable } from './terminal.ts';

const COLUMNS = [
	'id',
	'capability',
	'action',
	'trigger',
	'state',
	'attempt',
	'createdAt',
	'endedAt',
];

export function addRuns(program: Command): void {
	const group = program
		.command('runs')
		.alias('run')
		.description('single executions, their results and how they were delivered')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler runs list --state failed
  $ capscheduler runs show run_…
  $ capscheduler runs result run_… --format csv -o report.csv`,
		);
	group
		.command('list')
		.description('the latest first')
		.option('--capability <name>', 'only of this capability')
		.option('--schedule <id>', 'only of this schedule')
		.option('--state <state>', 'only those in this state')
		.option('--limit <count>', 'at most so many', parseCount, 20)
		.action(withApi(list));
	group
		.command('show <id>')
		.description('its attempts, deliveries and notifications too')
		.action(withApi(show));
	group
		.command('result <id>')
		.description('fetch the result, as it was returned or in a format')
		.option('-f, --format <format>', 'json, ndjson, csv, html …')
		.option('-o, --output <file>', 'write it there; default standard output')
		.action(withApi(result));
	group.command('cancel <id>').description('stop one that is not over').action(withApi(cancel));
	group
		.command('rerun <id>')
		.description('the same once more, as a new run')
		.option('--wait <duration>', 'wait so long for the end; exits with 1 when it fails', parseWait)
		.action(withApi(rerun));
}

interface ListOptions {
	capability?: string;
	schedule?: string;
	state?: string;
	limit: number;
}

async function list({ api, json, options }: Call<ListOptions>): Promise<void> {
	const { capability, schedule, state, limit } = options;
	const items = await api.list('/v1/runs', { capability, scheduleId: schedule, state }, limit);
	if (json) sayJson({ items });
	else sayTable(items, COLUMNS, 'No run.');
}

async function show({ api, json }: Call<object>, id: string): Promise<void> {
	const run = await api.call('GET', `/v1/runs/${segment(id)}`);
	if (json) sayJson(run);
	else sayRun(run);
}

async function cancel({ api, json }: Call<object>, id: string): Promise<void> {
	const run = await api.call('POST', `/v1/runs/${segment(id)}/cancel`);
	if (json) sayJson(run);
	else say(`${id} is ${printable(run['state'])}`);
}

async function rerun(call: Call<{ wait?: number }>, id: string): Promise<void> {
	const run = await call.api.call('POST', `/v1/runs/${segment(id)}/rerun`);
	await watchRun(call, run, call.options.wait);
}

async function result(
	{ api, json, options }: Call<{ format?: string; output?: string }>,
	id: string,
): Promise<void> {
	const { format, output } = options;
	const response = await api.open(`/v1/runs/${segment(id)}/result`, { query: { format } });
	await saveBody(response, { output, json });
}
