import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CACHE } from './cache.ts';
import { run } from './process.ts';

/**
 * The jars of these artifacts (`group:artifact:version`) and of all they need, fetched at first use.
 * @returns their folder
 */
export async function mavenJars(name: string, artifacts: readonly string[]): Promise<string> {
	const folder = join(CACHE, 'maven', name);
	const there = await access(folder).then(
		() => true,
		() => false,
	);
	if (there) return folder;
	const aside = `${folder}.${process.pid}`;
	await mkdir(aside, { recursive: true });
	const dependencies = artifacts.map((artifact) => {
		const [group, id, version] = artifact.split(':');
		return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
	});
	const pom = join(aside, 'pom.xml');
	await writeFile(
		pom,
		`<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>test</artifactId><version>1</version><dependencies>${dependencies.join('')}</dependencies></project>`,
	);
	const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
	await run('mvn', ['-q', '-f', pom, ...goal, `-DoutputDirectory=${aside}/jars`]);
	await rename(join(aside, 'jars'), folder).catch(() => undefined);
	await rm(aside, { recursive: true, force: true });
	return folder;
}
