import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

export interface Content {
	/** Relative to the folder. */
	path: string;
	size: number;
	sha256: string;
}

/** All files below a folder, hashed; temporary names too. */
export async function contentsOf(folder: string): Promise<Content[]> {
	const contents: Content[] = [];
	for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile()) continue;
		const path = join(entry.parentPath, entry.name);
		const hash = createHash('sha256');
		for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
		const { size } = await stat(path);
		contents.push({ path: relative(folder, path), size, sha256: hash.digest('hex') });
	}
	return contents;
}

/** Takes away all that lies in it, but for the folders named; of those, all that lies in them. */
export async function emptyFolder(folder: string, keep: readonly string[] = []): Promise<void> {
	for (const name of await readdir(folder)) {
		const path = join(folder, name);
		if (keep.includes(name)) await emptyFolder(path);
		else await rm(path, { recursive: true });
	}
}
