/**
 * Writes the documents that are made from the code; with `--check` only compares, and exits with 1 when one differs.
 * Run by `node engine/scripts/generate-docs.ts`, and checked by `npm run check`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { configurationDocs } from './configuration-docs.ts';
import { errorsDocs } from './errors-docs.ts';
import { formatsDocs } from './formats-docs.ts';
import type { GeneratedFile } from './generated-file.ts';
import { openapiDocs } from './openapi-docs.ts';

const ROOT = join(import.meta.dirname, '..', '..');

async function isCurrent({ path, text }: GeneratedFile): Promise<boolean> {
	try {
		return (await readFile(join(ROOT, path), 'utf8')) === text;
	} catch {
		return false;
	}
}

const files = [
	...configurationDocs(),
	...errorsDocs(),
	...(await formatsDocs()),
	...(await openapiDocs()),
];
const stale: GeneratedFile[] = [];
for (const file of files) if (!(await isCurrent(file))) stale.push(file);

if (process.argv.includes('--check')) {
	for (const { path } of stale) console.error(`${path} is not what the code says`);
	if (stale.length > 0) console.error('run: node engine/scripts/generate-docs.ts');
	process.exitCode = stale.length === 0 ? 0 : 1;
} else {
	for (const { path, text } of stale) {
		await mkdir(dirname(join(ROOT, path)), { recursive: true });
		await writeFile(join(ROOT, path), text);
		console.log(`wrote ${path}`);
	}
}
