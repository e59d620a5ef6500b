import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';

/* P16: what should not be is found. Each row is spoilt behind the engine's back, found, and mended again. */

let server: CapabilityServer;
let bed: Bed;
let outside: DatabaseSync;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('rows', server.json('/rows', [{ id: 1 }]));
	await bed.schedule('rows', { timing: { every: '1h' } });
	await bed.runIn(await bed.invoke('rows'), 'succeeded');
	outside = new DatabaseSync(join(bed.folder, 'data', 'capscheduler.db'));
});
afterAll(async () => {
	outside.close();
	await bed.close();
	await server.close();
});

const found = async (): Promise<string[]> => {
	const { store, clock } = bed.engine.context;
	return (await store.doctor(clock.now())).map(({ code }) => code);
};

const SPOILT: [string, string, string][] = [
	[
		'SCHEDULE_WITHOUT_TIMER',
		'a schedule without its timer',
		`DELETE FROM agenda_jobs WHERE name = 'schedule.due'`,
	],
	[
		'SCHEDULE_IMPOSSIBLE',
		'a schedule without a next instant',
		`UPDATE schedules SET nextAt = NULL`,
	],
	['SCHEDULE_OVERDUE', 'a schedule that is overdue', `UPDATE schedules SET dueAt = 1`],
	[
		'RUN_STUCK',
		'a run whose lease ended long ago',
		`UPDATE runs SET state = 'running', owner = 'eng_x', leaseUntil = 1, lookAt = 1, endedAt = NULL, resultId = NULL`,
	],
	[
		'RUN_WAITS_FOR_EVER',
		'a run that waits without a deadline',
		`UPDATE runs SET state = 'waiting', deadlineAt = NULL, lookAt = 1, endedAt = NULL`,
	],
	['RUN_IMPOSSIBLE', 'a run in a state that does not exist', `UPDATE runs SET state = 'lost'`],
	['RUN_IMPOSSIBLE', 'a run that succeeded with no result', `UPDATE runs SET resultId = NULL`],
	['RESULT_WITHOUT_BYTES', 'a result without its bytes', `DELETE FROM blobs`],
	['BLOB_COUNT', 'bytes that are counted wrongly', `UPDATE blobs SET refs = refs + 1`],
];

describe('doctor', () => {
	it('finds nothing in a store that is well', async () => {
		expect(await found()).toEqual([]);
	});

	it.each(SPOILT)('says %s for %s', async (code, _what, spoil) => {
		outside.exec('CREATE TEMP TABLE kept_runs AS SELECT * FROM runs');
		outside.exec('CREATE TEMP TABLE kept_schedules AS SELECT * FROM schedules');
		outside.exec('CREATE TEMP TABLE kept_blobs AS SELECT * FROM blobs');
		outside.exec('CREATE TEMP TABLE kept_jobs AS SELECT * FROM agenda_jobs');
		outside.exec(spoil);
		expect(await found()).toContain(code);
		for (const [table, kept] of [
			['runs', 'kept_runs'],
			['schedules', 'kept_schedules'],
			['blobs', 'kept_blobs'],
			['agenda_jobs', 'kept_jobs'],
		]) {
			outside.exec(
				`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${kept}; DROP TABLE ${kept}`,
			);
		}
		expect(await found()).toEqual([]);
	});
});
