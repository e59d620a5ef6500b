import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder of this process alone within the data folder, which several engines of one machine may share: what one
 * needs for a while must not be swept away by the start of another.
 */
export function createScratchFolder(folder: string): {
	path: string;
	/** Removes those of processes that are gone. */
	clean(): void;
	remove(): void;
} {
	const path = join(folder, `scratch-${process.pid}`);
	const remove = (name: string): void => {
		rmSync(name, { recursive: true, force: true });
	};
	return {
		path,
		clean() {
			for (const name of readdirSync(folder)) {
				const [, pid] = /^scratch-(\d+)$/.exec(name) ?? [];
				if (pid !== undefined && !isAlive(Number(pid))) remove(join(folder, name));
			}
		},
		remove() {
			remove(path);
		},
	};
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// Somebody else's process is one, too.
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}
