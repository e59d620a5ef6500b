import { loadConfig } from '../config.ts';
import { toIso } from '../contract/time.ts';
import { loadKeys } from '../security/key-file.ts';
import { fingerprintsOf } from '../security/keys.ts';
import { lockedKey, unlockKey } from '../security/passphrase.ts';
import { createSealing } from '../security/sealing.ts';
import { claimKeys } from '../pipeline/standing.ts';
import { exportAll } from '../transfer/export.ts';
import { importAll } from '../transfer/import.ts';
import type { Manifest } from '../transfer/manifest.ts';
import { readManifest } from '../transfer/manifest.ts';
import { refuseLiveEngines } from '../transfer/migrate.ts';
import { VERSION } from '../version.ts';
import type { Globals } from './arguments.ts';
import { readText } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { progressText, sayMissing, saySums } from './migrate.ts';
import type { OpenSide } from './sides.ts';
import { demandFolder, namedStore, openSide } from './sides.ts';
import { note, progress, say, sayJson } from './terminal.ts';

export interface TransferOptions extends Globals {
	passphraseFile?: string;
	tenant?: string[];
}

/** Writes everything that the store of the settings holds into a folder. */
export async function exportStore(folder: string, options: TransferOptions): Promise<ExitCode> {
	const config = loadConfig();
	const named = namedStore(config.store, config.dataDir);
	if (named.setting.kind === 'sqlite') demandFolder(named.folder);
	const passphrase = await readPassphrase(options.passphraseFile);
	const keys = await loadKeys(config);
	const ring = fingerprintsOf(keys);
	// an embedded store is read beside the engine that holds it
	const side = await openSide(named, { lock: false });
	let told = '';
	const end = progress(() => told);
	try {
		const manifest = await readAll(side, async (reader) =>
			exportAll(reader, {
				folder,
				engine: VERSION,
				takenAt: toIso(side.clock.now()),
				tenants: options.tenant,
				root: ring.root,
				secrets: passphrase === null ? null : secretsUnder(passphrase, keys),
				onProgress: (section, records) => (told = progressText('exporting', section, records)),
			}),
		);
		end();
		tellExport(folder, manifest, options);
		return manifest.missing.length === 0 ? EXIT.ok : EXIT.failed;
	} finally {
		end();
		await side.close();
	}
}

type Reader = Awaited<ReturnType<OpenSide['store']['archive']['reader']>>;

async function readAll<T>(side: OpenSide, work: (reader: Reader) => Promise<T>): Promise<T> {
	if (!side.ofOneMoment) await refuseLiveEngines(side);
	const reader = await side.store.archive.reader();
	try {
		return await work(reader);
	} finally {
		await reader.close();
	}
}

function secretsUnder(passphrase: string, keys: Awaited<ReturnType<typeof loadKeys>>) {
	const { key, locked } = lockedKey(passphrase);
	const sealing = createSealing({ keys: [key, ...keys] });
	return { locked, reseal: (sealed: string) => sealing.rewrap(sealed) };
}

const LEAST = 12;

async function readPassphrase(file: string | undefined): Promise<string | null> {
	if (file === undefined) return null;
	const passphrase = (await readText(file)).replace(/\r?\n$/, '');
	if (passphrase.length >= LEAST) return passphrase;
	throw new CliError(EXIT.usage, `${file}: expected a passphrase of ${LEAST} characters or more`);
}

function tellExport(folder: string, manifest: Manifest, { json }: Globals): void {
	if (json === true) {
		sayJson({ folder, ...manifest });
		return;
	}
	const { sections, largeBlobs, leftOut, missing, takenAt, secrets } = manifest;
	say(`exported to ${folder}, as of ${takenAt}; ${largeBlobs.files} files of results`);
	saySums(sections);
	if (secrets === null && leftOut.length > 0) {
		note(`Without secrets (--passphrase-file takes them along). To be entered again:`);
		for (const line of leftOut) note(`  ${line}`);
	}
	sayMissing(missing);
}

/** Fills the store of the settings, which must be empty. */
export async function importStore(folder: string, options: TransferOptions): Promise<ExitCode> {
	const config = loadConfig();
	const manifest = await readManifest(folder);
	const exported = await exportKey(manifest, options.passphraseFile);
	const side = await openSide(namedStore(config.store, config.dataDir), { make: true });
	let told = '';
	const end = progress(() => told);
	try {
		const keys = await loadKeys(config);
		const ring = fingerprintsOf(keys);
		await refuseLiveEngines(side);
		await claimKeys(side, ring);
		const sealing = createSealing({ keys: exported === null ? keys : [...keys, exported] });
		const report = await importAll(side.store, manifest, {
			folder,
			now: side.clock.now(),
			root: ring.root,
			reseal: exported === null ? (sealed) => sealed : (sealed) => sealing.rewrap(sealed),
			onProgress: (doing, section, records) => (told = progressText(doing, section, records)),
		});
		end();
		if (options.json === true) sayJson({ folder, store: side.name, ...report });
		else tellImport(side.name, manifest, report);
		return report.missing.length === 0 ? EXIT.ok : EXIT.failed;
	} finally {
		end();
		await side.close();
	}
}

async function exportKey(manifest: Manifest, file: string | undefined) {
	const passphrase = await readPassphrase(file);
	if (manifest.secrets === null) return null;
	if (passphrase !== null) return unlockKey(manifest.secrets, passphrase);
	throw new CliError(EXIT.usage, 'the export holds secrets under a passphrase', {
		hint: 'Give it with --passphrase-file <file>, or - for standard input.',
	});
}

function tellImport(
	name: string,
	manifest: Manifest,
	report: Awaited<ReturnType<typeof importAll>>,
): void {
	say(
		`imported into ${name}, as of ${manifest.takenAt}${report.resumed ? ', going on where it was' : ''}`,
	);
	saySums(report.sums);
	if (report.keysLeftOut > 0) {
		note(
			`${report.keysLeftOut} API keys were left out: they hang on another last key of CAPSCHEDULER_KEYS. ` +
				'Make new ones: capscheduler keys create <name> --local',
		);
	}
	for (const line of manifest.leftOut) note(`to be entered again: ${line}`);
	sayMissing(report.missing);
}
