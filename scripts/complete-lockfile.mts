/**
 * Adds to package-lock.json the optional packages of other platforms (`@swc/core-darwin-arm64` ...)
 * that npm left out because the registry it asked does not carry them. Without their entries
 * `npm ci` refuses the lockfile; with them it skips what is not for its platform.
 * Run by `npm run lockfile`, after every change of dependencies.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
	version?: string;
	optionalDependencies?: Record<string, string>;
	[field: string]: unknown;
}

const LOCKFILE = 'package-lock.json';
const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const OPERATING_SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/** `os` and `cpu` as the package's own manifest has them, read off its name. */
function platformOf(name: string): { os: string[]; cpu: string[] } | undefined {
	const words = name.split(/[/-]/);
	const os = OPERATING_SYSTEMS.find((word) => words.includes(word));
	const cpu = PROCESSORS.find((word) => words.includes(word));
	return os === undefined || cpu === undefined ? undefined : { os: [os], cpu: [cpu] };
}

const lock = JSON.parse(readFileSync(LOCKFILE, 'utf8')) as {
	packages: Record<string, LockedPackage>;
};

/** Node's resolution: beside the dependent, or in any `node_modules` above it. */
function isLocked(from: string, name: string): boolean {
	for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('/')))) {
		if (lock.packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`]) return true;
		if (place === '') return false;
	}
}

let added = 0;
for (const [path, dependent] of Object.entries(lock.packages)) {
	for (const [name, version] of Object.entries(dependent.optionalDependencies ?? {})) {
		const platform = platformOf(name);
		if (isLocked(path, name) || platform === undefined) continue;
		if (!EXACT_VERSION.test(version)) {
			console.error(
				`${LOCKFILE}: ${path} wants ${name}@${version}, not an exact version: add it by hand`,
			);
			process.exitCode = 1;
			continue;
		}
		const { dev } = dependent;
		lock.packages[`node_modules/${name}`] = {
			version,
			cpu: platform.cpu,
			...(dev === true ? { dev } : {}),
			optional: true,
			os: platform.os,
		};
		added += 1;
	}
}

if (added > 0) {
	const root = lock.packages[''];
	const sorted = Object.entries(lock.packages)
		.filter(([path]) => path !== '')
		.sort(([a], [b]) => a.localeCompare(b, 'en'));
	lock.packages = Object.fromEntries(root === undefined ? sorted : [['', root], ...sorted]);
	writeFileSync(LOCKFILE, `${JSON.stringify(lock, null, '\t')}\n`);
}
console.log(`${LOCKFILE}: ${added} packages of other platforms added`);
