#!/usr/bin/env -S node --max-semi-space-size=16
// Starts the CLI on Node 24 or later: this Node, or that of the `node` npm package where one is installed.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;
/**
 * MB, as in the first line above. Node's own default lets short-lived objects pile up to 130 MB before it clears
 * them away while a large result is rendered; with 16 the work takes no longer, and the process stays below 300 MB.
 */
const NODE_OPTIONS = ['--max-semi-space-size=16'];
const FORWARDED_SIGNALS = ['SIGTERM', 'SIGUSR2'];
/** A terminal sends these to the child too, and a second one would end it without a drain. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGHUP'];

/** The path of the binary in the `node` npm package; undefined if there is none or it is too old. */
function findNodeBinary() {
	try {
		const manifestPath = createRequire(import.meta.url).resolve('node/package.json');
		const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
		const major = Number.parseInt(manifest.version, 10);
		return major >= NEEDED_MAJOR ? join(dirname(manifestPath), manifest.bin.node) : undefined;
	} catch {
		return undefined;
	}
}

/** Runs this file again on `binary`, with our arguments and streams; ends as the child ends. */
function runOn(binary) {
	const self = fileURLToPath(import.meta.url);
	const child = spawn(binary, [...NODE_OPTIONS, self, ...process.argv.slice(2)], {
		stdio: 'inherit',
	});
	for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
	for (const signal of TERMINAL_SIGNALS) {
		process.on(signal, () => process.stdin.isTTY || child.kill(signal));
	}
	child.on('error', (error) => {
		console.error(`capscheduler: cannot run ${binary}: ${error.message}`);
		process.exit(1);
	});
	child.on('exit', (code, signal) => {
		process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
	});
}

const major = Number.parseInt(process.versions.node, 10);
if (major >= NEEDED_MAJOR) {
	// A checkout runs from its sources: what was built there may be older. The package has only what was built.
	const source = new URL('../cli/main.ts', import.meta.url);
	await import(existsSync(source) ? source.href : '../dist/cli/main.js');
} else {
	const binary = findNodeBinary();
	if (binary === undefined) {
		console.error(
			`capscheduler needs Node ${NEEDED_MAJOR} or later; this is Node ${process.versions.node}`,
		);
		process.exit(1);
	}
	runOn(binary);
}
