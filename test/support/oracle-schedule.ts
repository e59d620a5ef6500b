import { expect } from '@jest/globals';

import type { createClient } from './engine-process.ts';
import { listAll } from './engine-process.ts';

export type Client = ReturnType<typeof createClient>;

/** Milliseconds between two instants of a schedule. */
const EVERY = 1000;

export interface RunView {
	id: string;
	state: string;
}

/** Where an oracle receives: what the engine calls, where it delivers, whom it tells. */
export interface Addresses {
	target: string;
	pushed: string;
	notified: string;
}

/** Makes schedules that fire once a second until their limit, every other one of them in order. @returns their ids */
export async function createOracleSchedules(
	client: Client,
	{ target, pushed, notified }: Addresses,
	{ schedules, limit }: { schedules: number; limit: number },
): Promise<string[]> {
	await client('PUT', '/v1/capabilities/rows', {
		binding: { type: 'http', url: target },
		actions: { read: {} },
	});
	return Promise.all(
		Array.from({ length: schedules }, async (_, index) => {
			const { scheduleId } = await client<{ scheduleId: string }>('POST', '/rows/schedule', {
				action: 'read',
				parameters: {},
				timing: { every: EVERY, limit },
				policies: {
					overlap: index % 2 === 0 ? 'allow_all' : 'buffer_all',
					catchUp: { mode: 'all' },
					retry: { attempts: 50, delay: '100ms', backoff: 'fixed' },
				},
				delivery: {
					targets: [{ channel: 'webhook', settings: { url: pushed }, format: 'csv' }],
				},
				callback: notified,
			});
			return scheduleId;
		}),
	);
}

/**
 * The ledger equals the list of instants, and each of its runs has succeeded. The list is arithmetic done here,
 * `anchor + n * every`: it shares no code with the engine. @returns the runs
 */
export async function checkOracleSchedule(
	client: Client,
	id: string,
	limit: number,
): Promise<string[]> {
	const { timing } = await client<{ timing: { anchor: string } }>('GET', `/v1/schedules/${id}`);
	const anchor = Date.parse(timing.anchor);
	const expected = Array.from({ length: limit }, (_, n) => anchor + (n + 1) * EVERY);
	const ledger = await listAll<{ nominalAt: string; outcome: string; runId: string }>(
		client,
		`/v1/schedules/${id}/occurrences`,
	);
	expect(ledger.map(({ nominalAt }) => Date.parse(nominalAt))).toEqual(expected);
	expect(new Set(ledger.map(({ outcome }) => outcome))).toEqual(new Set(['fired']));
	const runs = await listAll<RunView>(client, `/v1/runs?scheduleId=${id}`);
	expect(runs.map((run) => run.id).sort()).toEqual(ledger.map(({ runId }) => runId).sort());
	expect(runs.filter(({ state }) => state !== 'succeeded')).toEqual([]);
	return runs.map((run) => run.id);
}
