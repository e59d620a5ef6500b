import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { parseCount, parseInstant, segment, withApi } from './arguments.ts';
import type { Call } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { sayDelivery, withFailure } from './run-show.ts';
import { faint, note, printable, say, sayJson, sayTable } from './terminal.ts';

const COLUMNS = ['id', 'runId', 'target', 'place', 'attempt', 'endedAt', 'error'];
/** What one call of the API takes at most. */
const PAGE = 200;
const MANY = 1000;

/** Which dead letters: options of all commands that take more than one. */
interface Filter {
	schedule?: string;
	destination?: string;
	channel?: string;
	code?: string;
	since?: string;
	until?: string;
}

interface ManyOptions extends Filter {
	all?: boolean;
	dryRun?: boolean;
	limit?: number;
	to?: string;
}

export function addDeadLetters(program: Command): void {
	const group = program
		.command('dead-letters')
		.alias('dead-letter')
		.description('deliveries that were given up: send them again, or take them off the list')
		.addHelpText(
			'after',
			`
A replay sends the identical stored bytes, without another run.

Examples:
  $ capscheduler dead-letters list --code TIMEOUT --since 2027-01-29T00:00:00Z
  $ capscheduler dead-letters replay dlv_…
  $ capscheduler dead-letters replay --destination crm --dry-run     # what would be sent
  $ capscheduler dead-letters replay --destination crm --to stand-in # to another place
  $ capscheduler dead-letters discard --schedule sch_… --all`,
		);
	filtered(group.command('list'))
		.description('the latest first')
		.option('--limit <count>', 'at most so many', parseCount, 50)
		.option('--cursor <cursor>', 'go on where a list before ended')
		.action(withApi(list));
	group
		.command('show <id>')
		.description('one with its attempts, its last error and its bytes')
		.action(withApi(show));
	filtered(group.command('replay [id]'))
		.description('send one again, or all that the filter meets')
		.option('--to <destination>', 'to this one instead, as new deliveries')
		.option('--all', 'all there are, where no other option says which')
		.option('--limit <count>', 'at most so many', parseCount)
		.option('--dry-run', 'only tell what would be sent')
		.action(withApi(replay));
	filtered(group.command('discard [id]'))
		.description('take one off the list, or all that the filter meets; they can still be replayed')
		.option('--all', 'all there are, where no other option says which')
		.option('--limit <count>', 'at most so many', parseCount)
		.option('--dry-run', 'only tell what would be taken off')
		.action(withApi(discard));
}

function filtered(command: Command): Command {
	return command
		.option('--schedule <id>', 'only of this schedule')
		.option('--destination <destination>', 'only to this one, by its id or name')
		.option('--channel <name>', 'only of inline targets of this channel')
		.option('--code <code>', 'only those that died of this: TIMEOUT …')
		.option('--since <instant>', 'only those that died then or later', parseInstant)
		.option('--until <instant>', 'only those that died before', parseInstant);
}

function filterOf(options: Filter): Record<string, string> {
	const { schedule, destination, channel, code, since, until } = options;
	const named = { scheduleId: schedule, destination, channel, code, from: since, to: until };
	return Object.fromEntries(
		Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined),
	);
}

async function list({
	api,
	json,
	options,
}: Call<Filter & { limit: number; cursor?: string }>): Promise<void> {
	const items: JsonObject[] = [];
	let cursor: string | undefined = options.cursor;
	do {
		const limit = Math.min(PAGE, options.limit - items.length);
		const page: JsonObject = await api.call('GET', '/v1/dead-letters', {
			query: { ...filterOf(options), limit, cursor },
		});
		items.push(...(page['items'] as JsonObject[]));
		cursor = typeof page['nextCursor'] === 'string' ? page['nextCursor'] : undefined;
	} while (cursor !== undefined && items.length < options.limit);
	if (json) {
		sayJson({ items, nextCursor: cursor ?? null });
		return;
	}
	sayTable(items.map(inRow), COLUMNS, 'No dead letter.');
	if (cursor !== undefined) note(`There are more: --cursor ${cursor}`);
}

function inRow(delivery: JsonObject): JsonObject {
	return withFailure({
		...delivery,
		place: delivery['destination'] ?? delivery['channel'] ?? null,
	});
}

async function show({ api, json }: Call<object>, id: string): Promise<void> {
	const delivery = await api.call('GET', `/v1/deliveries/${segment(id)}`);
	if (json) sayJson(delivery);
	else sayDelivery(delivery);
}

async function replay(call: Call<ManyOptions>, id?: string): Promise<void> {
	const { to } = call.options;
	const target = to === undefined ? {} : { target: { destination: to } };
	if (id !== undefined) await onOne(call, id, { act: 'replay', done: 'replayed', body: target });
	else await onMany(call, { act: 'replay', done: 'replayed', body: target });
}

async function discard(call: Call<ManyOptions>, id?: string): Promise<void> {
	const work = { act: 'discard', done: 'discarded', body: {} } as const;
	if (id !== undefined) await onOne(call, id, work);
	else await onMany(call, work);
}

interface Work {
	act: 'replay' | 'discard';
	/** The field of the answer that names them, and the word for it. */
	done: 'replayed' | 'discarded';
	body: JsonObject;
}

const FROM = { replay: ['dead', 'delivered', 'discarded'], discard: ['dead'] };

async function onOne(
	{ api, json, options }: Call<ManyOptions>,
	id: string,
	{ act, done, body }: Work,
): Promise<void> {
	if (Object.keys(filterOf(options)).length > 0 || options.all === true) {
		throw new CliError(EXIT.usage, 'either an id, or options that say which, not both');
	}
	const path = `/v1/deliveries/${segment(id)}`;
	if (options.dryRun === true) {
		const { state } = await api.call('GET', path);
		if (!FROM[act].includes(printable(state))) {
			throw new CliError(EXIT.refused, `${id} is ${printable(state)}`, {
				data: { code: 'CONFLICT' },
			});
		}
		if (json) sayJson({ dryRun: true, matched: 1, [done]: [id], nextCursor: null });
		else say(`${id} would be ${done}`);
		return;
	}
	const input = act === 'replay' ? { body } : {};
	const delivery = await api.call('POST', `${path}/${act}`, input);
	if (json) sayJson(delivery);
	else if (delivery['id'] === id) say(`${done} ${id}, which is ${printable(delivery['state'])}`);
	else say(`${done} ${id} as ${printable(delivery['id'])}`);
}

async function onMany(
	{ api, json, options }: Call<ManyOptions>,
	{ act, done, body }: Work,
): Promise<void> {
	const filter = filterOf(options);
	if (Object.keys(filter).length === 0 && options.all !== true) {
		throw new CliError(EXIT.usage, `which ones? Give an id, a filter, or --all`, {
			hint: `capscheduler dead-letters ${act} --all --dry-run`,
		});
	}
	const most = options.limit ?? Number.POSITIVE_INFINITY;
	const ids: string[] = [];
	const failed: JsonObject[] = [];
	let matched = 0;
	let cursor: string | null = null;
	do {
		const answer: JsonObject = await api.call('POST', `/v1/dead-letters/${act}`, {
			body: {
				...filter,
				...body,
				limit: Math.min(MANY, most - matched),
				...(options.dryRun === true ? { dryRun: true } : {}),
				...(cursor === null ? {} : { cursor }),
			},
		});
		ids.push(...(answer[done] as string[]));
		failed.push(...((answer['failed'] ?? []) as JsonObject[]));
		matched += answer['matched'] as number;
		cursor = answer['nextCursor'] as string | null;
	} while (cursor !== null && matched < most);
	const dryRun = options.dryRun === true;
	if (json) sayJson({ dryRun, matched, [done]: ids, failed, nextCursor: cursor });
	else sayMany({ ids, failed, matched, words: dryRun ? `would be ${done}` : done });
	if (failed.length > 0) {
		throw new CliError(EXIT.failed, `${failed.length} of ${matched} could not be ${done}`);
	}
}

function sayMany(told: {
	ids: readonly string[];
	failed: readonly JsonObject[];
	matched: number;
	words: string;
}): void {
	const { ids, failed, matched, words } = told;
	for (const id of ids) say(printable(id));
	say(faint(`${ids.length} of ${matched} ${words}`));
	if (failed.length > 0) sayTable(failed, ['id', 'code', 'message']);
}
