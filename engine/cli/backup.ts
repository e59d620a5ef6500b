import { systemClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { toIso } from '../contract/time.ts';
import { backUp, restore } from '../stores/sqlite/backup.ts';
import { VERSION } from '../version.ts';
import type { Globals } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { megabytes } from './files.ts';
import { note, progress, say, sayJson } from './terminal.ts';

const SHOWN = 5;

/** Copies the data folder of this machine, whether an engine runs on it or not. */
export async function backup(
	target: string,
	{ json, withKey = false }: Globals & { withKey?: boolean },
): Promise<ExitCode> {
	const dataDir = embeddedFolder();
	let told = '';
	const end = progress(() => `backing up${told}`);
	const { missing, copied, ...manifest } = await backUp({
		folder: dataDir,
		target,
		engine: VERSION,
		withKey,
		takenAt: toIso(systemClock.now()),
		onProgress: (done, all) => (told = `, results ${done} of ${all}`),
	}).finally(end);
	const { takenAt, database, blobs } = manifest;
	if (json === true) sayJson({ folder: target, ...manifest, copied, missing });
	else {
		const size = `${megabytes(database.size + blobs.bytes)} MB`;
		say(
			`backed up to ${target}: as of ${takenAt}, ${size}, ${blobs.files} files of results (${copied} new)`,
		);
		if (!manifest.key) {
			note(
				'The key that opens secrets is not in it: keep engine.key (or CAPSCHEDULER_KEYS) elsewhere.',
			);
		}
	}
	if (missing.length === 0) return EXIT.ok;
	const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : '';
	note(
		`Results that the data folder has lost: ${missing.slice(0, SHOWN).join(', ')}${more}; see capscheduler doctor.`,
	);
	return EXIT.failed;
}

/** Makes the data folder that the settings name. */
export async function restoreBackup(from: string, { json }: Globals): Promise<ExitCode> {
	const dataDir = embeddedFolder();
	let told = '';
	const end = progress(() => `restoring${told}`);
	const manifest = await restore({
		backup: from,
		folder: dataDir,
		onProgress: (done, all) => (told = `, results ${done} of ${all}`),
	}).finally(end);
	if (json === true) sayJson({ folder: dataDir, ...manifest });
	else {
		say(`restored to ${dataDir}, as of ${manifest.takenAt}`);
		if (!manifest.key) {
			note(
				'Put engine.key there, or set CAPSCHEDULER_KEYS, before the engine starts: without it secrets stay closed.',
			);
		}
	}
	return EXIT.ok;
}

/** @throws CliError when what is to be saved lies in a database of its own */
function embeddedFolder(): string {
	const { dataDir, store } = loadConfig();
	if (store.kind === 'sqlite') return dataDir;
	throw new CliError(EXIT.usage, `the store is ${store.kind}, and not the embedded one`, {
		hint:
			store.kind === 'postgres'
				? 'Back it up with pg_dump or pg_basebackup: everything is in its schema. Or, for another kind of store: capscheduler export.'
				: 'Back it up with mongodump: everything is in its database. Or, for another kind of store: capscheduler export.',
	});
}
