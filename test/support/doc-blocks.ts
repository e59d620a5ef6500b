import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The fenced blocks of a page that are marked `test=<name>`, as they are printed. */
export function blocksOf(page: string, name: string): string[] {
	const text = readFileSync(`${ROOT}${page}`, 'utf8');
	const blocks = text.matchAll(/^```sh test=(\S+)\n([\s\S]*?)^```$/gm);
	return [...blocks].filter(([, marked]) => marked === name).map(([, , code = '']) => code);
}

const BETWEEN = '\u001e';

/**
 * Pastes the blocks into one shell, one after the other, as a reader does. What they leave running is ended.
 * @returns what each printed
 */
export async function paste(
	blocks: readonly string[],
	options: { cwd: string; variables: Readonly<Record<string, string>> },
): Promise<string[]> {
	const script = blocks.map((block) => `${block}\nprintf '${BETWEEN}'\n`).join('');
	const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
		cwd: options.cwd,
		env: { PATH: process.env['PATH'], HOME: options.cwd, ...options.variables },
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: true,
	});
	let output = '';
	let errors = '';
	shell.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
	shell.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
	const [code] = (await once(shell, 'exit')) as [number | null];
	try {
		process.kill(-(shell.pid ?? 0), 'SIGKILL');
	} catch {
		// nothing was left
	}
	if (code !== 0) throw new Error(`the shell ended with ${code}\n${output}\n${errors}`);
	return output.split(BETWEEN).slice(0, blocks.length);
}
