import { join } from 'node:path';

import type { Clock } from '../../clock.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import { createBlobFiles } from '../files/blob-files.ts';
import type { Store, TimerName } from '../store.port.ts';
import { createAccess } from './access.ts';
import { createArchive } from './archive.ts';
import { createBackfillEnds } from './backfill-ends.ts';
import { createBackfills } from './backfills.ts';
import { createCalendars } from './calendars.ts';
import { createCapabilities } from './capabilities.ts';
import { createCheckpointer } from './checkpointer.ts';
import type { CheckpointSizes } from './checkpointer.ts';
import { createCommitter } from './committer.ts';
import type { Committer, Write } from './committer.ts';
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
import { createNotifications } from './notifications.ts';
import { createOccur } from './occur.ts';
import { openFolder } from './open.ts';
import { createRepair } from './repair.ts';
import { createResults } from './results.ts';
import { createRetention } from './retention.ts';
import { createRetime } from './retime.ts';
import { createRunDetails } from './run-details.ts';
import { createRunGates } from './run-gates.ts';
import { createRuns } from './runs.ts';
import { createSchedules } from './schedules.ts';
import { createSharedStates } from './shared-states.ts';
import { createSettleRun } from './settle-run.ts';
import { createSpecs } from './specs.ts';
import { createTimers } from './timers.ts';

export interface SqliteStoreOptions {
	/** The data folder; made when missing. */
	folder: string;
	clock: Clock;
	/**
	 * Hit as `commit.before`, `commit.sync` (throws: the disk fails) and `commit.after`; while the log is written
	 * back as `checkpoint.begun` and `checkpoint.sync` (throws: the disk fails).
	 */
	faults: FaultPoints;
	/** One record could not be written, and the others were. Default: nothing hears of it. */
	onFault?: (fault: StoreFault) => void;
	/** When the log is written back; for tests. */
	checkpoints?: CheckpointSizes;
}

/** The store, and what Agenda's backend shares with it. */
export interface SqliteStore extends Store {
	readonly database: Database;
	/** Takes part in the group commit. */
	readonly write: Write;
	/** How many commits were made. */
	commits(): number;
}

/** Everything in one folder: `capscheduler.db`, `blobs/`, and the lock that keeps other engines out. */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
	const { folder, clock, faults, onFault = () => undefined, checkpoints } = options;
	const db = createDatabase(join(folder, 'capscheduler.db'), { syncedBy: 'caller' });
	const events = createEvents(db, onFault);
	const counts = createCounts({ db });
	const checkpointer = createCheckpointer({
		database: db,
		faults,
		onFault,
		...(checkpoints === undefined ? {} : { sizes: checkpoints }),
		onDiskFailure: (cause) => {
			committer.fail(cause);
		},
	});
	const committer = createCommitter({
		database: db,
		folder,
		faults,
		finish(gathered) {
			counts.append(gathered);
			events.append(gathered, clock.now());
		},
		checkpoint: checkpointer.committed,
		committed: events.announce,
	});
	const { write } = committer;
	const context: Context = { db, write, clock, timers: createTimers(db), onFault };

	const specs = createSpecs(context);
	const gates = createRunGates(db);
	const results = createResults(context);
	const blobs = createBlobFiles({ folder, clock, inline: results.inlineBytes });
	const links = createLinks(context);
	const calendars = createCalendars(context);
	const destinations = createDestinations(context);
	const deliveries = createDeliveries(context, { results, destinations });
	const notifications = createNotifications(context, { destinations });
	const ends = createBackfillEnds(context);
	const settle = createSettleRun(context, {
		gates,
		results,
		links,
		deliveries,
		notifications,
		backfills: ends,
	});
	const runs = createRuns(context, { gates, settle, specs });
	const archive = createArchive(context, folder);
	const healing = createHealing(context);
	const doctor = createDoctor(context, {
		has: (ref) => blobs.has(ref),
		unreferenced: () => blobs.unreferenced(results.isReferenced),
	});
	let closeFolder: (() => void) | null = null;

	const port = {
		async check() {
			await write(() => {
				setMark(db, 'checkedAt', clock.now());
			});
		},

		...createAccess(context),
		...createCapabilities(context),
		...destinations.port,
		...createSharedStates(context),
		...createSchedules(context, { specs, settle, ends, calendars }),
		...specs.port,
		...createOccur(context, { specs, runs, settle, calendars }),
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
		async nextTimerAt(names?: readonly TimerName[]) {
			return context.timers.nextAt(names);
		},
		...healing,
		...createRetention(context, { results, specs, blobs }),
		...counts.port,
		...doctor,
		...createRepair(context, {
			...healing,
			...doctor,
			archive,
			sweepFiles: () => blobs.sweep([], results.isReferenced),
		}),
	};
	return {
		exclusive: true,
		blobs,
		archive,
		database: db,
		write,
		commits: () => committer.commits,

		async open() {
			if (closeFolder !== null) return;
			closeFolder = await openFolder(folder, db, blobs);
			checkpointer.begin();
		},
		async close() {
			await committer.close();
			await checkpointer.close();
			closeFolder?.();
			closeFolder = null;
		},
		...durably(port, committer),
	};
}

/**
 * The same methods, whose answers wait until all that they may have read is on the disk: a commit can be read
 * while its log is being synced, and nobody may act on what a loss of power could take back. Writes wait
 * for their own sync anyway.
 */
function durably<P extends object>(port: P, committer: Pick<Committer, 'syncing'>): P {
	const methods = Object.entries(port) as [string, (...args: unknown[]) => unknown][];
	return Object.fromEntries(
		methods.map(([name, method]) => [
			name,
			(...args: unknown[]) => {
				const answer = method(...args);
				return answer instanceof Promise ? afterSync(answer, committer) : answer;
			},
		]),
	) as P;
}

async function afterSync<T>(answer: Promise<T>, committer: Pick<Committer, 'syncing'>): Promise<T> {
	const value = await answer;
	const { syncing } = committer;
	if (syncing !== null) await syncing;
	return value;
}
