import { mkdir } from 'node:fs/promises';

import { run } from './process.ts';

/** A folder in which 1 MB has room. @returns how to take it away again */
export async function mountSmallDisk(folder: string): Promise<() => Promise<void>> {
	await mkdir(folder, { recursive: true });
	await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0777', 'tmpfs', folder]);
	return async () => {
		await run('umount', ['--lazy', folder]);
	};
}
