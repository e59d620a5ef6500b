import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { killEngines } from '../support/engine-process.ts';
import { killAroundSends } from '../support/killed-sends.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

/*
 * An engine that dies between a send and its record sends again. What that does is the channel's to say; here it is
 * shown for those that need no server. The others: test/servers/killed-sends.test.ts.
 */

const CSV = 'id,name\r\n1,a\r\n2,b\r\n';

/** Three engines, one after the other, on a machine that may be busy. */
const PATIENCE = 180_000;

let folder: string;
let hook: Receiver;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-killed-out-'));
	hook = await startReceiver();
});
afterEach(async () => {
	await hook.close();
	await rm(folder, { recursive: true, force: true });
});
afterAll(killEngines);

/** Whether the marker is there; then so must all that it speaks of be. */
async function markedWhole(out: string): Promise<boolean> {
	if (!(await readdir(out)).includes('rows.csv.done')) return false;
	const read = async (name: string) => readFile(join(out, `rows.csv${name}`), 'utf8');
	expect(await read('')).toBe(CSV);
	for (const algorithm of ['sha256', 'md5']) {
		const sum = createHash(algorithm).update(CSV).digest('hex');
		expect(await read(`.${algorithm}`)).toBe(`${sum}  rows.csv\n`);
	}
	const sha256 = createHash('sha256').update(CSV).digest('hex');
	expect(JSON.parse(await read('.manifest.json')).files).toMatchObject([{ sha256 }]);
	return true;
}

describe('a delivery whose engine was killed before a send, and after one', () => {
	it.each(['suffix', 'replace', 'refuse'])(
		'into a folder leaves one file, and nothing beside it (%s)',
		async (overwrite) => {
			const out = join(folder, 'out');
			await mkdir(out);
			const target = { channel: 'file', settings: { folder: '.', overwrite }, format: 'csv' };
			const { delivery } = await killAroundSends(
				{ ...target, filename: 'rows.csv' },
				{ CAPSCHEDULER_FILE_ROOTS: out },
			);
			expect(delivery).toMatchObject({ state: 'delivered', attempt: 3 });
			expect(await readdir(out)).toEqual(['rows.csv']);
			expect(await readFile(join(out, 'rows.csv'), 'utf8')).toBe(CSV);
			expect(delivery.attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
				'unknown',
				'unknown',
				'delivered',
			]);
		},
		PATIENCE,
	);

	it.each(['suffix', 'replace'])(
		'between a file and what lies beside it: the marker is there when all else is, and in the end all are (%s)',
		async (overwrite) => {
			const out = join(folder, 'out');
			await mkdir(out);
			const older = overwrite === 'replace' ? ['rows.csv', 'rows.csv.sha256', 'rows.csv.done'] : [];
			for (const name of older) await writeFile(join(out, name), 'of yesterday');
			const sidecars = { checksums: ['sha256', 'md5'], manifest: true, done: true };
			const target = { channel: 'file', settings: { folder: '.', overwrite }, format: 'csv' };
			const looks: boolean[] = [];
			const { delivery } = await killAroundSends(
				{ ...target, filename: 'rows.csv', sidecars },
				{ CAPSCHEDULER_FILE_ROOTS: out },
				{
					at: ['deliver.after:1', 'deliver.after:4', 'deliver.after:5'],
					look: async () => {
						looks.push(await markedWhole(out));
					},
				},
			);
			expect(looks).toEqual([false, false, true]);
			expect(delivery).toMatchObject({ state: 'delivered', attempt: 4 });
			expect(await markedWhole(out)).toBe(true);
			expect(await readdir(out)).toHaveLength(5);
		},
		PATIENCE,
	);

	it(
		'to a webhook says the same twice, under one id',
		async () => {
			const settings = { url: hook.url };
			const { delivery } = await killAroundSends({ channel: 'webhook', settings, format: 'csv' });
			expect(delivery.state).toBe('delivered');
			expect(hook.received).toHaveLength(2);
			for (const { headers, body } of hook.received) {
				expect(headers['webhook-id']).toBe(delivery.id);
				expect(headers['idempotency-key']).toBe(delivery.id);
				expect(body.toString()).toBe(CSV);
			}
		},
		PATIENCE,
	);
});
