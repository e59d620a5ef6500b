import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { runCli as runHere } from '../../engine/cli/program.ts';

const MAIN = fileURLToPath(new URL('../../engine/bin/capscheduler.js', import.meta.url));

export interface CliResult {
	code: number;
	stdout: string;
	stderr: string;
	/** Standard output as JSON. */
	json(): Record<string, unknown>;
}

type Settings = Readonly<Record<string, string>>;

function resultOf(code: number, stdout: string, stderr: string): CliResult {
	return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}

/** Runs one command line with these settings and no others, in a process of its own. */
export async function spawnCli(
	args: readonly string[],
	settings: Settings = {},
): Promise<CliResult> {
	const child = spawn(process.execPath, [MAIN, ...args], {
		env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...settings },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let stdout = '';
	let stderr = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
	child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
	const [code] = (await once(child, 'close')) as [number | null];
	return resultOf(code ?? -1, stdout, stderr);
}

/** The same in this process, which takes milliseconds; one at a time. */
export async function runCli(args: readonly string[], settings: Settings = {}): Promise<CliResult> {
	const out = record(process.stdout);
	const err = record(process.stderr);
	const before = { ...process.env };
	for (const name of Object.keys(before)) {
		if (name.startsWith('CAPSCHEDULER_')) Reflect.deleteProperty(process.env, name);
	}
	Object.assign(process.env, settings);
	try {
		const code = await runHere(args);
		return resultOf(code, out.text(), err.text());
	} finally {
		out.stop();
		err.stop();
		for (const name of Object.keys(settings)) Reflect.deleteProperty(process.env, name);
		Object.assign(process.env, before);
	}
}

/** Takes what is written to a stream instead of it. */
function record(stream: NodeJS.WriteStream): { text(): string; stop(): void } {
	const write = stream.write.bind(stream);
	const chunks: Buffer[] = [];
	stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
		chunks.push(Buffer.from(chunk as string));
		const done = rest.at(-1);
		if (typeof done === 'function') process.nextTick(done);
		return true;
	};
	return {
		text: () => Buffer.concat(chunks).toString('utf8'),
		stop: () => {
			stream.write = write;
		},
	};
}
