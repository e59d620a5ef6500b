import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { describe } from '@jest/globals';

import { noFaults } from '../../../engine/faults.ts';
import { createSqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { exerciseStore } from '../../conformance/store.ts';
import { SPOILS } from '../../conformance/store-repair.ts';

function behindItsBack(folder: string, sql: string): void {
	const behind = new DatabaseSync(join(folder, 'capscheduler.db'));
	behind.exec(sql);
	behind.close();
}

describe('the SQLite store', () => {
	exerciseStore(async (clock) => {
		const folder = await mkdtemp(join(tmpdir(), 'capscheduler-store-'));
		const store = createSqliteStore({ folder, clock, faults: noFaults });
		await store.open();
		return {
			store,
			async loseTimers() {
				behindItsBack(folder, 'DELETE FROM agenda_jobs');
			},
			async spoil(what) {
				behindItsBack(folder, SPOILS[what]);
			},
			async close() {
				await store.close();
				await rm(folder, { recursive: true });
			},
		};
	});
});
