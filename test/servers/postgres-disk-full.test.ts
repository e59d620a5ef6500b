import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import { createClient, startEngineProcess } from '../support/engine-process.ts';
import { usePostgresBed } from '../support/postgres-bed.ts';
import { newSchema, openPostgresStore, runSql } from '../support/postgres-store.ts';
import { run, userIds } from './process.ts';

/* The tables on a disk of their own that becomes full, under three engines (P9). */

const bed = usePostgresBed({ durable: true });
let folder: string;
let disk: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'cap-pg-full-'));
	await run('chmod', ['755', folder]);
	disk = join(folder, 'disk');
	await mkdir(disk);
	await run('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0777', 'tmpfs', disk]);
	await mkdir(join(disk, 'tables'));
	const { uid, gid } = await userIds('postgres');
	await chown(join(disk, 'tables'), uid, gid);
	await runSql(bed.server.port, `CREATE TABLESPACE small LOCATION '${join(disk, 'tables')}'`);
	await runSql(bed.server.port, 'ALTER DATABASE postgres SET default_tablespace = small');
});
afterAll(async () => {
	await run('umount', ['--lazy', disk]);
	await rm(folder, { recursive: true, force: true });
});

it('refuses with STORAGE_FULL while there is no room, goes on when there is, and has lost nothing', async () => {
	const schema = newSchema();
	const settings = bed.settings(schema);
	const engines = await Promise.all([1, 2, 3].map(async () => startEngineProcess(settings)));
	const key = engines.flatMap(({ firstKey }) => firstKey ?? [])[0] ?? '';
	const client = createClient(engines[0]?.url ?? '', key);
	const job = await bed.oracle.schedule(client, { schedules: 6, limit: 12 });

	await fill(join(disk, 'ballast'));
	// Pages that are there have room left for a while: until one is asked for that is not.
	let sent = 0;
	let refused: { status: number; body: { code: string } } | null = null;
	while (refused === null) {
		const at = engines[sent++ % 3]?.url ?? '';
		const description = randomBytes(6_000).toString('base64');
		const response = await fetch(`${at}/v1/capabilities/c-${sent}`, {
			method: 'PUT',
			headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
			body: JSON.stringify({
				binding: { type: 'http', url: 'http://127.0.0.1:9/' },
				actions: { go: { parameters: { type: 'object', description } } },
			}),
		});
		const body = (await response.json()) as { code: string };
		if (!response.ok) refused = { status: response.status, body };
	}
	expect(refused).toMatchObject({ status: 503, body: { code: 'STORAGE_FULL' } });
	await rm(join(disk, 'ballast'));

	await bed.oracle.untilQuiet(bed.server.port, schema);
	await bed.oracle.check(client, job);
	for (const engine of engines) await engine.kill('SIGTERM');
	const { store, close } = await openPostgresStore(bed.server.port, systemClock, { schema });
	const findings = await store.doctor(systemClock.now());
	await close();
	expect(findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
}, 240_000);

/** Until nothing more goes onto the disk. */
async function fill(file: string): Promise<void> {
	const piece = Buffer.alloc(64 * 1024);
	for (let size = piece.length; size > 0;) {
		const part = piece.subarray(0, size);
		const written = await writeFile(file, part, { flag: 'a' }).then(
			() => true,
			() => false,
		);
		if (!written) size = Math.floor(size / 2);
	}
}
