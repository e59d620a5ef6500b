import type { Command } from 'commander';
import { Option } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { BACKLOGS } from '../contract/schedule.ts';
import { collectParameter, parseCount, readJson, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, printable, say, sayFields, sayJson, sayTable } from './terminal.ts';

/** What people do to schedules: all of it is one call of the API. */
export function addScheduleActs(group: Command): void {
	const backlog = new Option('--backlog <what>', 'what the pause becomes').choices([...BACKLOGS]);
	group
		.command('pause [id]')
		.description('stop it for a while, or all with a label')
		.option('--label <key:value>', 'all schedules with this label')
		.option('--capability <name>', 'with --label: only of this capability')
		.action(withApi((call: Call<Selection>, id?: string) => change(call, 'pause', id)));
	group
		.command('resume [id]')
		.description('go on with one that is paused, or all with a label')
		.option('--label <key:value>', 'all schedules with this label')
		.option('--capability <name>', 'with --label: only of this capability')
		.addOption(backlog)
		.action(withApi((call: Call<Selection>, id?: string) => change(call, 'resume', id)));
	group
		.command('trigger <id>')
		.description('run it now, besides its timing')
		.option('-p, --parameter <name=value>', 'over those of the schedule', collectParameter)
		.action(withApi(trigger));
	group
		.command('skip <id>')
		.description('leave out the next occurrence, or a named one')
		.option('--at <instant>', 'the one at this instant')
		.option('--count <count>', 'the next so many', parseCount)
		.action(withApi(skip));
	group
		.command('unskip <id>')
		.description('take back what was skipped, while it is not due')
		.option('--at <instant>', 'only the one at this instant')
		.action(withApi(unskip));
	group
		.command('move <id>')
		.description('run the next occurrence, or a named one, at another instant')
		.option('--at <instant>', 'the one at this instant')
		.requiredOption('--to <instant>', 'when it is run instead')
		.action(withApi(move));
	group
		.command('update <id> <file>')
		.description('change what the JSON file names ("-" reads standard input); null is the default')
		.option('--if-revision <revision>', 'only if it has this revision', parseCount)
		.action(withApi(update));
	group
		.command('backfill <id>')
		.description('run the occurrences of a range of the past')
		.requiredOption('--from <instant>', 'the first instant')
		.requiredOption('--to <instant>', 'the last instant')
		.option('--concurrency <count>', 'how many runs at a time', parseCount)
		.option('--newest-first', 'the newest go first')
		.option('--all', 'those that have fired too')
		.option('-p, --parameter <name=value>', 'over those of the schedule', collectParameter)
		.option('--dry-run', 'only tell what would be run')
		.action(withApi(backfill));
	group
		.command('backfills <id>')
		.description('the backfills of a schedule, and how far they are')
		.option('--limit <count>', 'at most so many', parseCount, 20)
		.action(withApi(backfills));
	group
		.command('cancel-backfill <id>')
		.description('cancel what has not begun of a backfill')
		.option('--abort', 'end what runs as well')
		.action(withApi(cancelBackfill));
}

interface Selection {
	label?: string;
	capability?: string;
	backlog?: string;
}

const of = (id: string, act: string): string => `/v1/schedules/${segment(id)}/${act}`;

async function change(
	{ api, json, options }: Call<Selection>,
	act: 'pause' | 'resume',
	id: string | undefined,
): Promise<void> {
	const { label, capability, backlog } = options;
	if ((id === undefined) === (label === undefined)) {
		throw new CliError(EXIT.usage, 'give the id of a schedule, or --label');
	}
	const body = given({ label, capability, backlog });
	if (id === undefined) {
		const told = await api.call('POST', `/v1/schedules/${act}`, { body });
		if (json) sayJson(told);
		else say(`${act}d ${printable(told['changed'])} of ${printable(told['matched'])}`);
		return;
	}
	const schedule = await api.call('POST', of(id, act), act === 'resume' ? { body } : {});
	if (json) sayJson(schedule);
	else say(`${id} is ${printable(schedule['status'])}`);
}

async function trigger(
	{ api, json, options }: Call<{ parameter?: JsonObject }>,
	id: string,
): Promise<void> {
	const run = await api.call('POST', of(id, 'trigger'), {
		body: given({ parameters: options.parameter }),
	});
	if (json) sayJson(run);
	else say(`made ${printable(run['id'])}`);
}

async function skip(call: Call<{ at?: string; count?: number }>, id: string): Promise<void> {
	const { at, count } = call.options;
	await act(call, { id, act: 'skip', body: given({ at, count }), words: 'will be skipped' });
}

async function unskip(call: Call<{ at?: string }>, id: string): Promise<void> {
	const body = given({ at: call.options.at });
	await act(call, { id, act: 'unskip', body, words: 'will be run' });
}

async function move(call: Call<{ at?: string; to: string }>, id: string): Promise<void> {
	const { at, to } = call.options;
	await act(call, { id, act: 'move', body: given({ at, to }), words: `will be run at ${to}` });
}

async function act(
	{ api, json }: Call<object>,
	wish: { id: string; act: string; body: JsonObject; words: string },
): Promise<void> {
	const told = await api.call('POST', of(wish.id, wish.act), { body: wish.body });
	if (json) {
		sayJson(told);
		return;
	}
	const occurrences = (told['occurrences'] ?? []) as string[];
	for (const at of occurrences) say(`${at} ${wish.words}`);
	if (occurrences.length === 0) say('nothing to change');
}

async function update(
	{ api, json, options }: Call<{ ifRevision?: number }>,
	id: string,
	file: string,
): Promise<void> {
	const { ifRevision } = options;
	const told = await api.call('PATCH', `/v1/schedules/${segment(id)}`, {
		body: await readJson(file),
		...(ifRevision === undefined ? {} : { headers: { 'if-match': `"${ifRevision}"` } }),
	});
	if (json) {
		sayJson(told);
		return;
	}
	const changed = (told['changed'] ?? []) as string[];
	say(changed.length === 0 ? 'nothing to change' : `changed ${changed.join(', ')}`);
	if (Number(told['droppedOverrides']) > 0) {
		say(
			`${printable(told['droppedOverrides'])} skipped or moved occurrences went with the old timing`,
		);
	}
	for (const warning of (told['warnings'] ?? []) as JsonObject[]) {
		say(`  warning: ${printable(warning['message'])}`);
	}
	const secrets = (told['secrets'] ?? {}) as JsonObject;
	if (Object.keys(secrets).length > 0) {
		say(faint('shown this once:'));
		sayFields(secrets);
	}
}

interface BackfillOptions {
	from: string;
	to: string;
	concurrency?: number;
	newestFirst?: boolean;
	all?: boolean;
	parameter?: JsonObject;
	dryRun?: boolean;
}

async function backfill({ api, json, options }: Call<BackfillOptions>, id: string): Promise<void> {
	const { from, to, concurrency, newestFirst, all, parameter, dryRun } = options;
	const body = given({
		from,
		to,
		concurrency,
		order: newestFirst === true ? 'newest_first' : undefined,
		which: all === true ? 'all' : undefined,
		parameters: parameter,
		dryRun,
	});
	const told = await api.call('POST', of(id, 'backfill'), { body });
	if (json) sayJson(told);
	else if (dryRun === true) {
		sayTable((told['occurrences'] ?? []) as JsonObject[], ['at', 'local'], 'Nothing to run');
	} else say(`made ${printable(told['id'])} of ${printable(told['total'])} runs`);
}

async function backfills(
	{ api, json, options }: Call<{ limit: number }>,
	id: string,
): Promise<void> {
	const items = await api.list(of(id, 'backfills'), {}, options.limit);
	if (json) {
		sayJson({ items });
		return;
	}
	const rows = items.map((item) => ({ ...item, ...(item['progress'] as JsonObject) }));
	sayTable(rows, ['id', 'state', 'total', 'queued', 'running', 'succeeded', 'failed', 'cancelled']);
}

async function cancelBackfill(
	{ api, json, options }: Call<{ abort?: boolean }>,
	id: string,
): Promise<void> {
	const body = given({ abort: options.abort });
	const told = await api.call('POST', `/v1/backfills/${segment(id)}/cancel`, { body });
	if (json) sayJson(told);
	else say(`${id} is ${printable(told['state'])}`);
}

/** Only what was given. */
function given(fields: Readonly<Record<string, JsonObject[string] | undefined>>): JsonObject {
	return Object.fromEntries(
		Object.entries(fields).filter(
			(field): field is [string, JsonObject[string]] => field[1] !== undefined,
		),
	);
}
