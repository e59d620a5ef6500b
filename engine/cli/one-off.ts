import { extname } from 'node:path';
import type { Command } from 'commander';

import type { JsonObject } from '../contract/json.ts';
import { OPTIONS_HEADER } from '../contract/uploads.ts';
import type { Call } from './arguments.ts';
import { collect, collectParameter, parseWait, readJson, withApi } from './arguments.ts';
import type { Api } from './client.ts';
import { CliError, EXIT } from './exit.ts';
import type { Sending } from './files.ts';
import { megabytes, openFile, saveBody } from './files.ts';
import { printable, progress, say, sayFields, sayJson, sayTable, faint } from './terminal.ts';

/** Longest wait that the engine takes, seconds. */
const LONGEST_WAIT = 60;

export function addOneOff(program: Command): void {
	program
		.command('format <file>')
		.description('turn rows or a file into a file ("-" reads NDJSON from standard input)')
		.option('-o, --output <file>', 'where it is written; default standard output')
		.option('--format <name>', 'the format; default by the extension of --output')
		.option('--option <name=value>', 'an option of the format; may come again', collectParameter)
		.option('--schema <file>', 'a JSON Schema of the rows: columns, their order and types')
		.option('--type <media type>', 'what the input is; default by its extension')
		.option('--name <name>', 'what it is called in titles; default the name of the file')
		.option('--time-zone <zone>', 'of times in it; default UTC')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler format rows.ndjson -o rows.csv
  $ capscheduler format rows.csv --format html --option title="Sales" > sales.html
  $ psql -c 'COPY (…) TO STDOUT' | capscheduler format - --type text/csv --format json`,
		)
		.action(withApi(format));
	program
		.command('deliver <file>')
		.description('send rows or a file to destinations, or make a link to it')
		.option('--to <destination>', 'the name or id of a destination; may come again', collect)
		.option('--delivery <file>', 'a delivery as in a schedule, from a JSON file, instead of --to')
		.option('--link', 'make a result link, without --to or besides')
		.option('--format <name>', 'the format; default as it is, rows as JSON')
		.option('--option <name=value>', 'an option of the format; may come again', collectParameter)
		.option('--filename <template>', 'the name under which it arrives')
		.option('--type <media type>', 'what the input is; default by its extension')
		.option('--name <name>', 'what it is called; default the name of the file')
		.option('--wait <duration>', 'wait so long for receipts, at most 60s', parseWait, 60_000)
		.addHelpText(
			'after',
			`
Exits with 1 when a delivery died or is not done within the wait.

Examples:
  $ capscheduler deliver report.pdf --to archive
  $ capscheduler deliver rows.ndjson --to warehouse --format csv --filename '{{name}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}'
  $ capscheduler deliver rows.csv --link --json`,
		)
		.action(withApi(deliver));
}

interface FormatOptions {
	output?: string;
	format?: string;
	option?: JsonObject;
	schema?: string;
	type?: string;
	name?: string;
	timeZone?: string;
}

async function format({ api, json, options }: Call<FormatOptions>, file: string): Promise<void> {
	const { output, option, schema, timeZone } = options;
	const name = options.format ?? (await formatOf(api, output));
	const described = schema === undefined ? undefined : JSON.stringify(await readJson(schema));
	const sending = await openFile(file, options.type);
	const response = await sent(sending, () =>
		api.open(
			'/v1/format',
			{
				query: {
					format: name,
					options: option === undefined ? undefined : JSON.stringify(option),
					schema: described,
					name: options.name ?? sending.name,
					timeZone,
				},
				upload: sending,
			},
			'POST',
		),
	);
	await saveBody(response, { output, json });
}

/** By the extension of the output, as the engine's formats have them. */
async function formatOf(api: Api, output: string | undefined): Promise<string | undefined> {
	if (output === undefined) return undefined;
	const extension = extname(output).slice(1).toLowerCase();
	const { items } = await api.call('GET', '/v1/formats');
	const formats = items as { name: string; extension: string }[];
	const found = formats.find((one) => one.extension === extension && one.name !== 'raw');
	if (found !== undefined) return found.name;
	throw new CliError(EXIT.usage, `--output ${output}: no format has the extension "${extension}"`, {
		hint: `Say which with --format: ${formats.map((one) => one.name).join(', ')}.`,
	});
}

interface DeliverOptions {
	to?: string[];
	delivery?: string;
	link?: boolean;
	format?: string;
	option?: JsonObject;
	filename?: string;
	type?: string;
	name?: string;
	wait: number;
}

async function deliver({ api, json, options }: Call<DeliverOptions>, file: string): Promise<void> {
	const delivery = await deliveryOf(options);
	const sending = await openFile(file, options.type);
	const name = options.name ?? sending.name;
	const wait = Math.min(LONGEST_WAIT, Math.ceil(options.wait / 1000));
	const response = await sent(sending, () =>
		api.open(
			'/v1/deliver',
			{
				headers: {
					[OPTIONS_HEADER]: inHeader({ ...(name === undefined ? {} : { name }), delivery }),
					prefer: `wait=${wait}`,
				},
				upload: sending,
			},
			'POST',
		),
	);
	const done = (await response.json()) as JsonObject;
	if (json) sayJson(done);
	else show(done);
	if (done['state'] === 'delivered') return;
	const runId = printable(done['runId']);
	throw new CliError(
		EXIT.failed,
		done['state'] === 'dead'
			? 'not all of it could be delivered'
			: `not delivered within ${wait} s`,
		{ hint: `capscheduler runs show ${runId}` },
	);
}

async function deliveryOf(options: DeliverOptions): Promise<JsonObject> {
	const { to = [], link = false, format: name, option, filename } = options;
	if (options.delivery !== undefined) {
		if (to.length === 0) return readJson(options.delivery);
		throw new CliError(EXIT.usage, 'either --to or --delivery');
	}
	if (to.length === 0 && !link) {
		throw new CliError(EXIT.usage, 'nowhere to deliver to', {
			hint: 'Name a destination with --to, or ask for a link with --link.',
		});
	}
	const rendering: JsonObject = {
		...(name === undefined ? {} : { format: name }),
		...(option === undefined ? {} : { options: option }),
	};
	const named = filename === undefined ? {} : { filename };
	const targets = to.map((destination) => ({ destination, ...rendering, ...named }));
	if (!link) return { targets };
	return { ...rendering, mode: to.length > 0 ? 'both' : 'pull', targets };
}

function show(done: JsonObject): void {
	const deliveries = done['deliveries'] as JsonObject[];
	if (deliveries.length > 0) {
		const rows = deliveries.map(({ id, target, state, receipt, error }) => ({
			delivery: id ?? null,
			target: target ?? null,
			state: state ?? null,
			where:
				(receipt as JsonObject | null)?.['location'] ??
				(error as JsonObject | null)?.['message'] ??
				null,
		}));
		sayTable(rows, ['delivery', 'target', 'state', 'where']);
	}
	const link = done['link'] as JsonObject | null;
	if (link !== null) say(printable(link['url']));
	const secrets = (done['secrets'] ?? {}) as JsonObject;
	if (Object.keys(secrets).length > 0) {
		say(faint('shown this once:'));
		sayFields(secrets);
	}
}

/** Headers hold ASCII only. */
function inHeader(value: JsonObject): string {
	return JSON.stringify(value).replaceAll(
		/[\u0080-\uffff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
}

/** Tells how far the sending is while it lasts. */
async function sent<T>({ sent: bytes, size }: Sending, send: () => Promise<T>): Promise<T> {
	const of = size === undefined ? '' : ` of ${megabytes(size)}`;
	const end = progress(() => `sent ${megabytes(bytes())}${of} MB`);
	try {
		return await send();
	} finally {
		end();
	}
}
