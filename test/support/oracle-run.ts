import { expect } from '@jest/globals';

import { listAll } from './engine-process.ts';
import type { Client, RunView } from './oracle-schedule.ts';
import { checkOracleSchedule, createOracleSchedules } from './oracle-schedule.ts';
import { runSql } from './postgres-store.ts';
import type { Received, Receiver } from './webhook-receiver.ts';
import { startReceiver } from './webhook-receiver.ts';

/** What was scheduled, and how often each is to happen. */
export interface Job {
	schedules: string[];
	limit: number;
}

/**
 * Schedules work whose instants are known beforehand, by arithmetic that shares no code with the engine
 * (`anchor + n * every`), receives what is sent, and compares: the ledger, the runs, and every call.
 */
export interface Oracle {
	/** @param every how many schedules, each firing once a second until its limit */
	schedule(client: Client, every: { schedules: number; limit: number }): Promise<Job>;
	/** All schedules of the schema are completed or deleted, and nothing that was begun is open. */
	untilQuiet(port: number, schema: string): Promise<void>;
	/** The same of another store: until this counts nothing that is open. */
	untilNoneIsOpen(count: () => Promise<number>): Promise<void>;
	check(client: Client, job: Job): Promise<void>;
	runIds(client: Client): Promise<string[]>;
	close(): Promise<void>;
}

interface Envelope {
	requestId: string;
	epoch: number;
}

export async function startOracle(): Promise<Oracle> {
	const [target, pushed, notified] = await Promise.all([
		startReceiver(),
		startReceiver(),
		startReceiver(),
	]);
	target.answer = (_request, response) => {
		response.setHeader('content-type', 'application/json');
		response.end('[{"id":1,"name":"a"},{"id":2,"name":"b"}]');
	};

	/** At least one call for each run, under the run's own key, and no epoch twice. */
	function checkSends(ids: readonly string[]): void {
		const known = new Set(ids);
		const calls = Map.groupBy(target.received, ({ headers }) => String(headers['idempotency-key']));
		expect(ids.filter((id) => !calls.has(id))).toEqual([]);
		for (const [id, received] of calls) {
			if (!known.has(id)) continue;
			const envelopes = received.map(({ body }) => JSON.parse(body.toString()) as Envelope);
			expect(new Set(envelopes.map(({ requestId }) => requestId))).toEqual(new Set([id]));
			const epochs = envelopes.map(({ epoch }) => epoch);
			expect(new Set(epochs).size).toBe(epochs.length);
		}
		const sent = idsByRun(pushed, ({ headers }) => String(headers['x-capscheduler-run']));
		const told = idsByRun(notified, ({ body }) => noticeOf(body).data.runId);
		expect(ids.filter((id) => !sent.has(id))).toEqual([]);
		expect(ids.filter((id) => !told.has(id))).toEqual([]);
		for (const each of [sent, told]) {
			expect(ids.filter((id) => each.get(id)?.size !== 1)).toEqual([]);
		}
		const bodies = Map.groupBy(pushed.received, ({ headers }) => headers['webhook-id']);
		for (const same of bodies.values()) {
			expect(new Set(same.map(({ sha256 }) => sha256)).size).toBe(1);
		}
	}

	return {
		async schedule(client, { schedules, limit }) {
			const addresses = { target: target.url, pushed: pushed.url, notified: notified.url };
			const ids = await createOracleSchedules(client, addresses, { schedules, limit });
			return { schedules: ids, limit };
		},

		async untilQuiet(port, schema) {
			for (;;) {
				const [row] = (await runSql(port, openSql(schema))) as { open: string }[];
				if (row?.open === '0') return;
				await new Promise((resolve) => setTimeout(resolve, 100));
			}
		},

		async untilNoneIsOpen(count) {
			while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
		},

		async check(client, { schedules, limit }) {
			const ids: string[] = [];
			for (const id of schedules) ids.push(...(await checkOracleSchedule(client, id, limit)));
			checkSends(ids);
		},

		async runIds(client) {
			return (await listAll<RunView>(client, '/v1/runs')).map(({ id }) => id);
		},

		async close() {
			await Promise.all([target.close(), pushed.close(), notified.close()]);
		},
	};
}

function openSql(schema: string): string {
	return `SELECT (SELECT count(*) FROM ${schema}.schedules WHERE state NOT IN ('completed', 'deleted'))
		+ (SELECT count(*) FROM ${schema}.runs WHERE state IN ('queued', 'running', 'waiting', 'retrying'))
		+ (SELECT count(*) FROM ${schema}.deliveries WHERE state IN ('pending', 'sending', 'failed'))
		+ (SELECT count(*) FROM ${schema}.notifications WHERE state IN ('pending', 'sending', 'failed'))
		AS open`;
}

/** The webhook-ids under which each run was told of. */
function idsByRun(
	receiver: Receiver,
	runOf: (received: Received) => string,
): Map<string, Set<string>> {
	const ids = new Map<string, Set<string>>();
	for (const received of receiver.received.filter(({ complete }) => complete)) {
		const run = runOf(received);
		ids.set(run, (ids.get(run) ?? new Set()).add(String(received.headers['webhook-id'])));
	}
	return ids;
}

function noticeOf(body: Buffer): { data: { runId: string } } {
	return JSON.parse(body.toString()) as { data: { runId: string } };
}
