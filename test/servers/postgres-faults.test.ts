import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import type { KeyRecord } from '../../engine/contract/access.ts';
import type { Run } from '../../engine/contract/run.ts';
import { createCommitter } from '../../engine/stores/postgres/committer.ts';
import type { Database, Session } from '../../engine/stores/postgres/database.ts';
import { createDatabase } from '../../engine/stores/postgres/database.ts';
import { MIGRATIONS } from '../../engine/stores/postgres/schema.ts';
import type { PostgresStore } from '../../engine/stores/postgres/store.ts';
import { createPostgresStore } from '../../engine/stores/postgres/store.ts';
import { parseTarget } from '../../engine/stores/postgres/target.ts';
import { noFaults } from '../../engine/faults.ts';
import { claimEvents, createRecords, event, TENANT } from '../support/store-records.ts';
import { newSchema, openPostgresStore, runSql, urlOf } from '../support/postgres-store.ts';
import type { PostgresProxy } from '../support/postgres-proxy.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';
import type { PostgresServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

let server: PostgresServer;
let proxy: PostgresProxy;
let schema: string;
let store: PostgresStore;
let closeAll: (() => Promise<void>)[] = [];

const records = createRecords(systemClock);

/** Patient: a server that was killed has to read its log first, and this machine may be busy. */
async function open(
	port: number,
	patience = 60_000,
	more: { answerWithin?: number } = {},
): Promise<PostgresStore> {
	const opened = await openPostgresStore(port, systemClock, { schema, patience, ...more });
	closeAll.push(opened.close);
	return opened.store;
}

beforeAll(async () => {
	server = await startPostgres();
	proxy = await startPostgresProxy(server.port);
});
afterAll(async () => {
	await proxy.close();
	await server.stop();
});
beforeEach(async () => {
	schema = newSchema();
	store = await open(proxy.port);
});
afterEach(async () => {
	for (const close of closeAll) await close();
	closeAll = [];
});

function keyOf(): KeyRecord {
	const id = records.newId('key');
	return { id, tenant: TENANT, name: 'k', hash: 'h', scopes: ['admin'], createdAt: 1 };
}

const put = async (key = keyOf()): Promise<unknown> =>
	store.putKey(key, [event('key.created', { keyId: key.id })]);

/** One event for each key: neither was written twice, nor lost. */
async function expectWritten(count: number): Promise<void> {
	expect(await store.countKeys()).toBe(count);
	const direct = (await runSql(
		server.port,
		`SELECT sum(count)::int AS events FROM ${schema}.event_batches`,
	)) as { events: number }[];
	expect(direct[0]?.events).toBe(count);
}

describe('a connection that breaks', () => {
	it('makes one write of a commit whose reply was lost, and answers it', async () => {
		await put();
		const lost = proxy.loseReplies(3);
		await Promise.all([put(), put(), put()]);
		await put();
		await put();
		await lost;
		await expectWritten(6);
	});

	it('writes what was lost on its way once more, on a new connection', async () => {
		const lost = proxy.loseCommits(2);
		await Promise.all([put(), put()]);
		await lost;
		await expectWritten(2);
	});

	it('goes on after resets in the middle of many writes, with none lost and none doubled', async () => {
		const writes: Promise<unknown>[] = [];
		for (let i = 0; i < 60; i++) {
			writes.push(put());
			if (i % 10 === 5) proxy.reset();
			if (i % 3 === 0) await Promise.allSettled(writes.slice(-3));
		}
		const results = await Promise.allSettled(writes);
		expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
		await expectWritten(60);
	});

	it('says that the storage cannot be reached, and nothing of the password, while the server is down', async () => {
		store = await open(proxy.port, 1_000);
		await server.kill();
		const failure = await store.check().then(
			() => null,
			(error: unknown) => error,
		);
		expect(failure).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retry: 'later' });
		expect(String(failure)).not.toContain('secret');
		await expect(put()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
		await server.restart();
		await store.check();
		await put();
		await expectWritten(1);
	});

	it('keeps a write waiting while the server is killed and restarted', async () => {
		await put();
		await server.kill();
		const waiting = put();
		await server.restart();
		await waiting;
		await expectWritten(2);
	});

	it('loses nothing that was answered when the server is killed among writes', async () => {
		let answered = 0;
		const writers = Array.from({ length: 4 }, async () => {
			for (let i = 0; i < 40; i++) {
				await put();
				answered++;
			}
		});
		while (answered < 40) await new Promise((resolve) => setImmediate(resolve));
		await server.kill();
		await server.restart();
		await Promise.all(writers);
		await expectWritten(160);
	}, 120_000);

	it.each(['requests', 'replies'] as const)(
		'lets go of connections that are half open and swallow %s, and goes on with others',
		async (direction) => {
			store = await open(proxy.port, 60_000, { answerWithin: 1_000 });
			// The writer's, and several of the readers'.
			await put();
			await Promise.all([1, 2, 3].map(async () => store.countKeys()));
			proxy.swallow(direction);
			const begun = performance.now();
			await Promise.all([put(), put()]);
			expect(performance.now() - begun).toBeGreaterThan(900);
			// A read that meets one of them is asked again: nobody is told of a failure.
			expect(await Promise.all([1, 2, 3].map(async () => store.countKeys()))).toEqual([3, 3, 3]);
			await put();
			await expectWritten(4);
		},
		60_000,
	);

	it('waits for a connection that stands still for a while', async () => {
		const goOn = proxy.stall();
		const waiting = put();
		proxy.reset();
		goOn();
		await waiting;
		await expectWritten(1);
	});
});

describe('a commit that a killed server lost, together with the id that it was given', () => {
	/** As if the server had given the transactions of the next connections this id, until it is told no more. */
	function createPretence(db: Database): {
		db: Pick<Database, 'connect' | 'name'>;
		xid: number | null;
	} {
		const pretence: ReturnType<typeof createPretence> = {
			xid: null,
			db: {
				name: db.name,
				async connect(options) {
					const session = await db.connect(options);
					const get: Session['get'] = async <R extends readonly unknown[]>(
						...asked: Parameters<Session['get']>
					) => {
						const row = await session.get<R>(...asked);
						if (pretence.xid === null || !asked[0].includes('pg_current_xact_id')) return row;
						return [pretence.xid] as readonly unknown[] as R;
					};
					return Object.create(session, { get: { value: get } }) as Session;
				},
			},
		};
		return pretence;
	}

	/** @returns how often the second of two writes was done, and how many rows both have left */
	async function loseSecond(xid: number): Promise<{ tries: number; rows: number }> {
		await runSql(server.port, `CREATE TABLE ${schema}.written (name text)`);
		const pretence = createPretence(createDatabase(parseTarget(urlOf(proxy.port, schema))));
		const committer = createCommitter({
			db: pretence.db,
			faults: noFaults,
			finish: async (tx) => tx.flush(),
			committed: () => undefined,
		});
		const insert = async (): Promise<void> =>
			committer.write(async (tx) => {
				await tx.run(`INSERT INTO written (name) VALUES ('x')`);
				tries++;
			});
		let tries = 0;
		await insert();
		tries = 0;
		pretence.xid = xid;
		const lost = proxy.loseCommits(1).then(() => {
			pretence.xid = null;
		});
		await insert();
		await lost;
		await committer.close();
		const { length: rows } = await runSql(server.port, `SELECT 1 FROM ${schema}.written`);
		return { tries, rows };
	}

	it('is made again when the id was given to another transaction, which was committed', async () => {
		const [other] = (await runSql(
			server.port,
			'SELECT pg_current_xact_id()::text::int AS xid',
		)) as { xid: number }[];
		const xid = other?.xid ?? NaN;
		const status = await runSql(server.port, 'SELECT pg_xact_status($1::text::xid8) AS status', [
			String(xid),
		]);
		expect(status).toEqual([{ status: 'committed' }]);
		expect(await loseSecond(xid)).toEqual({ tries: 2, rows: 2 });
	});

	it('is made again, at once, while the id was given to nobody yet', async () => {
		expect(await loseSecond(2 ** 30)).toEqual({ tries: 2, rows: 2 });
	});

	it('leaves a mark for each writer, which goes when he has written nothing for a week', async () => {
		const marks = async (): Promise<unknown[]> =>
			runSql(server.port, `SELECT committer FROM ${schema}.commit_marks`);
		await put();
		await put();
		expect(await marks()).toHaveLength(1);
		await open(server.port);
		expect(await marks()).toHaveLength(1);
		await runSql(server.port, `UPDATE ${schema}.commit_marks SET at = now() - interval '8 days'`);
		await open(server.port);
		expect(await marks()).toEqual([]);
	});
});

describe('several engines', () => {
	it('make the tables together', async () => {
		schema = newSchema();
		const stores = await Promise.all(Array.from({ length: 5 }, async () => open(server.port)));
		for (const each of stores) await each.check();
	});

	it('refuse a database of a newer engine, and name both versions', async () => {
		await runSql(server.port, `UPDATE ${schema}.schema_version SET version = 99`);
		const url = urlOf(server.port, schema);
		const another = createPostgresStore({
			url,
			folder: '/tmp',
			clock: systemClock,
			faults: noFaults,
		});
		await expect(another.open()).rejects.toMatchObject({
			code: 'STORAGE_UNAVAILABLE',
			message: expect.stringContaining(
				`expected version ${MIGRATIONS.length} or lower, got 99`,
			) as unknown,
		});
	});

	it('claim every run once, and no more runs of one key than its limit', async () => {
		const others = await Promise.all([open(server.port), open(server.port)]);
		const stores = [store, ...others];
		const runs: Run[] = [];
		for (let i = 0; i < 60; i++) runs.push(records.run({}));
		for (let i = 0; i < 12; i++) {
			runs.push(records.run({ concurrencyKey: 'crm', concurrencyLimit: 2 }));
			runs.push(records.run({ serialKey: `s${i % 3}` }));
		}
		await store.addRuns({ runs, specs: [records.spec()], settle: [], events: [] });
		const claimed: Run[] = [];
		const held = new Map<string, number>();
		const work = async (mine: PostgresStore): Promise<void> => {
			for (let empty = 0; empty < 5;) {
				const now = systemClock.now();
				const taken = await mine.claimRuns(
					{ now, limit: 3, owner: records.newId('engine'), leaseUntil: now + 30_000 },
					claimEvents,
				);
				empty = taken.length === 0 ? empty + 1 : 0;
				for (const run of taken) {
					claimed.push(run);
					const key = run.concurrencyKey ?? run.serialKey;
					if (key === null) continue;
					const holders = (held.get(key) ?? 0) + 1;
					held.set(key, holders);
					expect(holders).toBeLessThanOrEqual(key === 'crm' ? 2 : 1);
				}
				// They let go of their keys before the store can give those to anybody else.
				for (const run of taken) {
					const key = run.concurrencyKey ?? run.serialKey;
					if (key !== null) held.set(key, (held.get(key) ?? 0) - 1);
				}
				const settled = await mine.settleRuns(taken.map((run) => records.success(run)));
				expect(settled.every(Boolean)).toBe(true);
			}
		};
		await Promise.all(stores.map(work));
		expect(claimed).toHaveLength(runs.length);
		expect(new Set(claimed.map(({ id }) => id)).size).toBe(runs.length);
		const findings = await store.doctor(systemClock.now());
		expect(findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
	}, 120_000);

	it('settle a run once, whoever comes first, and in whatever order they take several', async () => {
		const other = await open(server.port);
		const runs = Array.from({ length: 20 }, () => records.run({}));
		await store.addRuns({ runs, specs: [records.spec()], settle: [], events: [] });
		const now = systemClock.now();
		const taken = await store.claimRuns(
			{ now, limit: 100, owner: 'eng_a', leaseUntil: now + 30_000 },
			claimEvents,
		);
		const [ours, theirs] = await Promise.all([
			store.settleRuns(taken.map((run) => records.success(run))),
			other.settleRuns(taken.toReversed().map((run) => records.success(run))),
		]);
		theirs.reverse();
		expect(taken.map((_, i) => Number(ours[i]) + Number(theirs[i]))).toEqual(taken.map(() => 1));
	});

	it('hear of the events of another, in an order that never changes, with none missing', async () => {
		const other = await open(server.port);
		const heard = new Promise<void>((resolve) => {
			const stop = other.onEvents(() => {
				stop();
				resolve();
			});
		});
		await put();
		await heard;
		const seen: string[] = [];
		let after: string | null = null;
		const read = async (): Promise<void> => {
			const events = await other.readEvents(TENANT, after, 50);
			seen.push(...events.map(({ id }) => id));
			after = events.at(-1)?.id ?? after;
		};
		const write = async (mine: PostgresStore): Promise<void> => {
			for (let i = 0; i < 40; i++) {
				const key = keyOf();
				await mine.putKey(key, [event('key.created', { keyId: key.id })]);
			}
		};
		const writing = Promise.all([write(store), write(other), write(store)]);
		let done = false;
		void writing.then(() => {
			done = true;
		});
		while (!done) await read();
		await writing;
		while (seen.length < 121) await read();
		expect(seen).toEqual((await store.readEvents(TENANT, null, 200)).map(({ id }) => id));
	});

	it('keep a text with the character zero, which PostgreSQL has none of', async () => {
		const key = { ...keyOf(), name: 'a\0b' };
		await put(key);
		expect((await store.getKey(key.id))?.name).toBe('a\uFFFDb');
	});
});
