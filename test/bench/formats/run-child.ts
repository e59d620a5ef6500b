import { spawnSync } from 'node:child_process';

import { ENGINE_NODE } from '../child.ts';

/** @returns what the program prints, which is JSON @throws with what it wrote to standard error */
export function runChild<T>(program: string, parameters: readonly string[]): T {
	const flags = [...ENGINE_NODE, program, ...parameters];
	const { stdout, stderr, status } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
	if (status !== 0) throw new Error(`${parameters.join(' ')}: ${stderr}`);
	return JSON.parse(stdout) as T;
}
