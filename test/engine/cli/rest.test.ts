import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { isWorthIt } from '../../../engine/cli/rest.ts';

const REST = new URL('../../../engine/cli/rest.ts', import.meta.url).href;
const MB = 1e6;

/** Objects that live for a while, until V8 has made all the room for short-lived ones that it may. */
const WORK = `
	const { giveBack, giveBackWhileResting, youngBytes } = await import(${JSON.stringify(REST)});
	let kept = [];
	for (let i = 0; i < 6_000_000; i++) {
		if (i % 400_000 === 0) kept = [];
		kept.push({ i });
	}
	const before = youngBytes();
`;
const AT_ONCE = `
	giveBack();
	console.log(JSON.stringify({ before, after: youngBytes(), exposed: typeof globalThis.gc }));
`;

/** Something is due at the first look; it ends by itself, though the looking goes on. */
const RESTING = `
	const looks = [];
	giveBackWhileResting(async () => {
		looks.push(youngBytes());
		return looks.length === 1 ? 2_999 : 3_000;
	}, 300);
	const alive = setInterval(() => {
		if (youngBytes() > 8_000_000) return;
		clearInterval(alive);
		console.log(JSON.stringify({ looks, after: youngBytes() }));
	}, 50);
`;

async function run(program: string): Promise<Record<string, unknown>> {
	const flags = ['--max-semi-space-size=16', '--input-type=module', '--eval'];
	const { stdout } = await promisify(execFile)(process.execPath, [...flags, WORK + program], {
		timeout: 50_000,
	});
	return JSON.parse(stdout) as Record<string, unknown>;
}

describe('an engine that rests', () => {
	it.each([
		['rests, and holds much', { elapsed: 10_000, cpu: 50, young: 33 * MB }, true],
		['works', { elapsed: 10_000, cpu: 400, young: 33 * MB }, false],
		['rests, and holds little', { elapsed: 10_000, cpu: 50, young: 2 * MB }, false],
	])('that %s: memory goes back %#', (_name, look, worthIt) => {
		expect(isWorthIt(look)).toBe(worthIt);
	});

	it('gives memory for short-lived objects back to the system, and shows nobody how', async () => {
		const { before, after, exposed } = await run(AT_ONCE);
		expect(before).toBeGreaterThan(8 * MB);
		expect(after).toBeLessThan(3 * MB);
		expect(exposed).toBe('undefined');
	}, 60_000);

	it('looks for a moment in which nothing is due, and keeps no process alive', async () => {
		const { looks, after } = (await run(RESTING)) as { looks: number[]; after: number };
		expect(looks.map((young) => young > 8 * MB)).toEqual([true, true]);
		expect(after).toBeLessThan(3 * MB);
	}, 60_000);
});
