import { MongoClient } from 'mongodb';
import type { Collection, Db, MongoClientOptions } from 'mongodb';

import { CapError, inputError } from '../../contract/errors.ts';
import { withoutLogin } from '../../contract/setting-forms.ts';
import type { Doc, TimerDoc } from './documents.ts';
import { isPassing, storageError } from './storage-error.ts';

export const COLLECTIONS = [
	'keys',
	'idempotency',
	'names',
	'capabilities',
	'destinations',
	'calendars',
	'calendarVersions',
	'specs',
	'schedules',
	'targets',
	'occurrences',
	'backfills',
	'runs',
	'serials',
	'gates',
	'results',
	'artifacts',
	'blobs',
	'links',
	'deliveries',
	'notifications',
	'events',
	'journal',
	'shared',
	'marks',
] as const;
export type CollectionName = (typeof COLLECTIONS)[number];

/** The collection that `@agendajs/mongo-backend` takes by default. */
export const AGENDA_COLLECTION = 'agendaJobs';

/** One client, its collections, and patience with a server that changes its primary. */
export interface Database {
	/** For messages: without user and password. */
	readonly name: string;
	db(): Db;
	/** The same before it is open, for who does nothing with it before. */
	handle(): Db;
	of(name: CollectionName): Collection<Doc>;
	timers(): Collection<TimerDoc>;
	/**
	 * Does it again while the network or a primary is lost, for a few seconds. The work must be such that it may be
	 * done twice. @throws CapError STORAGE_UNAVAILABLE or STORAGE_FULL
	 */
	run<T>(work: () => Promise<T>): Promise<T>;
	open(): Promise<void>;
	close(): Promise<void>;
}

const DEFAULT_DATABASE = 'capscheduler';
/** What is tried again, after so many milliseconds each. */
const AGAIN = [50, 200, 500, 1000];

export function createDatabase(url: string): Database {
	const client = clientOf(url, {
		appName: 'capscheduler',
		// A write is answered for when a majority has it in its journal: no failover takes it back.
		writeConcern: { w: 'majority', journal: true, wtimeoutMS: 15_000 },
		// What decides is the conditional write; see where another one is chosen.
		readConcern: { level: 'local' },
		readPreference: 'primary',
		retryWrites: true,
		retryReads: true,
		serverSelectionTimeoutMS: 5_000,
		connectTimeoutMS: 5_000,
		// A connection that is half open is given up; every write may be sent again.
		socketTimeoutMS: 20_000,
		maxPoolSize: 50,
		ignoreUndefined: true,
	});
	let open: Db | null = null;

	function db(): Db {
		if (open === null) throw new CapError('STORAGE_UNAVAILABLE', `${nameOf(url)}: not open`);
		return open;
	}

	async function run<T>(work: () => Promise<T>): Promise<T> {
		for (const pause of AGAIN) {
			try {
				return await work();
			} catch (error) {
				if (!isPassing(error)) throw storageError(error);
				await new Promise((resolve) => setTimeout(resolve, pause));
			}
		}
		try {
			return await work();
		} catch (error) {
			throw storageError(error);
		}
	}

	return {
		name: nameOf(url),
		db,
		handle: () => client.db(databaseOf(url)),
		of: (name) => db().collection<Doc>(name),
		timers: () => db().collection<TimerDoc>(AGENDA_COLLECTION),
		run,
		async open() {
			try {
				await client.connect();
			} catch (error) {
				const { message } = error as Error;
				await client.close();
				throw new CapError('STORAGE_UNAVAILABLE', `${nameOf(url)}: ${message}`, { cause: error });
			}
			open = client.db(databaseOf(url));
		},
		async close() {
			open = null;
			await client.close();
		},
	};
}

/** @throws CapError INVALID_REQUEST that shows nothing of the URL but the name of an option that there is none of */
function clientOf(url: string, options: MongoClientOptions): MongoClient {
	try {
		return new MongoClient(url, options);
	} catch (error) {
		const { message } = error as Error;
		throw inputError('INVALID_REQUEST', {
			path: 'CAPSCHEDULER_STORE',
			expected:
				'mongodb://user:password@host:port/database, with / @ : ? # and % of a password encoded',
			received: message.startsWith('option') ? message : 'something that cannot be read',
		});
	}
}

function databaseOf(url: string): string {
	const [, path = ''] = /^mongodb(?:\+srv)?:\/\/[^/]*\/([^?]*)/.exec(url) ?? [];
	return path === '' ? DEFAULT_DATABASE : decodeURIComponent(path);
}

function nameOf(url: string): string {
	return withoutLogin(url).replace(/\?.*$/, '');
}
