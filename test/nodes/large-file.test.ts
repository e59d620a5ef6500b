import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';

const MB = 1e6;
const PROGRAM = join(import.meta.dirname, 'support', 'large-file.ts');

let folder: DataFolder;
let engine: EngineProcess;
beforeAll(async () => {
	folder = await makeDataFolder();
	const out = join(folder.path, 'out');
	await mkdir(out);
	engine = await startEngineProcess({
		CAPSCHEDULER_DATA_DIR: join(folder.path, 'data'),
		CAPSCHEDULER_FILE_ROOTS: out,
	});
	await createClient(engine.url, engine.firstKey!)('POST', '/v1/destinations', {
		name: 'out',
		channel: 'file',
		settings: { folder: out },
	});
});
afterAll(async () => {
	await killEngines();
	await folder.remove();
});

/** What the CSV must be: the rows are all the same. */
function expected(bytes: number): { size: number; sha256: string } {
	const note = 'lorem ipsum "dolor" sit amet, '.repeat(4);
	const line = `${JSON.stringify({ id: 1, note })}\n`;
	const rows = Math.ceil(bytes / (line.length * 500)) * 500;
	const row = `1,"${note.replaceAll('"', '""')}"\r\n`;
	const hash = createHash('sha256').update('id,note\r\n');
	for (let done = 0; done < rows; done += 500) hash.update(row.repeat(500));
	return { size: 'id,note\r\n'.length + rows * row.length, sha256: hash.digest('hex') };
}

test.each(['format', 'deliver'])(
	'a file of 100 MB passes through the node "%s" with less than 100 MB of memory',
	async (node) => {
		const child = spawn(
			process.execPath,
			[PROGRAM, engine.url, engine.firstKey ?? '', node, '100'],
			{
				env: {
					...process.env,
					N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem',
					N8N_USER_FOLDER: join(folder.path, 'n8n'),
				},
				stdio: ['ignore', 'pipe', 'inherit'],
			},
		);
		let text = '';
		child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
		const [code] = (await once(child, 'close')) as [number | null];
		expect(code).toBe(0);
		const { growth, ...came } = JSON.parse(text.trim().split('\n').at(-1) ?? '') as {
			growth: number;
		};
		expect(came).toEqual({ ...expected(100 * MB), mode: 'filesystem-v2' });
		expect(growth).toBeLessThan(100 * MB);
	},
	180_000,
);
