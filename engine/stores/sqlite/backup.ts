import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import {
	copyFile,
	mkdir,
	open,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { z } from 'zod';

import { CapError } from '../../contract/errors.ts';
import type { BlobRef } from '../../contract/result.ts';
import { makeFolder } from './open.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { storageError } from './storage-error.ts';

/*
 * A backup is a folder: the database as it was at one moment, the files of results that it refers to by
 * their content, and `backup.json`, which is written last. Made again into the same folder, only what is new
 * is copied, and what is no longer referred to goes.
 */

const DATABASE = 'capscheduler.db';
const MANIFEST = 'backup.json';
const KEY = 'engine.key';

const manifestSchema = z.strictObject({
	format: z.literal('capscheduler-backup'),
	version: z.literal(1),
	engine: z.string(),
	schema: z.number().int(),
	/** ISO 8601: the database is as it was then. */
	takenAt: z.iso.datetime(),
	database: z.strictObject({ size: z.number().int(), sha256: z.string() }),
	blobs: z.strictObject({ files: z.number().int(), bytes: z.number().int() }),
	/** Whether the file with the key that opens secrets is in it. */
	key: z.boolean(),
});

export type BackupManifest = z.output<typeof manifestSchema>;

export interface BackupReport extends BackupManifest {
	/** Files that were not in the backup before. */
	copied: number;
	/** Hashes of results that the database refers to and that the data folder has not (any more). */
	missing: string[];
}

/** Tells how far it is: files copied or checked, of so many (0: not known yet). */
export type OnProgress = (done: number, all: number) => void;

/**
 * Copies a data folder while an engine may be running on it.
 *
 * Results are copied before the database and, those that came meanwhile, after it: what the copy refers to
 * was there at one of the two.
 * @throws CapError INVALID_REQUEST for a folder that cannot take it, STORAGE_FULL, STORAGE_UNAVAILABLE
 */
export async function backUp(options: {
	folder: string;
	target: string;
	engine: string;
	withKey: boolean;
	/** Now, ISO 8601. */
	takenAt: string;
	onProgress?: OnProgress;
}): Promise<BackupReport> {
	const { folder, target, engine, withKey, takenAt, onProgress = () => undefined } = options;
	await checkTarget(folder, target);
	try {
		makeFolder(target);
		const before = await copyBlobs(await blobsIn(folder), { folder, target, onProgress });
		const database = await snapshot(folder, target);
		const { refs, schema } = readSnapshot(join(target, `${DATABASE}.new`));
		const after = await copyBlobs(refs, { folder, target, onProgress });
		const key = withKey && (await copyKey(folder, target));
		await rename(join(target, `${DATABASE}.new`), join(target, DATABASE));
		const missing = new Set(after.missing);
		const kept = refs.filter(({ sha256 }) => !missing.has(sha256));
		const manifest: BackupManifest = {
			format: 'capscheduler-backup',
			version: 1,
			engine,
			schema,
			takenAt,
			database,
			blobs: { files: kept.length, bytes: kept.reduce((sum, { size }) => sum + size, 0) },
			key,
		};
		await writeDurably(join(target, MANIFEST), `${JSON.stringify(manifest, null, '\t')}\n`);
		await syncFolder(target);
		await removeOthers(target, new Set(refs.map(({ sha256 }) => sha256)));
		return { ...manifest, copied: before.copied + after.copied, missing: after.missing };
	} catch (error) {
		throw storageError(error, target) ?? error;
	}
}

/**
 * Makes a data folder of a backup. Everything is compared with the hashes of the backup before the database
 * gets its name, so that a folder that an engine can start on is a whole one.
 * @throws CapError INVALID_REQUEST for a backup that is none or not whole, or a folder that is in use
 */
export async function restore(options: {
	backup: string;
	folder: string;
	onProgress?: OnProgress;
}): Promise<BackupManifest> {
	const { backup, folder, onProgress = () => undefined } = options;
	const manifest = await readManifest(backup);
	if (manifest.schema > SCHEMA_VERSION) {
		throw refused(
			`${backup}: expected schema version ${SCHEMA_VERSION} or lower, got ${manifest.schema}: it was made by a newer engine (${manifest.engine})`,
		);
	}
	if ((await entriesOf(folder)).length > 0) {
		throw refused(`${folder}: expected a folder that does not exist or is empty`);
	}
	const database = join(backup, DATABASE);
	if ((await hashOf(database)) !== manifest.database.sha256) {
		throw refused(`${database}: its bytes are not those that were backed up`);
	}
	try {
		makeFolder(folder);
		const { refs } = readSnapshot(database);
		await copyBlobs(refs, { folder: backup, target: folder, onProgress, verify: true });
		if (manifest.key) await copyKey(backup, folder);
		const made = join(folder, `${DATABASE}.new`);
		await copyFile(database, made, constants.COPYFILE_EXCL);
		await syncFile(made);
		await rename(made, join(folder, DATABASE));
		await syncFolder(folder);
		return manifest;
	} catch (error) {
		throw storageError(error, folder) ?? error;
	}
}

async function checkTarget(folder: string, target: string): Promise<void> {
	const way = relative(resolve(folder), resolve(target));
	if (way === '' || (!way.startsWith('..') && !way.startsWith(sep))) {
		throw refused(`${target}: expected a folder outside of the data folder ${folder}`);
	}
	if ((await sizeOf(join(folder, DATABASE))) === undefined) {
		throw refused(`${folder}: expected a data folder, found no ${DATABASE} in it`);
	}
	const entries = await entriesOf(target);
	if (entries.length > 0 && !entries.includes(MANIFEST) && !entries.includes('blobs')) {
		throw refused(`${target}: expected an empty folder or an earlier backup`);
	}
}

/** One moment of the database, in one read transaction: an engine that writes meanwhile neither waits nor shows. */
async function snapshot(folder: string, target: string): Promise<BackupManifest['database']> {
	const file = join(target, `${DATABASE}.new`);
	await rm(file, { force: true });
	const source = new DatabaseSync(join(folder, DATABASE), { timeout: 10_000 });
	try {
		source.prepare('VACUUM INTO ?').run(file);
	} finally {
		source.close();
	}
	await syncFile(file);
	const { size } = await stat(file);
	return { size, sha256: (await hashOf(file)) ?? '' };
}

/** @throws CapError STORAGE_UNAVAILABLE for a database that is damaged */
function readSnapshot(file: string): { refs: BlobRef[]; schema: number } {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		const check = database.prepare('PRAGMA integrity_check(1)').get() as Record<string, unknown>;
		if (check['integrity_check'] !== 'ok') {
			const said = String(check['integrity_check']);
			throw new CapError('STORAGE_UNAVAILABLE', `${file}: the database is damaged: ${said}`);
		}
		const { user_version: schema } = database.prepare('PRAGMA user_version').get() as {
			user_version: number;
		};
		const rows = database.prepare('SELECT sha256, size FROM blobs WHERE bytes IS NULL').all();
		return { refs: rows as unknown as BlobRef[], schema };
	} finally {
		database.close();
	}
}

const pathOf = (folder: string, sha256: string): string =>
	join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2));

/** Copies what the target has not; a file whose size is right is taken for what its name says. */
async function copyBlobs(
	refs: readonly BlobRef[],
	options: { folder: string; target: string; onProgress: OnProgress; verify?: boolean },
): Promise<{ copied: number; missing: string[] }> {
	const { folder, target, onProgress, verify = false } = options;
	const missing: string[] = [];
	const folders = new Set<string>();
	let copied = 0;
	for (const [done, { sha256, size }] of refs.entries()) {
		onProgress(done, refs.length);
		const to = pathOf(target, sha256);
		if ((await sizeOf(to)) === size) continue;
		const from = pathOf(folder, sha256);
		if (verify && (await hashOf(from)) !== sha256) {
			throw refused(`${from}: its bytes are not those that were backed up`);
		}
		await mkdir(join(to, '..'), { recursive: true, mode: 0o700 });
		try {
			await copyFile(from, `${to}.new`, constants.COPYFILE_FICLONE);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
			missing.push(sha256);
			continue;
		}
		await syncFile(`${to}.new`);
		await rename(`${to}.new`, to);
		folders.add(join(to, '..'));
		copied += 1;
	}
	for (const each of folders) await syncFolder(each);
	return { copied, missing };
}

/** The key is a secret of its own: only where it was asked for, and for its owner only. */
async function copyKey(from: string, to: string): Promise<boolean> {
	try {
		await writeDurably(join(to, KEY), await readFile(join(from, KEY), 'utf8'));
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
		throw error;
	}
}

async function blobsIn(folder: string): Promise<BlobRef[]> {
	const refs: BlobRef[] = [];
	for (const shard of await entriesOf(join(folder, 'blobs'))) {
		if (!/^[0-9a-f]{2}$/.test(shard)) continue;
		for (const name of await entriesOf(join(folder, 'blobs', shard))) {
			const size = await sizeOf(join(folder, 'blobs', shard, name));
			if (size !== undefined && /^[0-9a-f]{62}$/.test(name)) {
				refs.push({ sha256: shard + name, size });
			}
		}
	}
	return refs;
}

async function removeOthers(target: string, wanted: ReadonlySet<string>): Promise<void> {
	for (const { sha256 } of await blobsIn(target)) {
		if (!wanted.has(sha256)) await rm(pathOf(target, sha256), { force: true });
	}
}

async function readManifest(backup: string): Promise<BackupManifest> {
	const path = join(backup, MANIFEST);
	try {
		return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
	} catch (cause) {
		const message = `${backup}: expected a backup that was finished, found no good ${MANIFEST} in it`;
		throw new CapError('INVALID_REQUEST', message, { cause });
	}
}

const refused = (message: string): CapError => new CapError('INVALID_REQUEST', message);

async function entriesOf(folder: string): Promise<string[]> {
	try {
		return await readdir(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
		throw error;
	}
}

async function sizeOf(path: string): Promise<number | undefined> {
	try {
		return (await stat(path)).size;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}

/** Undefined when there is no such file. */
async function hashOf(path: string): Promise<string | undefined> {
	const hash = createHash('sha256');
	try {
		for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
	return hash.digest('hex');
}

async function writeDurably(path: string, text: string): Promise<void> {
	await writeFile(`${path}.new`, text, { mode: 0o600 });
	await syncFile(`${path}.new`);
	await rename(`${path}.new`, path);
}

async function syncFile(path: string): Promise<void> {
	const file = await open(path, 'r+');
	try {
		await file.sync();
	} finally {
		await file.close();
	}
}

async function syncFolder(path: string): Promise<void> {
	const folder = await open(path, 'r');
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
}
