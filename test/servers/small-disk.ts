import { mkdir } from 'node:fs/promises';

import { run } from './process.ts';

/** A folder in which no more than 1 MB has room. @returns how to take it away again */
export async function mountSmallDisk(folder: string, megabytes = 1): Promise<() => Promise<void>> {
	await mkdir(folder, { recursive: true });
	await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0777`, 'tmpfs', folder]);
	return async () => {
		await run('umount', ['--lazy', folder]);
	};
}
