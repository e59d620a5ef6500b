/**
 * Writes what the operations of the nodes give (`nodes/<node>/__schema__/`), from docs/openapi.json: n8n's editor
 * shows it before a node has run. With `--check` only compares.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

interface Schema {
	$ref?: string;
	type?: string | string[];
	properties?: Record<string, Schema>;
	items?: Schema;
	anyOf?: Schema[];
	additionalProperties?: unknown;
}

const ROOT = join(import.meta.dirname, '..');
const document = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
	components: { schemas: Record<string, Schema> };
};
const parts = document.components.schemas;

const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
const string: Schema = { type: 'string' };
const number: Schema = { type: 'number' };
const boolean: Schema = { type: 'boolean' };

/** The items of a list in another answer. */
function each(name: string, field: string): Schema {
	const items = parts[name]?.properties?.[field]?.items;
	if (items === undefined) throw new Error(`${name}.${field} is no list in docs/openapi.json`);
	return items;
}

const gone = (field: string, word: string): Schema => object({ [field]: string, [word]: boolean });

/** By node, resource and operation. What depends on the user's data alone has none. */
const OUTPUTS: Record<string, Record<string, Schema>> = {
	CapScheduler: {
		'backfill/cancel': named('Backfill'),
		'backfill/create': named('Backfill'),
		'backfill/get': named('Backfill'),
		'backfill/getAll': named('Backfill'),
		'backfill/preview': each('PlannedBackfill', 'occurrences'),
		'calendar/create': named('Calendar'),
		'calendar/delete': gone('calendar', 'deleted'),
		'calendar/get': named('Calendar'),
		'calendar/getAll': named('CalendarSummary'),
		'calendar/getDays': each('CalendarDays', 'days'),
		'calendar/update': named('Calendar'),
		'capability/get': named('Capability'),
		'capability/getAll': named('Capability'),
		'deadLetter/discard': named('DiscardedDeliveries'),
		'deadLetter/discardOne': named('Delivery'),
		'deadLetter/getAll': named('Delivery'),
		'deadLetter/replay': named('ReplayedDeliveries'),
		'deadLetter/replayOne': named('Delivery'),
		'delivery/get': named('DeliveryDetails'),
		'delivery/getAll': named('Delivery'),
		'delivery/replay': named('Delivery'),
		'destination/create': named('Destination'),
		'destination/delete': gone('destination', 'deleted'),
		'destination/get': named('Destination'),
		'destination/getAll': named('Destination'),
		'destination/test': named('DestinationTest'),
		'destination/update': named('Destination'),
		'link/create': named('CreatedLink'),
		'link/revoke': gone('id', 'revoked'),
		'occurrence/explain': named('Explanation'),
		'occurrence/getAll': named('Occurrence'),
		'occurrence/move': named('ActedOnOccurrences'),
		'occurrence/skip': named('ActedOnOccurrences'),
		'occurrence/unskip': named('ActedOnOccurrences'),
		'run/cancel': named('Run'),
		'run/download': object({
			runId: string,
			fileName: string,
			mimeType: string,
			size: number,
			sha256: string,
		}),
		'run/get': named('RunDetails'),
		'run/getAll': named('Run'),
		'run/rerun': named('Run'),
		'schedule/create': named('AcceptedSchedule'),
		'schedule/delete': gone('id', 'deleted'),
		'schedule/get': named('ScheduleDetails'),
		'schedule/getAll': named('Schedule'),
		'schedule/pause': named('ScheduleDetails'),
		'schedule/pauseMany': named('BulkResult'),
		'schedule/preview': each('Preview', 'occurrences'),
		'schedule/resume': named('ScheduleDetails'),
		'schedule/resumeMany': named('BulkResult'),
		'schedule/trigger': named('Run'),
		'schedule/update': named('UpdatedSchedule'),
	},
	Deliver: { '': named('HandedIn') },
	Format: { '': object({ fileName: string, mimeType: string, size: number }) },
	RuntimeSession: {
		fail: named('Acknowledged'),
		heartbeat: named('Heartbeat'),
		progress: named('Acknowledged'),
	},
};

/** Types and fields only, as the editor reads them; where null may come, the first type is what is shown. */
function shape(schema: Schema): Schema {
	if (schema.$ref !== undefined) {
		const part = parts[schema.$ref.split('/').at(-1) ?? ''];
		if (part === undefined) throw new Error(`${schema.$ref} is not in docs/openapi.json`);
		return shape(part);
	}
	if (schema.anyOf !== undefined) {
		const [first = {}] = schema.anyOf.filter(({ type }) => type !== 'null');
		const nullable = schema.anyOf.some(({ type }) => type === 'null');
		return nullable ? orNull(shape(first)) : shape(first);
	}
	const { type, properties, items } = schema;
	if (properties !== undefined) {
		const fields = Object.entries(properties).map(([name, field]) => [name, shape(field)] as const);
		return { type: 'object', properties: Object.fromEntries(fields) };
	}
	if (items !== undefined) return { type: 'array', items: shape(items) };
	return { type: type ?? 'object' };
}

/** The editor does not look into objects and lists that have several types. */
function orNull(schema: Schema): Schema {
	const { type } = schema;
	if (typeof type !== 'string' || type === 'object' || type === 'array') return schema;
	return { ...schema, type: [type, 'null'] };
}

/** As Prettier writes it: short lists on one line. */
function written(schema: object): string {
	const text = JSON.stringify(schema, null, '\t');
	return `${text.replaceAll(/\[\s+("\w+"),\s+("\w+")\s+\]/g, '[$1, $2]')}\n`;
}

const files = new Map(
	Object.entries(OUTPUTS).flatMap(([node, outputs]) =>
		Object.entries(outputs).map(([place, output]) => [
			join(ROOT, 'nodes', node, '__schema__', `v1.0.0${place === '' ? '' : `/${place}`}.json`),
			written({ ...shape(output), version: 1 }),
		]),
	),
);

/** What lies there, by path; a file that no operation has any more is stale. */
function present(): Map<string, string> {
	const folders = Object.keys(OUTPUTS).map((node) => join(ROOT, 'nodes', node, '__schema__'));
	const found = new Map<string, string>();
	for (const folder of folders) {
		mkdirSync(folder, { recursive: true });
		for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
			const path = join(entry.parentPath, entry.name);
			if (entry.isFile()) found.set(path, readFileSync(path, 'utf8'));
		}
	}
	return found;
}

const there = present();
const wrong = [...files].filter(([path, text]) => there.get(path) !== text).map(([path]) => path);
const extra = [...there.keys()].filter((path) => !files.has(path));
if (process.argv.includes('--check')) {
	for (const path of [...wrong, ...extra]) {
		console.error(`${relative(ROOT, path)} is not what docs/openapi.json says`);
	}
	const ok = wrong.length + extra.length === 0;
	if (!ok) console.error('run: node scripts/n8n-schemas.mts');
	process.exitCode = ok ? 0 : 1;
} else {
	for (const path of extra) rmSync(path);
	for (const path of wrong) {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, files.get(path) ?? '');
	}
	console.log(`wrote ${wrong.length} files, removed ${extra.length}`);
}
