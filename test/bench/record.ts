import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

import type { Contestant } from './contestants.ts';
import { PEERS_FOLDER, versionOf } from './contestants.ts';

/** What is asked of every figure: on what machine it was measured, with which versions, and what else ran. */
export interface Machine {
	processors: number;
	model: string;
	/** Bytes. */
	memory: number;
	system: string;
	node: string;
	sqlite: string;
	/** Load averages of the last 1, 5 and 15 minutes, before anything was measured. */
	loadBefore: number[];
}

export function describeMachine(): Machine {
	const processors = cpus();
	return {
		processors: processors.length,
		model: processors[0]?.model.trim() ?? 'unknown',
		memory: totalmem(),
		system: `${type()} ${release()} ${arch()}`,
		node: process.versions.node,
		sqlite: process.versions['sqlite'] ?? '',
		loadBefore: loadavg().map((value) => Number(value.toFixed(1))),
	};
}

export function machineLines(machine: Machine): string[] {
	const { processors, model, memory, node, sqlite, loadBefore } = machine;
	return [
		`${processors} x ${model}, ${Math.round(memory / 2 ** 30)} GB, Node ${node}, SQLite ${sqlite}`,
		`load before: ${loadBefore.join(' ')}`,
	];
}

/** The load average of the last minute: what else ran. */
export function load(): number {
	return Number(loadavg()[0]?.toFixed(1) ?? 0);
}

/** The peers are a package of their own: nobody who builds the engine has to install them. */
export function installPeers(say: (text: string) => void): void {
	const lock = join(PEERS_FOLDER, 'package-lock.json');
	const installed = join(PEERS_FOLDER, 'node_modules/.package-lock.json');
	if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
	say('installing the peers ...');
	execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
		cwd: PEERS_FOLDER,
		stdio: ['ignore', 'inherit', 'inherit'],
	});
}

/** For what is measured as it is installed. */
export function buildEngine(say: (text: string) => void): void {
	say('building the engine ...');
	const cwd = join(PEERS_FOLDER, '../..');
	execFileSync('npm', ['run', 'build', '-w', 'engine'], { cwd, stdio: ['ignore', 2, 2] });
}

/** Of the packages that anything here is compared with, as far as they are installed: versions by name. */
function peerVersions(): Record<string, string> {
	const { dependencies } = JSON.parse(readFileSync(join(PEERS_FOLDER, 'package.json'), 'utf8')) as {
		dependencies: Record<string, string>;
	};
	const places = [PEERS_FOLDER, join(PEERS_FOLDER, '../..')];
	const found = [...Object.keys(dependencies), ...OWN_PEERS].flatMap((name) => {
		const file = places
			.map((place) => join(place, 'node_modules', name, 'package.json'))
			.find((path) => existsSync(path));
		if (file === undefined) return [];
		const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
		return [[name, version] as const];
	});
	return Object.fromEntries(found);
}

/** Those that the tests compare with too. */
const OWN_PEERS = ['croner', 'cron-parser'];

/** @returns the file that all values were written to */
export function writeRecord(record: {
	machine: Machine;
	command: readonly string[];
	measurements: readonly object[];
	contestants: readonly Contestant[];
}): string {
	const contestants = record.contestants.map((contestant) => ({
		name: contestant.name,
		version: versionOf(contestant),
		settings: contestant.settings,
	}));
	const folder = join(PEERS_FOLDER, 'results');
	mkdirSync(folder, { recursive: true });
	const at = new Date().toISOString();
	const file = join(folder, `${at.replaceAll(':', '-')}.json`);
	const all = { at, ...record, contestants, packages: peerVersions() };
	writeFileSync(file, `${JSON.stringify(all, null, '\t')}\n`);
	return file;
}
