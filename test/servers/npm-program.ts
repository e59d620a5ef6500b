import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { CACHE } from './cache.ts';
import { run } from './process.ts';

/**
 * A package that is large and only a counterpart, installed outside of the checkout at first use.
 * @param wanted `name@version`
 * @returns the folder that it lies in
 */
export async function npmPackage(wanted: string): Promise<string> {
	const name = wanted.slice(0, wanted.lastIndexOf('@'));
	const folder = join(CACHE, 'npm', wanted.replaceAll('/', '+'));
	const there = await access(folder).then(
		() => true,
		() => false,
	);
	if (!there) {
		const aside = `${folder}.${process.pid}`;
		await mkdir(aside, { recursive: true });
		const quietly = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save'];
		await run('npm', ['install', '--prefix', aside, ...quietly, wanted]);
		// what was broken off leaves nothing under the final name; who comes second finds it there
		await rename(aside, folder).catch(async () => rm(aside, { recursive: true, force: true }));
	}
	return join(folder, 'node_modules', name);
}
