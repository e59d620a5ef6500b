/** The nodes package as it is published: built from nothing, packed by npm, unpacked. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = [
	'package.json',
	'README.md',
	'LICENSE',
	'gulpfile.js',
	'index.ts',
	'nodes',
	'credentials',
	'tsconfig.base.json',
	'tsconfig.json',
	'tsconfig.build.json',
];

export interface PackedNodes {
	tarball: string;
	/** The unpacked package. */
	folder: string;
}

/** Builds in a copy, so that nothing that lies in the checkout's dist/ comes along. */
export function packNodes(into: string): PackedNodes {
	const source = join(into, 'source');
	mkdirSync(source, { recursive: true });
	for (const name of SOURCES) cpSync(join(ROOT, name), join(source, name), { recursive: true });
	symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
	run(source, 'tsc', ['-p', 'tsconfig.build.json']);
	run(source, 'gulp', ['--silent']);
	run(source, 'npm', ['pack', '--ignore-scripts', '--pack-destination', into]);
	const name = readdirSync(into).find((file) => file.endsWith('.tgz'));
	if (name === undefined) throw new Error('npm pack made no tarball');
	const tarball = join(into, name);
	run(into, 'tar', ['-xzf', tarball]);
	return { tarball, folder: join(into, 'package') };
}

function run(cwd: string, command: string, args: readonly string[]): void {
	const path = `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`;
	const { status, stdout, stderr } = spawnSync(command, args, {
		cwd,
		encoding: 'utf8',
		env: { ...process.env, PATH: path },
	});
	if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`);
}
