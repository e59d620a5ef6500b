import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { CapError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';
import { namesFor } from '../shared/names.ts';
import type { Overwrite } from '../shared/names.ts';
import { removeIfThere } from './write.ts';

/** The first of the names that holds these very bytes: a repeated delivery finds what it left. */
export async function findPublished(
	folder: string,
	parcel: Parcel,
	overwrite: Overwrite,
): Promise<string | null> {
	for (const name of namesFor(parcel.filename, overwrite)) {
		const there = await holds(join(folder, name), parcel);
		if (there === null) return null;
		if (there) return name;
	}
	return null;
}

/** Whether the file has the parcel's bytes; null when there is none. Links and folders are other things. */
async function holds(path: string, { size, sha256 }: Parcel): Promise<boolean | null> {
	try {
		const found = await lstat(path);
		return found.isFile() && found.size === size && (await hashOf(path)) === sha256;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
		throw error;
	}
}

async function hashOf(path: string): Promise<string> {
	const hash = createHash('sha256');
	const stream: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 262_144 });
	for await (const chunk of stream) hash.update(chunk);
	return hash.digest('hex');
}

/**
 * Gives the temporary file its name, in one step that readers see whole or not at all. Only `replace`
 * ever takes a name that something else has.
 * @throws CapError TARGET_REFUSED when no name is free; the system's errors
 */
export async function publish(
	aside: string,
	folder: string,
	{ filename, overwrite }: { filename: string; overwrite: Overwrite },
): Promise<string> {
	if (overwrite === 'replace') {
		await rename(aside, join(folder, filename));
		return filename;
	}
	for (const name of namesFor(filename, overwrite)) {
		try {
			// unlike a rename, a link fails when the name is taken
			await link(aside, join(folder, name));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
			throw error;
		}
		await removeIfThere(aside);
		return name;
	}
	throw new CapError('TARGET_REFUSED', `a file named ${JSON.stringify(filename)} is already there`);
}
