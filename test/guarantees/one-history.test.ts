import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import { killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { Operation, Seen } from '../support/history.ts';
import { tellViolations, violationsOf } from '../support/history.ts';
import { expectOneHistory, startClients } from '../support/history-clients.ts';
import { linearizable, randomHistory } from '../support/history-search.ts';
import { randomFrom } from '../support/random.ts';

/*
 * What clients write to a schedule and read of it is what one schedule could have done, although the engine is killed
 * again and again: docs/clusters.md. Several engines on PostgreSQL and on MongoDB's protocol are looked at in the same
 * way, in test/servers.
 *
 * CAPSCHEDULER_TEST_KILLS sets how often (default 4), CAPSCHEDULER_TEST_SEED repeats a run.
 */

const KILLS = Number(process.env['CAPSCHEDULER_TEST_KILLS'] ?? 4);
const SEED = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));

describe('the judge of histories', () => {
	const at = (revision: number, mark: number, status = 'active'): Seen => ({
		revision,
		mark,
		status,
	});
	const op = (
		kind: Operation['kind'],
		[from, to]: [number, number],
		answer: Operation['answer'],
		more: Partial<Operation> = {},
	): Operation => ({ kind, schedule: 'sch_1', from, to, answer, ...more });
	const created = op('create', [0, 1], at(1, 1), { mark: 1 });
	const faults = (...operations: Operation[]): string[] =>
		violationsOf([created, ...operations]).map(({ fault }) => fault);

	it('has nothing against operations one after another, and side by side in an order that fits', () => {
		const good = [
			op('update', [2, 9], at(2, 2), { mark: 2 }),
			op('update', [2, 8], at(3, 3), { mark: 3, expected: 2 }),
			op('read', [3, 4], at(2, 2)),
			op('read', [3, 5], at(1, 1)),
			op('pause', [10, 11], at(4, 3, 'paused')),
			op('pause', [12, 13], at(4, 3, 'paused')),
			op('update', [14, 15], 'differs', { mark: 4, expected: 3 }),
			op('resume', [16, Infinity], null),
			op('read', [17, 18], at(4, 3, 'paused')),
			op('read', [19, 20], at(5, 3)),
			op('delete', [21, 22], 'deleted'),
			op('read', [23, 24], 'gone'),
		];
		expect(faults(...good)).toEqual([]);
	});

	it('finds a lost update: two that were answered with one revision, or one that nobody sees', () => {
		const both = [
			op('update', [2, 5], at(2, 2), { mark: 2 }),
			op('update', [3, 6], at(2, 3), { mark: 3 }),
		];
		expect(faults(...both)).toContain('lost_update');
		expect(
			faults(op('update', [2, 3], at(2, 2), { mark: 2 }), op('read', [4, 5], at(2, 1))),
		).toEqual(expect.arrayContaining(['two_states']));
	});

	it('finds an If-Match that was not heeded, and one that was refused in vain', () => {
		const first = op('update', [2, 3], at(2, 2), { mark: 2 });
		const unheeded = op('update', [4, 5], at(3, 3), { mark: 3, expected: 1 });
		expect(faults(first, unheeded)).toContain('lost_update');
		const refused = op('update', [4, 5], 'differs', { mark: 3, expected: 2 });
		expect(faults(first, refused)).toEqual(['refused_in_vain']);
	});

	it('finds a stale read, and one of what nobody has written yet', () => {
		const update = op('update', [2, 3], at(2, 2), { mark: 2 });
		expect(faults(update, op('read', [4, 5], at(1, 1)))).toEqual(['stale_read']);
		const early = op('read', [2, 3], at(2, 2));
		expect(faults(early, op('update', [4, 5], at(2, 2), { mark: 2 }))).toContain('before_its_time');
		expect(faults(op('read', [2, 3], at(2, 7)))).toContain('from_nowhere');
	});

	it('finds what comes back after its deletion, or goes without one', () => {
		const gone = op('delete', [2, 3], 'deleted');
		expect(faults(gone, op('read', [4, 5], at(1, 1)))).toEqual(['resurrected']);
		expect(faults(gone, op('delete', [4, 5], 'deleted'))).toEqual(['deleted_twice']);
		expect(faults(op('read', [2, 3], 'gone'))).toEqual(['vanished']);
	});

	it(`accuses no history that a search through all orders finds good, and hardly misses a bad one (seed ${SEED})`, () => {
		const random = randomFrom(SEED);
		const seen = { good: 0, bad: 0, missed: 0 };
		for (let n = 0; n < 20_000; n++) {
			const history = randomHistory(random);
			const good = linearizable(history);
			seen[good ? 'good' : 'bad'] += 1;
			const found = tellViolations(violationsOf(history));
			if (good && found !== '') throw new Error(`${found}\nof ${JSON.stringify(history)}`);
			if (!good && found === '') seen.missed += 1;
		}
		expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(2_000);
		// A demand that only a write without an answer can have refused is given the benefit of the doubt.
		expect(seen.missed / seen.bad).toBeLessThan(0.002);
	});
});

describe(`clients of an engine that is killed ${KILLS} times (seed ${SEED})`, () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'cap-history-'));
	});
	afterAll(async () => {
		await killEngines();
		await rm(folder, { recursive: true, force: true });
	});

	it(
		'lose no update, read nothing stale, and see nothing again that was deleted',
		async () => {
			const random = randomFrom(SEED);
			const settings = { CAPSCHEDULER_DATA_DIR: folder, CAPSCHEDULER_RATE_LIMIT: '1000000' };
			const engines: EngineProcess[] = [await startEngineProcess(settings)];
			const urls = (): string[] => engines.map(({ url }) => url);
			const key = engines[0]?.firstKey ?? '';
			const clients = await startClients({ urls, key, seed: SEED, clients: 5 });
			for (let kill = 0; kill < KILLS; kill++) {
				const enough = clients.answered + 40 + Math.floor(random() * 100);
				while (clients.answered < enough) await new Promise((resolve) => setTimeout(resolve, 10));
				await engines[0]?.kill();
				engines[0] = await startEngineProcess(settings);
			}
			expectOneHistory(await clients.stop());
			await engines[0]?.kill('SIGTERM');
		},
		KILLS * 10_000 + 120_000,
	);
});
