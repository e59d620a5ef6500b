import { open, readdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import type { Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { temporaryStem } from '../shared/names.ts';
import { readParcel } from '../shared/source.ts';

/** Owner and group; `umask` may take more away. */
const MODE = 0o640;
/** 8 hexadecimal characters and `.part` follow the stem. */
const TOKEN_BYTES = 13;

/**
 * Writes the parcel durably under a temporary name `.name.<deliveryId>.<token>.part` and returns its path.
 * The token keeps apart two engines of which one was fenced: neither can publish what the other is writing.
 * @throws the deadline's reason, the source's or the system's error; the file is gone then
 */
export async function writeAside(
	folder: string,
	parcel: Parcel,
	{ deadline, token }: { deadline: Deadline; token: string },
): Promise<string> {
	const path = join(folder, `${temporaryStem(parcel, TOKEN_BYTES)}${token}.part`);
	const file = await open(path, 'wx', MODE);
	try {
		try {
			for await (const chunk of readParcel(parcel, deadline)) await writeAll(file, chunk);
			await file.sync();
		} finally {
			await file.close();
		}
		return path;
	} catch (error) {
		await removeIfThere(path);
		throw error;
	}
}

/** A write to a file may be short. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
	for (let from = 0; from < chunk.length;) {
		const { bytesWritten } = await file.write(chunk, from, chunk.length - from);
		from += bytesWritten;
	}
}

/** Removes what earlier attempts of this delivery left when their engine died. */
export async function sweepAside(folder: string, parcel: Parcel): Promise<void> {
	const stem = temporaryStem(parcel, TOKEN_BYTES);
	for (const name of await readdir(folder)) {
		if (name.startsWith(stem) && name.endsWith('.part')) await removeIfThere(join(folder, name));
	}
}

export async function removeIfThere(path: string): Promise<void> {
	try {
		await unlink(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
}

/** A name is as durable as its folder. */
export async function syncFolder(path: string): Promise<void> {
	const folder = await open(path, 'r');
	try {
		await folder.sync();
	} catch (error) {
		// some network file systems sync names by themselves and know no such call
		const code = (error as NodeJS.ErrnoException).code ?? '';
		if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
	} finally {
		await folder.close();
	}
}
