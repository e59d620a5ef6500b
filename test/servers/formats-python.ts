import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { pythonEnv } from './python-env.ts';

const execute = promisify(execFile);

/** Readers of files that are not ours. */
const PACKAGES = ['openpyxl==3.1.5', 'pyarrow==26.0.1', 'duckdb==2.0.1'];

/** Runs a program with those packages; what it prints is JSON. @throws with what it wrote to stderr, even if it went on */
export async function askPython<T>(program: string, parameters: readonly string[]): Promise<T> {
	const programs = await pythonEnv('formats', PACKAGES);
	const { stdout, stderr } = await execute(
		`${programs}/python`,
		['-W', 'error', '-c', program, ...parameters],
		{ maxBuffer: 200_000_000 },
	);
	if (stderr !== '') throw new Error(stderr);
	return JSON.parse(stdout) as T;
}
