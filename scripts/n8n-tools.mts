/**
 * n8n's core and its lints, installed from test/n8n's lockfile into a cache outside the checkout, once for
 * each state of that lockfile. Install scripts stay off: n8n's packages would compile, and one of the lints
 * refuses every package manager but its author's.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const MANIFESTS = ['package.json', 'package-lock.json'];

/** Where tests keep what is costly to get. */
export const CACHE =
	process.env['CAPSCHEDULER_TEST_CACHE'] ??
	join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'capscheduler-test');

export interface InstallOptions {
	/** More flags of `npm ci`. */
	flags?: readonly string[];
	/** Called when the cache does not have them. */
	begin?: () => void;
	/** What is left to do before the place is whole. */
	finish?: (place: string) => void;
}

/** Installs the packages of a folder with a lockfile, unless the cache has them. @returns where they are */
export function installed(
	folder: string,
	{ flags = [], begin, finish }: InstallOptions = {},
): string {
	const source = join(ROOT, folder);
	const hash = createHash('sha256');
	for (const name of MANIFESTS) hash.update(readFileSync(join(source, name)));
	const place = join(CACHE, `${folder.replaceAll('/', '-')}-${hash.digest('hex').slice(0, 12)}`);
	if (existsSync(place)) return place;
	begin?.();
	// under another name until it is whole: two may install at once, and one may be ended half way
	const making = `${place}.${process.pid}`;
	mkdirSync(making, { recursive: true });
	for (const name of MANIFESTS) copyFileSync(join(source, name), join(making, name));
	run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', ...flags], making);
	finish?.(making);
	try {
		renameSync(making, place);
	} catch (error) {
		if (!existsSync(place)) throw error;
		rmSync(making, { recursive: true });
	}
	return place;
}

/** @throws with all that the command wrote when it fails */
export function run(command: string, args: readonly string[], cwd: string): void {
	const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
	if (error !== undefined) throw error;
	if (status !== 0) {
		throw new Error(`${command} ${args.join(' ')} in ${cwd}:\n${stdout}${stderr}`);
	}
}

export const n8nTools = (): string => installed('test/n8n');
