import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

import type { Contestant } from './contestants.ts';
import { PEERS_FOLDER, versionOf } from './contestants.ts';

/** What is asked of every figure: on what machine it was measured, with which versions, and what else ran. */
export function describeMachine(): string[] {
	const processors = cpus();
	const model = processors[0]?.model.trim() ?? 'unknown';
	return [
		`${processors.length} x ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, SQLite ${process.versions['sqlite'] ?? ''}`,
		`load before: ${loadavg()
			.map((load) => load.toFixed(1))
			.join(' ')}`,
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

/** @returns the file that all values were written to */
export function writeRecord(record: {
	machine: readonly string[];
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
	writeFileSync(file, `${JSON.stringify({ at, ...record, contestants }, null, '\t')}\n`);
	return file;
}
