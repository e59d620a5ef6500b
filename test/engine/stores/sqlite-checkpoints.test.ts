import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { FaultPoints } from '../../../engine/contract/fault-points.ts';
import { createFaults, noFaults } from '../../../engine/faults.ts';
import type { CheckpointSizes } from '../../../engine/stores/sqlite/checkpointer.ts';
import type { StoreFault } from '../../../engine/stores/sqlite/context.ts';
import type { SqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { keyOf } from '../../conformance/store-access.ts';
import type { Bench } from '../../conformance/store.ts';
import { createRecords, testClock } from '../../support/store-records.ts';

const PAGE = 4096;
/** In pages: a hundredth of the real ones. */
const SIZES: CheckpointSizes = { begin: 40, wait: 160, finish: 10, alarm: 640 };

let folder = '';
let open: SqliteStore[] = [];
let told: StoreFault[] = [];
const clock = testClock();
const records = createRecords(clock);

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-checkpoints-'));
	told = [];
});
afterEach(async () => {
	for (const store of open) await store.close();
	open = [];
	await rm(folder, { recursive: true });
});

async function opened(faults: FaultPoints = noFaults): Promise<SqliteStore> {
	const store = createSqliteStore({
		folder,
		clock,
		faults,
		onFault: (fault) => told.push(fault),
		checkpoints: SIZES,
	});
	await store.open();
	open.push(store);
	return store;
}

/** About two and a half pages. */
const key = () => ({ ...keyOf({ records } as Bench), name: 'x'.repeat(10_000) });
const logSize = async () => (await stat(join(folder, 'capscheduler.db-wal'))).size / PAGE;

/** Pages in the log and how many of them are in the database. */
function logOf({ database }: SqliteStore): { log: number; checkpointed: number } {
	const { log, checkpointed } = database.sql('PRAGMA wal_checkpoint(NOOP)').get() as {
		log: number;
		checkpointed: number;
	};
	return { log, checkpointed };
}

/** One after another, until it is so. */
async function writeUntil(store: SqliteStore, done: () => boolean): Promise<number> {
	let written = 0;
	while (!done()) {
		await store.putKey(key(), []);
		if (++written > 20_000) throw new Error('it never came to be');
	}
	return written;
}

/** Until the log has begun anew so many times. */
async function writeLogs(store: SqliteStore, logs: number): Promise<number> {
	let before = 0;
	let begun = 0;
	return writeUntil(store, () => {
		const { log } = logOf(store);
		if (log < before) begun++;
		before = log;
		return begun >= logs;
	});
}

describe('the log of the database', () => {
	it('is written back by a thread and begins anew while others go on writing', async () => {
		const store = await opened();
		const exec = jest.spyOn(DatabaseSync.prototype, 'exec');
		const written = await writeLogs(store, 10);
		expect(await logSize()).toBeLessThan(SIZES.begin + 3 * SIZES.wait);
		expect(exec.mock.calls.filter(([sql]) => sql.includes('checkpoint'))).toEqual([]);
		exec.mockRestore();
		expect(store.database.sql('PRAGMA wal_autocheckpoint').get()).toEqual({
			wal_autocheckpoint: 0,
		});
		expect(await store.countKeys()).toBe(written);
		expect(told).toEqual([]);
	});

	it('is all written back in a quiet moment, so that no commit waits for it', async () => {
		const store = await opened();
		await writeUntil(store, () => logOf(store).log >= SIZES.begin + 10);
		for (let { log, checkpointed } = logOf(store); checkpointed < log;) {
			await new Promise((resolve) => setTimeout(resolve, 5));
			({ log, checkpointed } = logOf(store));
		}
		await store.putKey(key(), []);
		expect(logOf(store).log).toBeLessThan(SIZES.begin);
	});

	it('is in the database when the store is closed, and all of it is there again', async () => {
		const store = await opened();
		const written = await writeLogs(store, 2);
		await store.close();
		open = [];
		await expect(logSize()).rejects.toMatchObject({ code: 'ENOENT' });
		const again = await opened();
		expect(await again.countKeys()).toBe(written);
		expect(again.database.sql('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
	});

	it('grows while somebody reads in it, is told of, and begins anew when he has left', async () => {
		const store = await opened();
		await store.putKey(key(), []);
		const reader = new DatabaseSync(store.database.file, { readOnly: true });
		reader.exec('BEGIN');
		const seen = reader.prepare('SELECT count(*) AS n FROM api_keys');
		expect(seen.get()).toEqual({ n: 1 });
		const written = await writeUntil(store, () => told.length === 2);
		const pages = told.map(({ where, error }) => {
			expect(where).toBe('checkpoint');
			return Number(/has (\d+) pages, since somebody/.exec((error as Error).message)?.[1]);
		});
		expect(pages[0]).toBeGreaterThanOrEqual(SIZES.alarm);
		expect(pages[1]).toBeGreaterThanOrEqual((pages[0] ?? 0) * 2);
		expect(seen.get()).toEqual({ n: 1 });
		expect(await store.countKeys()).toBe(written + 1);
		reader.exec('COMMIT');
		const more = await writeLogs(store, 3);
		reader.close();
		expect(logOf(store).log).toBeLessThan(SIZES.wait);
		expect(await store.countKeys()).toBe(written + more + 1);
	});

	it('is written back on the main thread when the other one has died, which is told', async () => {
		const store = await opened();
		const threads: Worker[] = [];
		const post = jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (
			this: Worker,
		) {
			threads.push(this);
		});
		// it hears of nothing, so the first pass is under way until it dies
		let written = await writeUntil(store, () => threads.length > 0);
		post.mockRestore();
		await threads[0]?.terminate();
		written += await writeLogs(store, 3);
		expect(told.map(({ where, error }) => [where, (error as Error).message])).toEqual([
			['checkpoint', 'the thread of the checkpoints ended by itself'],
		]);
		expect(store.database.sql('PRAGMA wal_autocheckpoint').get()).toEqual({
			wal_autocheckpoint: SIZES.begin,
		});
		expect(await store.countKeys()).toBe(written);
	});

	it('lets nothing be written any more when the disk fails while it is written back', async () => {
		const store = await opened(createFaults('checkpoint.sync:1:throw'));
		const refused = { code: 'STORAGE_UNAVAILABLE' };
		await expect(writeUntil(store, () => false)).rejects.toMatchObject(refused);
		await expect(store.countKeys()).rejects.toMatchObject(refused);
		await store.close();
		open = [];
		await (await opened()).putKey(key(), []);
	});

	it.each(['checkpoint.begun', 'checkpoint.sync'])(
		'has all that was told after a kill -9 at %s',
		async (point) => {
			for (const count of [1, 3, 7]) {
				const child = spawnSync(process.execPath, ['--input-type=module', '--eval', CHILD], {
					env: {
						FOLDER: folder,
						FAULT: `${point}:${count}:kill`,
						SIZES: JSON.stringify(SIZES),
						ROOT: new URL('../../../', import.meta.url).href,
					},
					encoding: 'utf8',
				});
				expect(child.signal).toBe('SIGKILL');
				const ids = child.stdout.trim().split('\n');
				expect(ids.length).toBeGreaterThan(5);
				const store = await opened();
				for (const id of ids) expect(await store.getKey(id as `key_${string}`)).not.toBeNull();
				expect(store.database.sql('PRAGMA integrity_check').get()).toEqual({
					integrity_check: 'ok',
				});
				await store.close();
				open = [];
			}
		},
	);
});

/** Writes keys, a few at a time, and tells of each when its promise has resolved. */
const CHILD = `
	import { writeSync } from 'node:fs';
	const { ROOT, FOLDER, FAULT, SIZES } = process.env;
	const { createSqliteStore } = await import(ROOT + 'engine/stores/sqlite/store.ts');
	const { createFaults } = await import(ROOT + 'engine/faults.ts');
	const { systemClock } = await import(ROOT + 'engine/clock.ts');
	const store = createSqliteStore({
		folder: FOLDER,
		clock: systemClock,
		faults: createFaults(FAULT),
		checkpoints: JSON.parse(SIZES),
	});
	await store.open();
	const name = 'x'.repeat(10000);
	const write = async (id) => {
		await store.putKey({ id, tenant: 'default', name, hash: 'x', scopes: [], createdAt: 0 }, []);
		writeSync(1, id + '\\n');
	};
	for (let i = 0; i < 5000; i++) {
		const keys = [1, 2, 3].map((n) => 'key_' + process.pid + '_' + i + '_' + n);
		await Promise.all(keys.map(write));
	}
`;
