import type { Clock } from '../../clock.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { ServerClock } from '../shared/server-clock.ts';
import type { Signal } from '../shared/signal.ts';
import type { Store } from '../store.port.ts';
import { createAccess } from './access.ts';
import { createArchive } from './archive.ts';
import { createBackfillEnds } from './backfill-ends.ts';
import { createBackfills } from './backfills.ts';
import { createBlobs } from './blobs.ts';
import { createCalendars } from './calendars.ts';
import { createCapabilities } from './capabilities.ts';
import { createCommits } from './commits.ts';
import type { Context, StoreFault } from './context.ts';
import { createCounts } from './counts.ts';
import type { CollectionName, Database } from './database.ts';
import { createDatabase } from './database.ts';
import { createDeliveries } from './deliveries.ts';
import { createDestinations } from './destinations.ts';
import { createDoctor } from './doctor.ts';
import type { Pending } from './effects.ts';
import { createEvents } from './events.ts';
import { createHealing } from './healing.ts';
import { createLeases } from './leases.ts';
import { createLinks } from './links.ts';
import { createNames } from './names.ts';
import { createNotifications } from './notifications.ts';
import { createOccur } from './occur.ts';
import { createRepair } from './repair.ts';
import { createResults } from './results.ts';
import { createRetention } from './retention.ts';
import { createRetime } from './retime.ts';
import { idempotencyRows } from './rows.ts';
import { createRunDetails } from './run-details.ts';
import { createRunGates } from './run-gates.ts';
import { createRuns } from './runs.ts';
import { createScheduleFailures } from './schedule-failures.ts';
import { createSchedules } from './schedules.ts';
import { migrate } from './schema.ts';
import { createSettleRuns } from './settle-run.ts';
import { createSharedStates } from './shared-states.ts';
import { createSpecs } from './specs.ts';
import { createTimeKeeper } from './time-keeper.ts';
import { createTimers } from './timers.ts';
import { createWatchSource } from './watch-source.ts';
import { createWatch } from './watch.ts';

export interface MongoStoreOptions {
	/** `mongodb://` or `mongodb+srv://`; the database of its path, or `capscheduler`. */
	url: string;
	/** For what is not to be kept. */
	folder: string;
	clock: Clock;
	/** Hit as `commit.before`, `commit.sync` (the root is written, its effects are not) and `commit.after`. */
	faults: FaultPoints;
	/** One record could not be written, and the others were. Default: nothing hears of it. */
	onFault?: (fault: StoreFault) => void;
	/** Follows the server's from when it opens; without, the clock is taken as it is. */
	serverClock?: ServerClock;
	/** Another engine has committed something. Default: nothing hears of it. */
	onSignal?: (signal: Signal) => void;
}

/** The store, and what Agenda's backend shares with it. */
export interface MongoStore extends Store {
	readonly database: Database;
}

/** Any number of engines share one database; see commits.ts for how writes stay whole. */
export function createMongoStore(options: MongoStoreOptions): MongoStore {
	const { url, folder, clock, faults, onFault = () => undefined } = options;
	const db = createDatabase(url);
	const commits = createCommits({ db, clock, faults });
	let lastSeq = 0;
	const context: Context = {
		db,
		commits,
		clock,
		faults,
		onFault,
		nextSeq: () => (lastSeq = Math.max(lastSeq + 1, clock.now() * 1000)),
	};

	const timers = createTimers(context);
	const events = createEvents(context);
	const watch = createWatch({
		clock,
		onFault,
		source: createWatchSource(db, events.by),
		heard(signal) {
			events.announce(signal.tenants);
			options.onSignal?.(signal);
		},
	});
	const timeKeeper = createTimeKeeper(context, options.serverClock);
	const specs = createSpecs(context);
	const names = createNames(context, async (kind, holder) => {
		const name = kind === 'destination' ? 'destinations' : 'calendars';
		return (await db.run(async () => db.of(name).findOne({ _id: holder }))) !== null;
	});
	const gates = createRunGates(context);
	const results = createResults(context);
	const blobs = createBlobs(context, folder);
	const links = createLinks(context);
	const calendars = createCalendars(context, names);
	const destinations = createDestinations(context, names);
	const deliveries = createDeliveries(context, { results });
	const notifications = createNotifications(context);
	const ends = createBackfillEnds(context);
	const settle = createSettleRuns(context, { results });
	const runs = createRuns(context, { gates, settle, specs, results });
	const schedules = createSchedules(context, { specs, calendars });

	commits.handle({
		events: events.append,
		insert: async (pending) => insertAll(db, pending),
		once: async (pending) =>
			insertAll(
				db,
				pending.map((one) => ({
					...one,
					of: { into: 'idempotency', doc: { ...idempotencyRows.toDoc(one.of), v: 1, w: [] } },
				})),
			),
		settle: runs.settlePacked,
		run: runs.insert,
		end: runs.settlePacked,
		delivery: deliveries.settlePending,
		timer: timers.apply,
		release: gates.release,
		serial: gates.promote,
		failure: createScheduleFailures(context),
		backfill: ends.runEnded,
		scheduleDeleted: ends.scheduleDeleted,
		delivered: deliveries.remember,
		disable: destinations.disable,
		forget: schedules.forget,
		unname: async (pending) => names.release(pending.map(({ of }) => of)),
		remove: async (pending) => removeAll(db, pending),
	});

	const archive = createArchive(context, { names, gates, blobs, results });
	const healing = createHealing(context, { timers, gates });
	const doctor = createDoctor(context, blobs);

	return {
		exclusive: false,
		blobs,
		archive,
		database: db,

		async open() {
			await db.open();
			try {
				await migrate(db);
				await blobs.prepare();
				await timeKeeper.start();
			} catch (error) {
				await db.close();
				throw error;
			}
			watch.start();
		},
		async close() {
			timeKeeper.stop();
			await watch.stop();
			await blobs.close();
			await commits.settled();
			await db.close();
		},
		/** A write that a majority acknowledged, and a read of it. */
		async check() {
			const at = clock.now();
			await db.run(async () =>
				db.of('marks').updateOne({ _id: 'checkedAt' }, { $max: { value: at } }, { upsert: true }),
			);
			await db.run(async () => db.of('marks').findOne({ _id: 'checkedAt' }));
		},

		...createAccess(context),
		...createCapabilities(context),
		...destinations.port,
		...schedules.port,
		...specs.port,
		...createOccur(context, { specs, runs, calendars, timers }),
		...calendars.port,
		...createRetime(context, { calendars }),
		...runs.port,
		...createBackfills(context, { specs, runs, ends }),
		...createLeases(context),
		...createRunDetails({ runs, specs, results, deliveries, notifications, links }),
		...results.port,
		...links.port,
		...deliveries.port,
		...notifications.port,
		...events.port,
		nextTimerAt: async (names) => timers.nextAt(names),
		...healing,
		...createRetention(context, { specs, blobs, timers }),
		...createSharedStates(context),
		...createCounts(context),
		...doctor,
		...createRepair(context, { ...healing, ...doctor, archive, blobs, timers }),
	};
}

/** What is there stays. */
async function insertAll(db: Database, pending: readonly Pending<'insert'>[]): Promise<void> {
	const byCollection = Map.groupBy(pending, ({ of }) => of.into);
	await Promise.all(
		[...byCollection].map(async ([into, list]) =>
			db.run(async () =>
				db.of(into).bulkWrite(
					list.map(({ of }) => {
						const { _id, ...fields } = of.doc;
						const update = { $setOnInsert: fields };
						return { updateOne: { filter: { _id }, update, upsert: true } };
					}),
					{ ordered: false },
				),
			),
		),
	);
}

async function removeAll(db: Database, pending: readonly Pending<'remove'>[]): Promise<void> {
	for (const { of } of pending) {
		const from: CollectionName = of.from;
		await db.run(async () => db.of(from).deleteOne({ _id: of.id, deleted: true }));
	}
}
