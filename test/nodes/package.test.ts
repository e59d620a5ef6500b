import { spawnSync } from 'node:child_process';
import {
	cpSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { codexOf, core, known, nodeType } from './support/n8n.ts';

const folder = process.env['CAPSCHEDULER_N8N_NODES'] ?? '';
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
	string,
	any
>;
const DOCUMENTATION = 'https://github.com/capscheduler/capscheduler/blob/main';
const NODES = ['capScheduleTrigger', 'capScheduler', 'deliver', 'format', 'runtimeSession'];

let temporary = '';
beforeEach(() => {
	// where n8n's modules are found, as in n8n itself
	temporary = mkdtempSync(join(folder, '..', '..', 'install-'));
});
afterEach(() => {
	rmSync(temporary, { recursive: true });
});

test('installs as n8n installs community packages, brings nothing with it, and loads from there', async () => {
	// as n8n 2.41 does: it unpacks the tarball, strips these, and installs with scripts off
	const { devDependencies: _d, peerDependencies: _p, optionalDependencies: _o, ...rest } = manifest;
	const place = join(temporary, 'n8n-nodes-capscheduler');
	cpSync(folder, place, { recursive: true });
	writeFileSync(join(place, 'package.json'), JSON.stringify(rest));
	const args = [
		'install',
		'--audit=false',
		'--fund=false',
		'--bin-links=false',
		'--install-strategy=shallow',
		'--ignore-scripts=true',
		'--package-lock=false',
		'--offline',
	];
	const { status, stderr } = spawnSync('npm', args, { cwd: place, encoding: 'utf8' });
	expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
	expect(readdirSync(place).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
	for (const file of [...manifest['n8n'].nodes, ...manifest['n8n'].credentials] as string[]) {
		expect(existsSync(join(place, file))).toBe(true);
	}
	const loader = new core['PackageDirectoryLoader'](place);
	await loader.loadAll();
	expect(Object.keys(loader.known.nodes).sort()).toEqual([...NODES].sort());
});

test('nothing is in the package but dist, README, licence and manifest', () => {
	expect(readdirSync(folder).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
	const files = readdirSync(join(folder, 'dist'), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
	const built = /^dist\/(?:index|(?:nodes|credentials)\/.+)\.(?:js|d\.ts)$/;
	const copied = /^dist\/(?:nodes|credentials)\/.+\.(?:svg|node\.json)$|\/__schema__\/.+\.json$/;
	expect(files.filter((file) => !built.test(file) && !copied.test(file))).toEqual([]);
	expect(files.filter((file) => /\.test\.|\.spec\.|\.map$|fixture/.test(file))).toEqual([]);
});

test('the manifest asks for nothing that n8n does not give, and runs nothing on installation', () => {
	expect(manifest['dependencies']).toBeUndefined();
	expect(manifest['optionalDependencies']).toBeUndefined();
	expect(manifest['bundledDependencies']).toBeUndefined();
	expect(manifest['peerDependencies']).toEqual({ 'n8n-workflow': '*' });
	const scripts = Object.keys(manifest['scripts'] as object);
	const run = /^(?:pre|post)?(?:install|prepare|pack|publish)$|^prepublish/;
	expect(scripts.filter((name) => run.test(name))).toEqual([]);
});

test("n8n's own loader finds every node and the credential", () => {
	expect(Object.keys(known.nodes).sort()).toEqual([...NODES].sort());
	expect(Object.keys(known.credentials)).toEqual(['capSchedulerApi']);
});

describe.each(NODES)('%s', (name) => {
	const { description } = nodeType(name);

	test('has icons for light and dark, that are there', () => {
		const { iconUrl } = description as { iconUrl?: { light: string; dark: string } };
		expect(iconUrl).toMatchObject({
			light: expect.stringMatching(/\.svg$/),
			dark: expect.stringMatching(/\.dark\.svg$/),
		});
		for (const url of Object.values(iconUrl ?? {})) {
			expect(existsSync(join(folder, url.replace('icons/n8n-nodes-capscheduler/', '')))).toBe(true);
		}
	});

	test('is found by what people look for, with a link to its documentation', () => {
		expect(codexOf(name)).toMatchObject({
			alias: expect.arrayContaining([expect.any(String)]),
			resources: {
				primaryDocumentation: [{ url: `${DOCUMENTATION}/docs/n8n.md` }],
				credentialDocumentation: [{ url: `${DOCUMENTATION}/docs/n8n.md#the-credential` }],
			},
		});
		expect(readFileSync('docs/n8n.md', 'utf8')).toContain('\n## The credential\n');
	});

	// in the panel of a core node the editor does not show what the nodes before it will give
	test('is no core node of n8n, unless it has no input', () => {
		const isCore = (codexOf(name)['categories'] as string[]).includes('Core Nodes');
		expect(isCore).toBe(description.group.includes('trigger'));
	});

	test('asks for the credential', () => {
		expect(description.credentials).toEqual([{ name: 'capSchedulerApi', required: true }]);
	});
});
