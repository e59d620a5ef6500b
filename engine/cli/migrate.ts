import { loadConfig } from '../config.ts';
import { SECTIONS } from '../stores/archive.port.ts';
import type { FillReport } from '../transfer/fill.ts';
import { migrate, release } from '../transfer/migrate.ts';
import type { Globals } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import type { NamedStore } from './sides.ts';
import { openSide, readNamed } from './sides.ts';
import { note, progress, say, sayJson, sayTable } from './terminal.ts';

export interface MigrateOptions extends Globals {
	from?: string;
	to?: string;
	release?: string;
}

/** Moves everything from one store to another, or takes one that was moved into use again. */
export async function migrateStore(options: MigrateOptions): Promise<ExitCode> {
	const { dataDir } = loadConfig();
	if (options.release !== undefined)
		return releaseStore(readNamed(options.release, dataDir), options);
	if (options.from === undefined || options.to === undefined) {
		throw new CliError(EXIT.usage, 'expected --from <store> and --to <store>', {
			hint: 'A store is sqlite, sqlite:<data folder>, postgres://... or mongodb://...',
		});
	}
	const from = readNamed(options.from, dataDir);
	const to = readNamed(options.to, dataDir);
	if (from.name === to.name) throw new CliError(EXIT.usage, `both stores are ${from.name}`);
	const report = await move(from, to);
	if (options.json === true) sayJson({ from: from.name, to: to.name, ...report });
	else sayMoved(from, to, report);
	return report.missing.length === 0 ? EXIT.ok : EXIT.failed;
}

async function move(from: NamedStore, to: NamedStore): Promise<FillReport> {
	const source = await openSide(from);
	try {
		const target = await openSide(to, { make: true });
		let told = '';
		const end = progress(() => told);
		try {
			return await migrate(source, target, {
				now: source.clock.now(),
				onProgress: (doing, section, records) => {
					told = progressText(doing, section, records);
				},
			});
		} finally {
			end();
			await target.close();
		}
	} finally {
		await source.close();
	}
}

const BAR = 20;

/** Which of the kinds it is at, and how many records of it are through. */
export function progressText(
	doing: string,
	section: (typeof SECTIONS)[number],
	records: number,
): string {
	const at = SECTIONS.indexOf(section) + 1;
	const full = Math.round((at / SECTIONS.length) * BAR);
	const bar = `${'#'.repeat(full)}${'.'.repeat(BAR - full)}`;
	return `${doing} [${bar}] ${at}/${SECTIONS.length} ${section}: ${records.toLocaleString('en')}`;
}

function sayMoved(from: NamedStore, to: NamedStore, report: FillReport): void {
	say(`moved from ${from.name} to ${to.name}${report.resumed ? ', going on where it was' : ''}`);
	saySums(report.sums);
	say(
		'Both sides were counted and compared. The old store keeps its contents, and no engine starts on it.',
	);
	if (from.setting.kind === 'sqlite' && to.setting.kind !== 'sqlite') {
		note(
			`The engines need the same keys: CAPSCHEDULER_KEYS, or else the line in ${from.folder}/engine.key.`,
		);
	}
	sayMissing(report.missing);
}

export function saySums(sums: FillReport['sums']): void {
	const rows = Object.entries(sums)
		.filter(([, { records }]) => records > 0)
		.map(([section, { records, checksum }]) => ({
			section,
			records,
			checksum: checksum.slice(0, 16),
		}));
	sayTable(rows, ['section', 'records', 'checksum'], 'It was empty.');
}

const SHOWN = 5;

export function sayMissing(missing: readonly string[]): void {
	if (missing.length === 0) return;
	const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : '';
	note(`Results whose bytes the old store has lost: ${missing.slice(0, SHOWN).join(', ')}${more}.`);
}

async function releaseStore(named: NamedStore, { json }: Globals): Promise<ExitCode> {
	const side = await openSide(named);
	try {
		const released = await release(side.store);
		if (json === true) sayJson({ store: named.name, released });
		else if (released)
			say(`${named.name} can be used again; see that no engine uses the other one`);
		else say(`${named.name} was not moved`);
		return EXIT.ok;
	} finally {
		await side.close();
	}
}
