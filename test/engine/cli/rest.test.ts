import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { isWorthIt } from '../../../engine/cli/rest.ts';

const REST = new URL('../../../engine/cli/rest.ts', import.meta.url).href;
const MB = 1e6;

/** Objects that live for a while, until V8 has made all the room for short-lived ones that it may. */
const PROGRAM = `
	const { giveBack, youngBytes } = await import(${JSON.stringify(REST)});
	let kept = [];
	for (let i = 0; i < 6_000_000; i++) {
		if (i % 400_000 === 0) kept = [];
		kept.push({ i });
	}
	const before = youngBytes();
	giveBack();
	console.log(JSON.stringify({ before, after: youngBytes(), exposed: typeof globalThis.gc }));
`;

describe('an engine that rests', () => {
	it.each([
		['rests, and holds much', { elapsed: 10_000, cpu: 50, young: 33 * MB }, true],
		['works', { elapsed: 10_000, cpu: 400, young: 33 * MB }, false],
		['rests, and holds little', { elapsed: 10_000, cpu: 50, young: 2 * MB }, false],
	])('that %s: memory goes back %#', (_name, look, worthIt) => {
		expect(isWorthIt(look)).toBe(worthIt);
	});

	it('gives memory for short-lived objects back to the system, and shows nobody how', async () => {
		const { stdout } = await promisify(execFile)(process.execPath, [
			'--max-semi-space-size=16',
			'--input-type=module',
			'--eval',
			PROGRAM,
		]);
		const { before, after, exposed } = JSON.parse(stdout) as Record<string, number | string>;
		expect(before).toBeGreaterThan(8 * MB);
		expect(after).toBeLessThan(3 * MB);
		expect(exposed).toBe('undefined');
	}, 60_000);
});
