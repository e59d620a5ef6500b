import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadOrCreateKeyFile } from '../../../engine/security/key-file.ts';
import { parseKeys } from '../../../engine/security/keys.ts';

describe('the key file', () => {
	let folder: string;
	let path: string;
	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-key-'));
		path = join(folder, 'data', 'engine.key');
	});
	afterEach(async () => {
		await rm(folder, { recursive: true, force: true });
	});

	it('is made once, readable by its owner only, and read again', async () => {
		const [first] = await loadOrCreateKeyFile(path);
		expect((await stat(path)).mode & 0o777).toBe(0o600);
		const [again] = await loadOrCreateKeyFile(path);
		expect(again?.key.equals(first?.key as never)).toBe(true);
		expect(await readdir(join(folder, 'data'))).toEqual(['engine.key']);
	});

	it('holds one line that CAPSCHEDULER_KEYS takes', async () => {
		const [made] = await loadOrCreateKeyFile(path);
		const [read] = parseKeys((await readFile(path, 'utf8')).trim());
		expect(read?.key.equals(made?.key as never)).toBe(true);
	});

	it('is one key for engines that start at once', async () => {
		const made = await Promise.all(
			Array.from({ length: 10 }, async () => loadOrCreateKeyFile(path)),
		);
		const texts = new Set(made.map(([key]) => key?.key.export().toString('hex')));
		expect(texts.size).toBe(1);
	});

	it('is refused when others can read it', async () => {
		await loadOrCreateKeyFile(path);
		await chmod(path, 0o644);
		await expect(loadOrCreateKeyFile(path)).rejects.toThrow('expected mode 0600, got 0644');
	});
});
