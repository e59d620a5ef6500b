import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { CACHE } from './cache.ts';
import { run } from './process.ts';

/**
 * A program built from its Go module (`path/of/command@version`) at first use; minutes for the large ones.
 * @returns the path of the program
 */
export async function goProgram(name: string, command: string): Promise<string> {
	const version = command.slice(command.lastIndexOf('@') + 1);
	const folder = join(CACHE, 'go', `${name}-${version}`);
	const [path = ''] = command.split('@');
	const program = join(folder, programOf(path));
	const there = await access(program).then(
		() => true,
		() => false,
	);
	if (there) return program;
	const aside = `${folder}.${process.pid}`;
	await mkdir(aside, { recursive: true });
	await run('nice', ['-n', '10', 'env', `GOBIN=${aside}`, 'go', 'install', command]);
	// a build that was broken off leaves nothing under the final name; who comes second finds it there
	await rename(aside, folder).catch(async () => rm(aside, { recursive: true, force: true }));
	return program;
}

/** `go install` names a program after the last part of its path that is no major version. */
function programOf(path: string): string {
	return /^v\d+$/.test(basename(path))
		? basename(path.slice(0, path.lastIndexOf('/')))
		: basename(path);
}
