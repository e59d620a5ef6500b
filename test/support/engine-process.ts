import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../engine/cli/main.ts', import.meta.url));

/** An engine in a process of its own, as a user starts it. */
export interface EngineProcess {
	url: string;
	pid: number;
	firstKey: string | null;
	/** Resolves when the process has ended, with how. */
	ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
	/** Ends the process and waits until it is gone. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** What it wrote to standard error so far. */
	log(): string;
}

/** Milliseconds; far more than it takes on a busy machine. */
const UP_WITHIN = 90_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
	for (const child of running) child.kill('SIGKILL');
});

/** Ends what a test that failed has left; for `afterAll`. */
export async function killEngines(): Promise<void> {
	await Promise.all(
		[...running].map(async (child) => {
			const gone = once(child, 'exit');
			child.kill('SIGKILL');
			await gone;
		}),
	);
}

/** The engine ended before it was up. */
export class EngineDied extends Error {}

/** @throws EngineDied when it ends before it listens */
export async function startEngineProcess(
	settings: Readonly<Record<string, string>>,
	options: { command?: readonly string[]; cwd?: string } = {},
): Promise<EngineProcess> {
	const [program = process.execPath, ...args] = options.command ?? [
		process.execPath,
		'--max-semi-space-size=16', // as `npm start`
		MAIN,
		'start',
		'--json',
	];
	const child = spawn(program, args, {
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		env: {
			...ownEnvironment(),
			CAPSCHEDULER_PORT: '0',
			CAPSCHEDULER_LOG: 'info:json',
			...settings,
		},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	running.add(child);
	child.once('exit', () => running.delete(child));
	let log = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		log = (log + text).slice(-200_000);
	});
	const ended = once(child, 'exit').then(([code, signal]) => ({
		code: code as number | null,
		signal: signal as NodeJS.Signals | null,
	}));
	// A fault may make it hang before it is up.
	const late = setTimeout(() => child.kill('SIGKILL'), UP_WITHIN);
	const greeting = await Promise.race([firstLine(child), ended.then(() => null)]);
	clearTimeout(late);
	if (greeting === null) {
		const { code, signal } = await ended;
		throw new EngineDied(`ended (${signal ?? `code ${code}`}) before it was up; it wrote:\n${log}`);
	}
	const { url, firstKey, pid } = JSON.parse(greeting) as {
		url: string;
		firstKey: string | null;
		pid: number;
	};
	return {
		url,
		firstKey,
		pid,
		ended,
		log: () => log,
		async kill(signal = 'SIGKILL') {
			child.kill(signal);
			await ended;
		},
	};
}

/** The settings of the machine's own shell must not reach the engine under test. */
function ownEnvironment(): NodeJS.ProcessEnv {
	return Object.fromEntries(
		Object.entries(process.env).filter(
			([name]) => !name.startsWith('CAPSCHEDULER_') && name !== 'NODE_OPTIONS',
		),
	);
}

async function firstLine(child: ChildProcess): Promise<string> {
	let text = '';
	return new Promise((resolve) => {
		child.stdout?.setEncoding('utf8').on('data', (more: string) => {
			text += more;
			const end = text.indexOf('\n');
			if (end >= 0) resolve(text.slice(0, end));
		});
	});
}

/** A client of the REST API that fails loudly. */
export function createClient(
	url: string,
	key: string,
): <T>(
	method: string,
	path: string,
	body?: unknown,
	headers?: Readonly<Record<string, string>>,
) => Promise<T> {
	return async <T>(
		method: string,
		path: string,
		body?: unknown,
		headers?: Readonly<Record<string, string>>,
	): Promise<T> => {
		const response = await fetch(url + path, {
			method,
			headers: {
				authorization: `Bearer ${key}`,
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
				...headers,
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return (text === '' ? null : JSON.parse(text)) as T;
	};
}

/** Every item of a list route, page by page. */
export async function listAll<T>(
	client: ReturnType<typeof createClient>,
	path: string,
): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | null = null;
	do {
		const separator = path.includes('?') ? '&' : '?';
		const at: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
		const page = await client<{ items: T[]; nextCursor: string | null }>(
			'GET',
			`${path}${separator}limit=200${at}`,
		);
		items.push(...page.items);
		cursor = page.nextCursor;
	} while (cursor !== null);
	return items;
}
