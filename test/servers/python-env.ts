import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CACHE } from './cache.ts';
import { run } from './process.ts';

/**
 * A Python environment with these packages (`name==version`), made at first use.
 * @returns its folder of programs, `python` among them
 */
export async function pythonEnv(name: string, packages: readonly string[]): Promise<string> {
	const folder = join(CACHE, `python-${name}`);
	const programs = join(folder, 'bin');
	const list = join(folder, 'packages.txt');
	const wanted = packages.join('\n');
	// written last: an environment that was left half made is made anew
	if ((await readFile(list, 'utf8').catch(() => null)) === wanted) return programs;
	await rm(folder, { recursive: true, force: true });
	await mkdir(CACHE, { recursive: true });
	await run('python3', ['-m', 'venv', folder]);
	await run(join(programs, 'python'), ['-m', 'pip', 'install', '--quiet', ...packages]);
	await writeFile(list, wanted);
	return programs;
}
