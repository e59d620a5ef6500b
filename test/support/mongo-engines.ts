import { MongoClient } from 'mongodb';

import { systemClock } from '../../engine/clock.ts';
import { noFaults } from '../../engine/faults.ts';
import { createMongoStore } from '../../engine/stores/mongo/store.ts';
import type { Finding } from '../../engine/stores/store.port.ts';
import { databaseUrl } from '../servers/mongo.ts';
import { sharedSettings } from './shared-engines.ts';

const PATIENCE = 60_000;
/** Nothing of the test's own is due so late: milliseconds. */
const AFTER_THE_TEST = 86_400_000;

/** A database of its own for engines, looked at beside them. */
export interface EnginesDatabase {
	url: string;
	/** Of engines that share it. */
	settings: Record<string, string>;
	/** How much is begun and not over. */
	open(): Promise<number>;
	/** The engines that have claimed a run. */
	owners(): Promise<string[]>;
	/**
	 * What should not be there once all is over. Engines are given a minute to find it: a timer may be set by the one
	 * when the other has done already what it is for, and is due in vain until the next sweep.
	 */
	left(): Promise<Record<string, number>>;
	/** What `doctor` calls a problem. */
	problems(): Promise<Finding[]>;
	close(): Promise<void>;
}

/** What `left` says when all is over. */
export const NOTHING = { timers: 0, holders: 0, blocked: 0, entries: 0 };

export async function newEnginesDatabase(
	server: { url: string },
	folder: string,
): Promise<EnginesDatabase> {
	const url = databaseUrl(server);
	const client = await new MongoClient(url).connect();
	const db = client.db();
	const count = async (name: string, filter: object): Promise<number> =>
		db.collection(name).countDocuments(filter);
	const entries = async (): Promise<number> => {
		const begun = ['schedules', 'runs', 'deliveries', 'notifications'].map(async (name) =>
			count(name, { 'outbox.0': { $exists: true } }),
		);
		return (await Promise.all(begun)).reduce((sum, n) => sum + n, 0);
	};
	return {
		url,
		settings: sharedSettings(folder, url),
		async open() {
			const states = { $in: ['pending', 'sending', 'failed'] };
			return (
				(await count('schedules', { state: { $nin: ['completed', 'deleted'] } })) +
				(await count('runs', { open: true })) +
				(await count('deliveries', { state: states })) +
				(await count('notifications', { state: states })) +
				// what a crash left to be carried out
				(await entries())
			);
		},
		async owners() {
			const runs = await db.collection('runs').find({}).toArray();
			const texts = runs.flatMap((run) => run['attempts'] as { text: string }[]);
			return [...new Set(texts.map(({ text }) => (JSON.parse(text) as { owner: string }).owner))];
		},
		async left() {
			const until = Date.now() + PATIENCE;
			for (;;) {
				const found = {
					// One that was set late, for a schedule that was deleted meanwhile, goes once it is due: in 2090 at the latest.
					timers: await count('agendaJobs', {
						name: { $not: /^maintenance\./ },
						nextRunAt: { $not: { $gt: new Date(Date.now() + AFTER_THE_TEST) } },
					}),
					holders: await count('gates', { 'holders.0': { $exists: true } }),
					blocked: await count('runs', { blocked: true }),
					entries: await entries(),
				};
				const nothing = Object.values(found).every((n) => n === 0);
				if (nothing || Date.now() > until) return found;
				await new Promise((resolve) => setTimeout(resolve, 250));
			}
		},
		async problems() {
			const store = createMongoStore({ url, folder, clock: systemClock, faults: noFaults });
			await store.open();
			try {
				const findings = await store.doctor(systemClock.now());
				return findings.filter(({ severity }) => severity === 'problem');
			} finally {
				await store.close();
			}
		},
		async close() {
			await db.dropDatabase();
			await client.close();
		},
	};
}
