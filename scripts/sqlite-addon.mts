/**
 * n8n keeps its database with `sqlite3`, whose addon its install script downloads from a place that is no package
 * registry, or builds with Node's headers from another. Here it is compiled from the sources in the package
 * itself, with the headers that the npm registry has beside Node's binary.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { run } from './n8n-tools.mts';

/** As the package's own deps/sqlite3.gyp has them. */
const SQLITE_DEFINES = [
	'NDEBUG',
	'_REENTRANT=1',
	'SQLITE_THREADSAFE=1',
	'HAVE_USLEEP=1',
	'SQLITE_ENABLE_FTS3',
	'SQLITE_ENABLE_FTS4',
	'SQLITE_ENABLE_FTS5',
	'SQLITE_ENABLE_RTREE',
	'SQLITE_ENABLE_DBSTAT_VTAB=1',
	'SQLITE_ENABLE_MATH_FUNCTIONS',
];
const ADDON_DEFINES = [
	'NAPI_VERSION=6',
	'NAPI_DISABLE_CPP_EXCEPTIONS=1',
	'BUILDING_NODE_EXTENSION',
];

const defined = (names: readonly string[]): string[] => names.map((name) => `-D${name}`);

/** @param place the folder whose node_modules has sqlite3 */
export function compileSqliteAddon(place: string): void {
	const started = performance.now();
	const packageFolder = join(place, 'node_modules', 'sqlite3');
	const work = mkdtempSync(join(tmpdir(), 'capscheduler-sqlite3-'));
	try {
		ensureCompiler();
		const headers = nodeHeaders(work);
		const sqlite = unpackSqlite(packageFolder, work);
		const fromPackage = createRequire(join(packageFolder, 'package.json'));
		const napi = dirname(fromPackage.resolve('node-addon-api/package.json'));
		const object = join(work, 'sqlite3.o');
		const common = ['-O2', '-fPIC', ...defined(SQLITE_DEFINES)];
		run('cc', [...common, '-c', join(sqlite, 'sqlite3.c'), '-o', object], work);
		const release = join(packageFolder, 'build', 'Release');
		mkdirSync(release, { recursive: true });
		const sources = ['backup', 'database', 'node_sqlite3', 'statement'];
		const includes = [headers, sqlite, napi].map((path) => `-I${path}`);
		run(
			'c++',
			[
				...['-std=c++17', '-shared', '-w', ...common, ...defined(ADDON_DEFINES), ...includes],
				...sources.map((name) => join(packageFolder, 'src', `${name}.cc`)),
				...[object, '-o', join(release, 'node_sqlite3.node')],
			],
			packageFolder,
		);
		run(process.execPath, ['-e', 'require("sqlite3")'], packageFolder);
		const seconds = ((performance.now() - started) / 1000).toFixed(0);
		console.log(`sqlite3: compiled its addon from its own sources in ${seconds} s`);
	} finally {
		rmSync(work, { recursive: true });
	}
}

function ensureCompiler(): void {
	if (spawnSync('c++', ['--version']).status === 0) return;
	console.log('sqlite3: there is no C++ compiler; installing the Debian package g++');
	run('apt-get', ['update', '-qq'], '/');
	run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'g++'], '/');
}

/** Where node_api.h and uv.h of this very Node are. */
function nodeHeaders(work: string): string {
	const beside = join(dirname(process.execPath), '..', 'include', 'node');
	if (existsSync(join(beside, 'uv.h'))) return beside;
	const name = `node-${process.platform}-${process.arch}@${process.versions.node}`;
	console.log(`sqlite3: taking Node's headers from the package ${name}`);
	run('npm', ['pack', '--ignore-scripts', name], work);
	const tarball = readdirSync(work).find((file) => file.endsWith('.tgz')) ?? '';
	run('tar', ['-xzf', tarball, 'package/include'], work);
	return join(work, 'package', 'include', 'node');
}

function unpackSqlite(packageFolder: string, work: string): string {
	const deps = join(packageFolder, 'deps');
	const tarball = readdirSync(deps).find((file) => file.endsWith('.tar.gz')) ?? '';
	run('tar', ['-xzf', join(deps, tarball)], work);
	return join(work, tarball.replace('.tar.gz', ''));
}
