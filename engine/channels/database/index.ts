import type { Socket } from 'node:net';

import type { Clock } from '../../clock.ts';
import type { Row } from '../../contract/envelope.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Pooled } from '../shared/pool.ts';
import { createPool, poolKey } from '../shared/pool.ts';
import { readParcel } from '../shared/source.ts';
import { failureFrom } from './failure.ts';
import type { Assignment, LoadSession } from './load.ts';
import { assign, batchSize, rowsOf } from './load.ts';
import { openMysql } from './mysql.ts';
import { openPostgres } from './postgres.ts';
import { probeTable } from './probe.ts';
import type { DatabaseSettings } from './settings.ts';
import { databaseSettingsSchema, portOf } from './settings.ts';

export interface DatabaseTools {
	egress: Egress;
	clock: Clock;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Of one destination: what a database gives one client easily. */
const CONNECTIONS = 8;
const IDLE = 20 * SECOND;

/** A login that outlives its load. */
interface Connected extends Pooled {
	/** Broken off with the signal, and closed when it fails. */
	during<T>(signal: AbortSignal, act: (session: LoadSession) => Promise<T>): Promise<T>;
}

/** Appends the rows to a table, all or none, once. */
export function createDatabaseChannel({ egress, clock }: DatabaseTools): Channel {
	const pool = createPool<Connected>(clock, { idle: IDLE });

	async function load(
		settings: DatabaseSettings,
		{ parcel, deadline, timeout }: { parcel: Parcel; deadline: Deadline; timeout: Duration },
	): Promise<JsonObject> {
		const { signal } = deadline;
		signal.throwIfAborted();
		const rows = (): AsyncIterable<readonly Row[]> => rowsOf(parcel, readParcel(parcel, deadline));
		// read once before anything is written: which columns there are, and that the bytes are those promised
		const { names, count } = await survey(rows());
		return pool.use({
			key: poolKey(settings),
			limit: CONNECTIONS,
			signal,
			open: async () => connect(settings, { signal, timeout }),
			// a load that was there already is found: doing it again does no harm
			mayRepeat: (error) => failureFrom(error, settings).code === 'TARGET_UNREACHABLE',
			work: async (connection) =>
				connection.during(signal, async (session) => {
					await session.limit(timeout);
					const wanted = {
						...settings,
						...(parcel.message === undefined ? {} : { extra: 'ignore' as const }),
					};
					const found = await session.columns();
					const assignments = count === 0 ? [] : assign(found, names, wanted);
					const { deliveryId: id, sha256 } = parcel;
					if (!(await session.begin({ id, sha256, rows: count }))) {
						await session.rollback();
						return { loadId: id, rows: count, repeated: true };
					}
					await fill(session, assignments, { rows: rows(), deadline });
					await session.commit();
					return { loadId: id, rows: count };
				}),
		});
	}

	async function connect(
		settings: DatabaseSettings,
		{ signal, timeout }: { signal: AbortSignal; timeout: Duration },
	): Promise<Connected> {
		const { host } = settings;
		const socket = await egress.connect(host, portOf(settings), { signal, timeout });
		const until = async <T>(given: AbortSignal, act: () => Promise<T>): Promise<T> => {
			const onAbort = (): void => {
				socket.destroy();
			};
			given.addEventListener('abort', onAbort, { once: true });
			try {
				return await act();
			} catch (error) {
				socket.destroy();
				throw error;
			} finally {
				given.removeEventListener('abort', onAbort);
			}
		};
		const session = await until(signal, async () => openSession(settings, socket));
		return {
			alive: () => socket.readyState === 'open' && !socket.destroyed,
			close() {
				session.destroy();
				socket.destroy();
			},
			during: async (given, act) => until(given, async () => act(session)),
		};
	}

	return {
		name: 'database',
		title: 'Database',
		abilities: {
			streaming: true,
			atomic: true,
			receipt: 'the number of rows, after the commit',
			idempotency:
				'the id of the delivery is written in the same transaction; a repeat finds it and adds nothing',
		},
		limits: {},
		settings: databaseSettingsSchema,
		secrets: ['password'],
		retries: [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR],
		timeout: 2 * MINUTE,
		format: () => 'ndjson',
		async check(settings) {
			const given = settings as DatabaseSettings;
			await egress.checkHost(given.host, portOf(given), 'host');
		},
		prepare(settings): JsonObject {
			const { driver, host, database, schema, table } = settings as DatabaseSettings;
			const place = [database, ...(schema === undefined ? [] : [schema]), table];
			const port = portOf(settings as DatabaseSettings);
			return { location: `${driver}://${host}:${port}/${place.map(encodeURIComponent).join('/')}` };
		},
		async send(prepared, settings, parcel, { signal, timeout }) {
			const given = settings as DatabaseSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: timeout });
			try {
				const remote = await load(given, { parcel, deadline, timeout });
				const { size, sha256 } = parcel;
				const location = String((prepared as { location: string }).location);
				const at = toIso(clock.now());
				return {
					kind: 'delivered',
					receipt: { channel: 'database', location, size, sha256, remote, at },
				};
			} catch (error) {
				return failureFrom(deadline.signal.aborted ? deadline.signal.reason : error, given);
			} finally {
				deadline.end();
			}
		},
		probe: async (settings, context) =>
			probeTable(settings as DatabaseSettings, { egress, clock, context, openSession }),
		async close() {
			pool.close();
			await Promise.resolve();
		},
	};
}

const openSession = async (settings: DatabaseSettings, socket: Socket): Promise<LoadSession> =>
	settings.driver === 'postgres' ? openPostgres(settings, socket) : openMysql(settings, socket);

async function survey(
	rows: AsyncIterable<readonly Row[]>,
): Promise<{ names: Set<string>; count: number }> {
	const names = new Set<string>();
	let count = 0;
	for await (const batch of rows) {
		count += batch.length;
		for (const row of batch) for (const name of Object.keys(row)) names.add(name);
	}
	return { names, count };
}

async function fill(
	session: LoadSession,
	assignments: readonly Assignment[],
	{ rows, deadline }: { rows: AsyncIterable<readonly Row[]>; deadline: Deadline },
): Promise<void> {
	const size = batchSize(assignments.length);
	for await (const batch of rows) {
		for (let at = 0; at < batch.length; at += size) {
			await session.insert(assignments, batch.slice(at, at + size));
			deadline.progress();
		}
	}
}
