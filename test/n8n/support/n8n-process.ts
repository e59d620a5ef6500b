import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '../../servers/process.ts';
import { until } from './until.ts';

const app = process.env['CAPSCHEDULER_N8N_APP'] ?? '';
const nodes = process.env['CAPSCHEDULER_N8N_NODES'] ?? '';

export const PACKAGE = 'n8n-nodes-capscheduler';

/** The real n8n in a process of its own, on loopback; queue-less, unless its settings say otherwise. */
export interface N8nProcess {
	url: string;
	pid: number;
	/** What it wrote so far, the end of it. */
	log(): string;
	/** Asks it to go, as an operator does, and waits until it is gone. */
	stop(): Promise<void>;
}

export interface N8nPlace {
	/** Where it keeps everything; made anew when it is not there. */
	userFolder: string;
	port: number;
	/** More of n8n's own settings. */
	settings?: Readonly<Record<string, string>>;
	/** In queue mode: which of its processes. */
	command?: 'start' | 'worker' | 'webhook';
}

/** Milliseconds: the first start makes the database, which takes a minute where others work beside it. */
const UP_WITHIN = 240_000;
/** Milliseconds that it has to go by itself. */
const GONE_WITHIN = 20_000;
const LOG_LENGTH = 200_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
	for (const child of running) killGroup(child, 'SIGKILL');
});

/** The packed nodes, where n8n looks for community packages. */
export function installNodes(userFolder: string): void {
	const modules = join(userFolder, '.n8n', 'nodes', 'node_modules');
	mkdirSync(modules, { recursive: true });
	const place = join(modules, PACKAGE);
	if (!existsSync(place)) cpSync(nodes, place, { recursive: true });
}

/** @throws with n8n's own words when it ends before it is ready */
export async function startN8n({
	userFolder,
	port,
	settings,
	command = 'start',
}: N8nPlace): Promise<N8nProcess> {
	installNodes(userFolder);
	const program = join(app, 'node_modules', 'n8n', 'bin', 'n8n');
	const child = spawn(process.execPath, [program, command], {
		cwd: userFolder,
		// of its own group: it has children
		detached: true,
		env: { ...(await environment(userFolder, port)), ...settings },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	running.add(child);
	child.once('exit', () => running.delete(child));
	let log = '';
	const keep = (text: Buffer) => (log = (log + text.toString()).slice(-LOG_LENGTH));
	child.stdout.on('data', keep);
	child.stderr.on('data', keep);
	const url = `http://127.0.0.1:${port}`;
	const ended = once(child, 'exit').then(() => {
		throw new Error(`n8n ended: ${log.slice(-4000)}`);
	});
	const ready = until(
		'n8n to be ready',
		async () => (await fetch(`${url}/healthz/readiness`)).ok && child.exitCode === null,
		{ within: UP_WITHIN },
	);
	// whichever loses is of no interest any more
	ready.catch(() => undefined);
	ended.catch(() => undefined);
	try {
		await Promise.race([ready, ended]);
	} catch (error) {
		await stopN8n(child);
		throw error;
	}
	return { url, pid: child.pid ?? 0, log: () => log, stop: () => stopN8n(child) };
}

async function environment(userFolder: string, port: number): Promise<NodeJS.ProcessEnv> {
	return {
		PATH: process.env['PATH'],
		HOME: userFolder,
		TZ: 'UTC',
		NODE_ENV: 'production',
		NODE_COMPILE_CACHE: join(app, 'compile-cache'),
		N8N_USER_FOLDER: userFolder,
		N8N_HOST: '127.0.0.1',
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		N8N_PORT: String(port),
		WEBHOOK_URL: `http://127.0.0.1:${port}/`,
		N8N_RUNNERS_BROKER_PORT: String(await freePort()),
		N8N_SECURE_COOKIE: 'false',
		N8N_ENCRYPTION_KEY: 'of-no-use-outside-the-tests',
		N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS: 'false',
		N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '10',
		// nothing leaves this machine
		N8N_DIAGNOSTICS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED: 'false',
		N8N_DYNAMIC_BANNERS_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_HIRING_BANNER_ENABLED: 'false',
		N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
	};
}

/** Ends n8n and its children by its process id. */
async function stopN8n(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, 'exit');
	child.kill('SIGTERM');
	const late = setTimeout(() => {
		killGroup(child, 'SIGKILL');
	}, GONE_WITHIN);
	await gone;
	clearTimeout(late);
	killGroup(child, 'SIGKILL');
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
	if (child.pid === undefined) return;
	try {
		process.kill(-child.pid, signal);
	} catch {
		// there is nobody left in it
	}
}
