import { randomUUID } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { Duration } from '../../contract/time.ts';
import { createBlobFiles } from '../files/blob-files.ts';
import type { Signal } from '../shared/signal.ts';
import type { ServerClock } from '../shared/server-clock.ts';
import type { Store } from '../store.port.ts';
import { createAccess } from './access.ts';
import { createArchive } from './archive.ts';
import { createBackfillEnds } from './backfill-ends.ts';
import { createBackfills } from './backfills.ts';
import { createBlobTable } from './blobs.ts';
import { createCalendars } from './calendars.ts';
import { createCapabilities } from './capabilities.ts';
import { createCommitter } from './committer.ts';
import type { Context, StoreFault } from './context.ts';
import { createCounts } from './counts.ts';
import { createDatabase } from './database.ts';
import type { Database } from './database.ts';
import { createDeliveries } from './deliveries.ts';
import { createDestinations } from './destinations.ts';
import { createDoctor } from './doctor.ts';
import { createEvents } from './events.ts';
import { createHealing } from './healing.ts';
import { createLeases } from './leases.ts';
import { createLinks } from './links.ts';
import { setMark } from './marks.ts';
import type { Migration } from './migration.ts';
import { createNotifications } from './notifications.ts';
import { createOccur } from './occur.ts';
import { createRepair } from './repair.ts';
import { createResults } from './results.ts';
import { createScratchFolder } from '../files/scratch-folder.ts';
import { createRetention } from './retention.ts';
import { createRetime } from './retime.ts';
import { createRunDetails } from './run-details.ts';
import { createRunGates } from './run-gates.ts';
import { createRuns } from './runs.ts';
import { migrate } from './schema.ts';
import { createSignals } from './signals.ts';
import { createSharedStates } from './shared-states.ts';
import { createSchedules } from './schedules.ts';
import { createSettleRuns } from './settle-run.ts';
import { createSpecs } from './specs.ts';
import { parseTarget } from './target.ts';
import { earliestTimer, toInstant } from './timers.ts';
import { finishTimers } from './transaction.ts';

export interface PostgresStoreOptions {
	/** `postgres://user:password@host:port/database`, see target.ts. */
	url: string;
	/** On this engine's own disk, for what is needed for a while only. */
	folder: string;
	clock: Clock;
	/** The clock, where it is to be that of the server: measured at the start and from then on. */
	serverClock?: ServerClock;
	/** Another engine has committed something. */
	onSignal?: (signal: Signal) => void;
	/** Hit as `commit.before`, `commit.sync` (while the reply is awaited) and `commit.after`. */
	faults: FaultPoints;
	/** How long writes wait for a database that went away, before they are refused. Default 10 s. */
	patience?: Duration;
	/** When a connection that says nothing is given up. Default 15 s. */
	answerWithin?: Duration;
	/** The tables' versions; default: all that this engine knows. */
	migrations?: readonly Migration[];
	/** One record could not be written, and the others were. Default: nothing hears of it. */
	onFault?: (fault: StoreFault) => void;
}

/** The store, and what Agenda's backend shares with it. */
export interface PostgresStore extends Store {
	readonly database: Database;
	/** How many commits were made. */
	commits(): number;
}

/** Everything in one schema of a database that any number of engines share. */
export function createPostgresStore(options: PostgresStoreOptions): PostgresStore {
	const {
		url,
		folder,
		clock,
		faults,
		onFault = () => undefined,
		onSignal = () => undefined,
	} = options;
	const target = parseTarget(url);
	const db = createDatabase(target, { answerWithin: options.answerWithin });
	const events = createEvents({ db, onFault, clock });
	const counts = createCounts({ db });
	const committer = createCommitter({
		db,
		faults,
		patience: options.patience,
		async finish(tx, xid) {
			await finishTimers(tx);
			counts.append(tx, tx.gathered);
			events.append(tx, tx.gathered, { xid, at: clock.now() });
			await tx.flush();
		},
		committed(gathered, xid) {
			events.announce(new Set(gathered.events.map(({ tenant }) => tenant)), xid);
			signals.send(gathered);
		},
	});
	const signals = createSignals({
		db,
		clock,
		channel: `capscheduler_${target.schema}`,
		by: randomUUID(),
		heard(signal) {
			events.announce(signal.tenants, null);
			onSignal(signal);
		},
	});
	const timeKeeper = createTimeKeeper(db, clock, options.serverClock);
	const { write } = committer;
	const context: Context = { db, write, clock, onFault };

	const specs = createSpecs(context);
	const gates = createRunGates();
	const results = createResults(context);
	const scratch = createScratchFolder(folder);
	const files = createBlobFiles({ folder: scratch.path, clock, inline: () => null });
	const blobs = createBlobTable({ db, clock, scratch: files });
	const links = createLinks(context);
	const calendars = createCalendars(context);
	const destinations = createDestinations(context);
	const deliveries = createDeliveries(context, { results, destinations });
	const notifications = createNotifications(context, { destinations });
	const ends = createBackfillEnds();
	const settle = createSettleRuns({ gates, results, deliveries, notifications, backfills: ends });
	const runs = createRuns(context, { gates, settle, specs });
	const archive = createArchive(context);
	const healing = createHealing(context);
	const doctor = createDoctor(context);

	return {
		exclusive: false,
		blobs,
		archive,
		database: db,
		commits: () => committer.commits,

		async open() {
			await migrate(db, target.schema, options.migrations);
			db.open();
			await timeKeeper.start();
			await events.open();
			scratch.clean();
			files.prepare();
			signals.open();
		},
		async close() {
			await committer.close();
			timeKeeper.stop();
			await signals.close();
			events.close();
			await db.close();
			scratch.remove();
		},
		/** Beside the commits, so that it says at once when they cannot be made. */
		async check() {
			await db.transaction((on) => setMark(on, 'checkedAt', clock.now()));
		},

		...createAccess(context),
		...createCapabilities(context),
		...destinations.port,
		...createSchedules(context, { specs, settle, ends, calendars }),
		...specs.port,
		...createOccur(context, { specs, runs, settle, calendars }),
		...calendars.port,
		...createRetime(context, { calendars }),
		...runs.port,
		...createSharedStates(context),
		...createBackfills(context, { specs, runs, ends }),
		...createLeases(context),
		...createRunDetails(context, { runs, specs, results, deliveries, notifications, links }),
		...results.port,
		...links.port,
		...deliveries.port,
		...notifications.port,
		...events.port,
		nextTimerAt: (names) => earliestTimer(db, names),
		...healing,
		...createRetention(context, { specs, blobs }),
		...counts.port,
		...doctor,
		...createRepair(context, { ...healing, ...doctor, archive, blobs }),
	};
}

/** How often the server's clock is asked for: milliseconds. */
const SYNC_EVERY = 10_000;
const SERVER_TIME = `SELECT ${toInstant('clock_timestamp()')}`;

/** Keeps the clock by the server's. What fails is tried again: until then time goes by the monotonic clock. */
function createTimeKeeper(
	db: Database,
	clock: Clock,
	serverClock: ServerClock | undefined,
): { start(): Promise<void>; stop(): void } {
	let cancel: (() => void) | null = null;
	const ask = async (): Promise<number> =>
		(await db.get<[number]>(SERVER_TIME))?.[0] ?? clock.now();
	const again = (): void => {
		cancel = clock.after(SYNC_EVERY, () => {
			serverClock
				?.sync(ask)
				.catch(() => undefined)
				.finally(() => {
					if (cancel !== null) again();
				});
		});
	};
	return {
		async start() {
			if (serverClock === undefined) return;
			await serverClock.sync(ask);
			again();
		},
		stop() {
			cancel?.();
			cancel = null;
		},
	};
}
