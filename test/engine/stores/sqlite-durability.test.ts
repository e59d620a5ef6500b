import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { createFaults, noFaults } from '../../../engine/faults.ts';
import type { SqliteStore, SqliteStoreOptions } from '../../../engine/stores/sqlite/store.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { keyOf } from '../../conformance/store-access.ts';
import { claim, oneClaimed } from '../../conformance/store-runs.ts';
import type { Bench } from '../../conformance/store.ts';
import { createRecords, event, T0, TENANT, testClock } from '../../support/store-records.ts';

let folder = '';
let open: SqliteStore[] = [];
const slow: (() => void)[] = [];
const clock = testClock();
const records = createRecords(clock);

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-sqlite-'));
});
afterEach(async () => {
	for (const release of slow.splice(0)) release();
	for (const store of open) await store.close();
	open = [];
	await rm(folder, { recursive: true });
});

async function opened(options: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore> {
	const store = createSqliteStore({ folder, clock, faults: noFaults, ...options });
	await store.open();
	open.push(store);
	return store;
}

async function closed(store: SqliteStore): Promise<void> {
	await store.close();
	open = open.filter((other) => other !== store);
}

const bench = (store: SqliteStore): Bench => ({ store, clock, records });
const key = () => keyOf({ records } as Bench);

describe('group commit', () => {
	it('lets writes that come at once share one commit', async () => {
		const store = await opened();
		const before = store.commits();
		await Promise.all(Array.from({ length: 200 }, () => store.putKey(key(), [])));
		expect(store.commits() - before).toBe(1);
		expect(await store.countKeys()).toBe(200);
	});

	it('rejects the write that fails, with its events, and makes the others', async () => {
		const store = await opened();
		const taken = key();
		const writes = [taken, key(), taken, key()].map((record, i) =>
			store.putKey(record, [event('key.created', { n: String(i) })]),
		);
		const outcomes = (await Promise.allSettled(writes)).map(({ status }) => status);
		expect(outcomes).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
		const events = await store.readEvents(TENANT, null, 10);
		expect(events.map(({ subject }) => subject['n'])).toEqual(['0', '1', '3']);
		expect(await store.countKeys()).toBe(3);
	});

	it('waits for what was begun when it closes, and takes nothing after', async () => {
		const store = await opened();
		const write = store.putKey(key(), []);
		await closed(store);
		await expect(write).resolves.toMatchObject({ replayed: false });
		await expect(store.putKey(key(), [])).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
		expect(await (await opened()).countKeys()).toBe(1);
	});
});

const logOf = ({ database }: SqliteStore): Buffer => readFileSync(`${database.file}-wal`);

/** Keeps the disk from answering until `release`, and notes the log at each sync: what is on the disk after it. */
function slowDisk(store: SqliteStore) {
	const { promise, resolve } = Promise.withResolvers<void>();
	const synced: Buffer[] = [];
	slow.push(resolve);
	const { database } = store;
	const sync = database.sync.bind(database);
	database.sync = async () => {
		synced.push(logOf(store));
		await promise;
		await sync();
	};
	return { release: resolve, synced };
}

/** Until so many commits are made; what waits for the event loop has had many turns then. */
async function turns(store: SqliteStore, commits: number): Promise<void> {
	while (store.commits() < commits) await new Promise(setImmediate);
	for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

describe('what is not on the disk', () => {
	it('is told to nobody: no write resolves, no read answers, no event goes out', async () => {
		const store = await opened();
		await store.putKey(key(), []);
		const { release } = slowDisk(store);
		const heard: string[] = [];
		store.onEvents(() => heard.push('event'));
		const note = (what: string) => () => heard.push(what);
		const answers = [store.putKey(key(), [event('key.created', {})]).then(note('write'))];
		await turns(store, store.commits() + 1);
		answers.push(store.countKeys().then((count) => note(`read ${count}`)()));
		await turns(store, 0);
		expect(heard).toEqual([]);
		release();
		await Promise.all(answers);
		expect(heard.sort()).toEqual(['event', 'read 2', 'write']);
	});

	it('holds up what is written meanwhile, which then shares one commit', async () => {
		const store = await opened();
		const { release } = slowDisk(store);
		const before = store.commits();
		const writes = [store.putKey(key(), [])];
		await turns(store, before + 1);
		for (let i = 0; i < 50; i++) writes.push(store.putKey(key(), []));
		await turns(store, 0);
		release();
		await Promise.all(writes);
		expect(store.commits() - before).toBe(2);
		expect(await store.countKeys()).toBe(51);
	});

	it('is all that a loss of power takes', async () => {
		const store = await opened();
		await store.putKey(key(), []);
		const before = logOf(store);
		const { release, synced } = slowDisk(store);
		const write = store.putKey(key(), []);
		await turns(store, store.commits() + 1);
		const keysIn = async (log: Buffer | undefined): Promise<number> => {
			const copy = await mkdtemp(join(folder, 'copy-'));
			await copyFile(store.database.file, join(copy, 'capscheduler.db'));
			await writeFile(join(copy, 'capscheduler.db-wal'), log ?? '');
			return (await opened({ folder: copy })).countKeys();
		};
		expect(await keysIn(before)).toBe(1);
		release();
		await write;
		expect(await keysIn(synced[0])).toBe(2);
	});

	it('ends everything when it cannot get there, until the store is opened anew', async () => {
		const store = await opened({ faults: createFaults('commit.sync:2:throw') });
		await store.putKey(key(), []);
		const refused = { code: 'STORAGE_UNAVAILABLE' };
		const lost = key();
		const late = store.putKey(lost, []);
		await turns(store, store.commits());
		await expect(late).rejects.toMatchObject(refused);
		await expect(store.putKey(key(), [])).rejects.toMatchObject(refused);
		await expect(store.countKeys()).rejects.toMatchObject(refused);
		await expect(store.check()).rejects.toMatchObject(refused);
		await closed(store);
		const again = await opened();
		expect(await again.countKeys()).toBe(2);
		await again.putKey(key(), []);
		expect(await again.countKeys()).toBe(3);
	});

	it('waits to be synced when the store closes', async () => {
		const store = await opened();
		const { release } = slowDisk(store);
		const write = store.putKey(key(), []);
		await turns(store, store.commits() + 1);
		let over = false;
		const closing = closed(store).then(() => {
			over = true;
		});
		await turns(store, 0);
		expect(over).toBe(false);
		release();
		await closing;
		await expect(write).resolves.toMatchObject({ replayed: false });
	});
});

describe('fault points', () => {
	it('undoes the commit that fails before it, and goes on', async () => {
		const store = await opened({ faults: createFaults('commit.before:2:throw') });
		await store.putKey(key(), []);
		await expect(store.putKey(key(), [])).rejects.toThrow('injected fault');
		await store.putKey(key(), []);
		expect(await store.countKeys()).toBe(2);
	});

	it('keeps the commit whose answer is lost', async () => {
		const store = await opened({ faults: createFaults('commit.after:1:throw') });
		await expect(store.putKey(key(), [])).rejects.toThrow('injected fault');
		expect(await store.countKeys()).toBe(1);
	});

	it.each([
		['commit.before', 4],
		// Only a loss of power could take it now.
		['commit.sync', 5],
		['commit.after', 5],
	])(
		'has after a kill -9 at %s exactly what was committed',
		async (point, expected) => {
			const child = spawnSync(process.execPath, ['--input-type=module', '--eval', CHILD], {
				env: {
					FOLDER: folder,
					FAULT: `${point}:5:kill`,
					ROOT: new URL('../../../', import.meta.url).href,
				},
				encoding: 'utf8',
			});
			expect(child.signal).toBe('SIGKILL');
			const told = child.stdout.trim().split('\n').filter(Boolean);
			expect(told).toHaveLength(4);
			const store = await opened();
			expect(await store.countKeys()).toBe(expected);
			for (const id of told) expect(await store.getKey(id as `key_${string}`)).not.toBeNull();
			expect(store.database.sql('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
		},
		30_000,
	);
});

/** Writes one key after another, and tells of each when its promise has resolved. */
const CHILD = `
	import { writeSync } from 'node:fs';
	const { ROOT, FOLDER, FAULT } = process.env;
	const { createSqliteStore } = await import(ROOT + 'engine/stores/sqlite/store.ts');
	const { createFaults } = await import(ROOT + 'engine/faults.ts');
	const { systemClock } = await import(ROOT + 'engine/clock.ts');
	const store = createSqliteStore({ folder: FOLDER, clock: systemClock, faults: createFaults(FAULT) });
	await store.open();
	for (let i = 0; i < 10; i++) {
		const id = 'key_' + i;
		await store.putKey({ id, tenant: 'default', name: 'x', hash: 'x', scopes: [], createdAt: 0 }, []);
		writeSync(1, id + '\\n');
	}
`;

describe('the data folder', () => {
	it('is for one engine at a time, and says who has it', async () => {
		const store = await opened();
		await expect(opened()).rejects.toMatchObject({
			code: 'STORAGE_UNAVAILABLE',
			message: `data folder ${folder} is in use by another engine (pid ${process.pid})`,
		});
		await closed(store);
		await opened();
	});

	it('is free again when the process that held it is killed', async () => {
		const child = spawn(
			process.execPath,
			['--input-type=module', '--eval', `${CHILD}\nsetInterval(() => undefined, 1000);`],
			{
				env: { FOLDER: folder, FAULT: '', ROOT: new URL('../../../', import.meta.url).href },
				stdio: ['ignore', 'pipe', 'inherit'],
			},
		);
		for await (const text of child.stdout) if (String(text).includes('key_9')) break;
		await expect(opened()).rejects.toThrow(`(pid ${child.pid})`);
		child.kill('SIGKILL');
		await once(child, 'exit');
		expect(await (await opened()).countKeys()).toBe(10);
	});

	it('can be read by others meanwhile', async () => {
		const store = await opened();
		await store.putKey(key(), []);
		const reader = new DatabaseSync(join(folder, 'capscheduler.db'), { readOnly: true });
		expect(reader.prepare('SELECT count(*) AS n FROM api_keys').get()).toEqual({ n: 1 });
		reader.close();
	});

	it('is refused when a newer engine wrote it', async () => {
		await closed(await opened());
		const database = new DatabaseSync(join(folder, 'capscheduler.db'));
		database.exec('PRAGMA user_version = 99');
		database.close();
		await expect(opened()).rejects.toThrow('it was written by a newer engine');
	});

	it('is refused when the database is no database', async () => {
		await writeFile(join(folder, 'capscheduler.db'), 'nonsense '.repeat(1000));
		await expect(opened()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
	});

	it('loses half-written blobs at the next start, and nothing else', async () => {
		const store = await opened();
		const { ref } = await store.blobs.stage(Buffer.alloc(50_000, 1), { maxBytes: 1e6 });
		await closed(store);
		const left = join(folder, 'blobs', 'tmp', 'half');
		await writeFile(left, 'x');
		const again = await opened();
		await expect(stat(left)).rejects.toMatchObject({ code: 'ENOENT' });
		expect(await again.blobs.read(ref)).toHaveLength(50_000);
	});

	it('leaves nothing of a blob that was too large or whose source broke', async () => {
		const store = await opened();
		await expect(
			store.blobs.stage(Buffer.alloc(600_000), { maxBytes: 500_000 }),
		).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
		async function* broken(): AsyncIterable<Uint8Array> {
			for (let i = 0; i < 5; i++) yield await Promise.resolve(Buffer.alloc(200_000, i));
			throw new Error('connection lost');
		}
		await expect(store.blobs.stage(broken(), { maxBytes: 1e9 })).rejects.toThrow('connection lost');
		const find = spawnSync('find', [join(folder, 'blobs'), '-type', 'f'], { encoding: 'utf8' });
		expect(find.stdout).toBe('');
	});

	it('drops files that no record needs, after an hour', async () => {
		const store = await opened();
		const orphan = await store.blobs.stage(Buffer.alloc(50_000, 7), { maxBytes: 1e6 });
		const run = await oneClaimed(bench(store));
		const kept = await store.blobs.stage(Buffer.alloc(50_000, 8), { maxBytes: 1e6 });
		const result = records.result(run);
		result.record.blob = kept.ref;
		await store.settleRuns([
			records.success(run, { result: { record: result.record, inline: null } }),
		]);
		const pathOf = ({ sha256 }: { sha256: string }) =>
			join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2));
		for (const { ref } of [orphan, kept]) await utimes(pathOf(ref), T0 / 1000, T0 / 1000);
		const keep = { runs: 1e12, results: 1e12, ledger: 1e12, events: 1e12 };
		for (let i = 0; i < 256; i++) await store.prune(T0, keep, 10);
		expect((await stat(pathOf(orphan.ref))).size).toBe(50_000);
		clock.at = T0 + 7_200_000;
		for (let i = 0; i < 256; i++) await store.prune(clock.at, keep, 10);
		clock.at = T0;
		await expect(stat(pathOf(orphan.ref))).rejects.toMatchObject({ code: 'ENOENT' });
		expect(await store.blobs.read(kept.ref)).toHaveLength(50_000);
		expect(await claim(bench(store))).toEqual([]);
	});

	it('lets the doctor find what is broken', async () => {
		const store = await opened();
		const run = await oneClaimed(bench(store));
		const large = await store.blobs.stage(Buffer.alloc(50_000, 9), { maxBytes: 1e6 });
		const result = records.result(run);
		result.record.blob = large.ref;
		await store.settleRuns([
			records.success(run, { result: { record: result.record, inline: null } }),
		]);
		await store.createSchedule({
			schedule: records.schedule(),
			spec: records.spec(),
			timerAt: null,
			events: [],
		});
		expect((await store.doctor(T0)).map(({ code }) => code)).toEqual(['SCHEDULE_WITHOUT_TIMER']);
		await rm(join(folder, 'blobs', large.ref.sha256.slice(0, 2)), { recursive: true });
		store.database.exec(`
			UPDATE runs SET state = 'zombie';
			UPDATE blobs SET refs = 7;
			DELETE FROM specs;
			INSERT INTO run_attempts VALUES ('run_gone', 1, 1, NULL, 0, 0, 'failed', NULL);
		`);
		const codes = (await store.doctor(T0)).map(({ code }) => code);
		expect(codes).toEqual(
			expect.arrayContaining([
				'SCHEDULE_WITHOUT_TIMER',
				'SCHEDULE_IMPOSSIBLE',
				'RUN_IMPOSSIBLE',
				'BLOB_COUNT',
				'ORPHAN',
				'COUNT_WRONG',
				'BLOB_FILE_MISSING',
			]),
		);
	});

	it('heals timers that are lost, in steps, and forgets those without a row', async () => {
		const store = await opened();
		for (let i = 0; i < 5; i++) {
			const schedule = records.schedule();
			await store.createSchedule({ schedule, spec: records.spec(), timerAt: null, events: [] });
		}
		const run = await oneClaimed(bench(store));
		await store.settleRuns([
			records.change(run, 'retrying', {
				set: { state: 'retrying', owner: null, leaseUntil: null, readyAt: T0 + 70_000 },
				timer: { name: 'run.retry', at: T0 + 70_000 },
			}),
		]);
		store.database.exec(`
			DELETE FROM agenda_jobs;
			INSERT INTO agenda_jobs (id, name, next_run_at) VALUES ('run.deadline:run_x', 'run.deadline', 1);
		`);
		expect(await store.nextTimerAt()).toBe(1);
		let healed = 0;
		for (let i = 0; i < 10; i++) healed += await store.healTimers(2);
		expect(healed).toBe(7);
		expect(await store.nextTimerAt()).toBe(T0 + 60_000);
		expect((await store.counts()).timers).toBe(6);
		expect((await store.doctor(T0)).map(({ code }) => code)).toEqual([]);
	});
});

const mounted: string[] = [];

function mountSmall(path: string): boolean {
	const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path]);
	if (status === 0) mounted.push(path);
	return status === 0;
}

/** Only root can; everybody else is told loudly that nothing was tested. */
function canMount(): boolean {
	const path = mkdtempSync(join(tmpdir(), 'capscheduler-mount-'));
	const can = mountSmall(path);
	if (can) spawnSync('umount', [mounted.pop() ?? path]);
	else process.stderr.write('SKIPPED: no tmpfs can be mounted, so a full disk was NOT tested\n');
	rmdirSync(path);
	return can;
}

describe('a full disk', () => {
	afterEach(() => {
		for (const path of mounted.splice(0)) spawnSync('umount', [path]);
	});

	(canMount() ? it : it.skip)(
		'is refused as STORAGE_FULL, spoils nothing, and is over when there is room',
		async () => {
			const small = join(folder, 'small');
			await mkdir(small);
			mountSmall(small);
			const store = await opened({ folder: small });
			await store.putKey(key(), []);
			const ballast = join(small, 'ballast');
			await writeFile(ballast, Buffer.alloc(1_000_000));
			let kept = 1;
			const failures: unknown[] = [];
			for (let i = 0; i < 100 && failures.length < 3; i++) {
				const big = { ...key(), name: 'x'.repeat(100_000) };
				await store.putKey(big, []).then(
					() => kept++,
					(error: unknown) => failures.push(error),
				);
			}
			expect(failures).toHaveLength(3);
			for (const error of failures) expect(error).toMatchObject({ code: 'STORAGE_FULL' });
			expect(await store.countKeys()).toBe(kept);
			await expect(
				store.blobs.stage(Buffer.alloc(3_000_000), { maxBytes: 1e9 }),
			).rejects.toMatchObject({ code: 'STORAGE_FULL' });
			await rm(ballast);
			await store.putKey(key(), []);
			await store.check();
			expect(await store.countKeys()).toBe(kept + 1);
			expect(store.database.sql('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
			expect(await store.doctor(T0)).toEqual([]);
			await closed(store);
			expect(await readFile(join(small, 'capscheduler.db'))).not.toHaveLength(0);
		},
	);
});
