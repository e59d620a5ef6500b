import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CapError } from '../contract/errors.ts';
import type { SealingKey } from './keys.ts';
import { KEY_BYTES, parseKeys } from './keys.ts';

/** The key-encryption keys of the settings, or of the file beside the data, which is made when missing. */
export async function loadKeys({
	keys,
	dataDir,
}: {
	/** In the form of CAPSCHEDULER_KEYS. */
	keys: string | null;
	dataDir: string;
}): Promise<SealingKey[]> {
	return keys === null ? loadOrCreateKeyFile(join(dataDir, 'engine.key')) : parseKeys(keys);
}

/**
 * The key of a development engine, made next to its data at the first start. One line in the form of
 * CAPSCHEDULER_KEYS, so that it can move to production as it is. Mode 0600; a file that others can read
 * is refused, as by ssh.
 */
export async function loadOrCreateKeyFile(path: string): Promise<SealingKey[]> {
	return (await load(path)) ?? (await create(path));
}

async function load(path: string): Promise<SealingKey[] | null> {
	try {
		const { mode } = await stat(path);
		if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
			throw new CapError(
				'INTERNAL',
				`${path}: expected mode 0600, got 0${(mode & 0o777).toString(8)}; others may have read the key`,
			);
		}
		return parseKeys((await readFile(path, 'utf8')).trim());
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
		throw error;
	}
}

/** Written aside and linked, so that engines starting at once agree on one key and none sees half of it. */
async function create(path: string): Promise<SealingKey[]> {
	await mkdir(dirname(path), { recursive: true });
	const text = `k1:${randomBytes(KEY_BYTES).toString('base64')}`;
	const aside = `${path}.${randomBytes(6).toString('hex')}`;
	const file = await open(aside, 'wx', 0o600);
	try {
		await file.writeFile(`${text}\n`);
		await file.sync();
	} finally {
		await file.close();
	}
	try {
		await link(aside, path);
		await syncFolder(dirname(path));
		return parseKeys(text);
	} catch (error) {
		const made = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await load(path) : null;
		if (made) return made;
		throw error;
	} finally {
		await unlink(aside);
	}
}

/** A name is as durable as its folder. */
async function syncFolder(path: string): Promise<void> {
	const folder = await open(path, 'r');
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
}
