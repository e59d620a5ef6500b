/**
 * Writes rows in one format by one contestant, in a process of its own: `child.ts <contestant> <rows>`. The engine's are
 * those of the package as it is installed, and run as its pipeline runs them.
 */
import { generatedInput } from '../../support/format-input.ts';
import { built, type Registry, type Sparing } from './built.ts';
import { benchRow } from './rows.ts';

type Contestant = (rows: number) => Promise<number>;

const own =
	(format: string, options: object = {}): Contestant =>
	async (rows) => {
		const { createFormatRegistry } = await built<Registry>('formats/registry.js');
		const { sparing } = await built<Sparing>('pipeline/sparing.js');
		const found = createFormatRegistry().get(format)!;
		const input = generatedInput(rows, benchRow, { batchSize: 1000 });
		let bytes = 0;
		const file = found.render(input, found.options.parse(options));
		for await (const chunk of sparing(Number.MAX_SAFE_INTEGER, file)) {
			bytes += chunk.length;
		}
		return bytes;
	};

/** What all formats of the engine are given, once. */
const madeRows: Contestant = async (rows) => {
	let made = 0;
	for await (const batch of generatedInput(rows, benchRow, { batchSize: 1000 }).rows()) {
		made += batch.length;
	}
	return made;
};

/** Each imports what it needs when it runs, so that nobody pays for the others. */
const CONTESTANTS: Record<string, Contestant> = {
	'rows, only made': madeRows,
	csv: own('csv'),
	'csv-stringify, rows': async (rows) => (await import('../peers/csv-stringify.ts')).write(rows),
	json: own('json'),
	html: own('html', { maxRows: 1_000_000 }),
	pdf: own('pdf', { maxRows: 1_000_000 }),
	'pdfkit, tables': async (rows) => (await import('../peers/pdfkit-table.ts')).write(rows),
	xlsx: own('xlsx'),
	ods: own('ods'),
	parquet: own('parquet'),
	'parquet, snappy': own('parquet', { compression: 'snappy' }),
	arrow: own('arrow'),
	'exceljs, streaming': async (rows) => (await import('../peers/exceljs.ts')).write(rows),
	'hyparquet-writer, rows': async (rows) => (await import('../peers/hyparquet.ts')).write(rows),
};

const [name = '', rows = ''] = process.argv.slice(2);
const before = process.cpuUsage();
const began = performance.now();
const bytes = await CONTESTANTS[name]!(Number(rows));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
const cpu = (user + system) / 1e6;
const rss = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ seconds, cpu, rss, bytes })}\n`);
