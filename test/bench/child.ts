import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program of the benchmark in a process of its own: lines of JSON come out, lines of text go in. */
export interface Child {
	pid: number;
	/** The next line that it prints. @throws when it ends instead, with what it wrote to standard error */
	next<T>(): Promise<T>;
	say(line: string): void;
	/** Waits for its end. @throws when it failed */
	finish(): Promise<void>;
	kill(): Promise<void>;
}

/** Options of Node that the engine is started with, as by `npm start` and its bin. */
export const ENGINE_NODE: readonly string[] = ['--max-semi-space-size=16'];

const running = new Set<ChildProcess>();
process.once('exit', () => {
	for (const child of running) child.kill('SIGKILL');
});

export function startChild(
	program: string,
	options: { args?: string[]; input?: unknown; node?: readonly string[] },
): Child {
	const { args = [], input, node = [] } = options;
	const child = spawn(process.execPath, [...node, program, ...args], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: cleanEnvironment(),
	});
	running.add(child);
	const ended = once(child, 'close').then(([code]) => {
		running.delete(child);
		return code as number | null;
	});
	let log = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		log = (log + text).slice(-8000);
	});
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const died = (code: number | null): Error => new Error(`${program} ended (${code})\n${log}`);
	child.stdin.on('error', () => undefined);
	if (input !== undefined) child.stdin.write(`${JSON.stringify(input)}\n`);
	return {
		pid: child.pid ?? 0,
		async next<T>() {
			const line = await lines.next();
			if (line.done === true) throw died(await ended);
			return JSON.parse(line.value) as T;
		},
		say(line) {
			child.stdin.write(`${line}\n`);
		},
		async finish() {
			child.stdin.end();
			const code = await ended;
			if (code !== 0) throw died(code);
		},
		async kill() {
			child.kill('SIGKILL');
			await ended;
		},
	};
}

/** Gives a program its input, and takes its one answer. */
export async function askChild<T>(program: string, input: unknown): Promise<T> {
	const child = startChild(program, { input });
	const answer = await child.next<T>();
	await child.finish();
	return answer;
}

/** Settings of the machine's own shell must not reach what is measured. */
function cleanEnvironment(): NodeJS.ProcessEnv {
	return Object.fromEntries(
		Object.entries(process.env).filter(
			([name]) =>
				!name.startsWith('CAPSCHEDULER_') && !name.startsWith('PG') && name !== 'NODE_OPTIONS',
		),
	);
}
