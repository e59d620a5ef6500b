import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Agenda } from 'agenda';
import type { AgendaBackend, Job, JobRepository } from 'agenda';

import type { Duration } from '../contract/time.ts';

export const MAINTENANCE_JOBS = ['maintenance.sweep', 'maintenance.retention'] as const;
export type MaintenanceJob = (typeof MAINTENANCE_JOBS)[number];

export interface MaintenanceOptions {
	backend: AgendaBackend;
	/** What is done; both may be begun again while or after another engine does the same. */
	jobs: { sweep(): Promise<void>; retention(): Promise<void> };
	intervals?: {
		/** Default 15 s. */
		sweep?: Duration;
		/** Default 1 h. */
		retention?: Duration;
		/** How often Agenda looks for due jobs; the idle cost is one read of an index per job. Default 5 s. */
		look?: Duration;
		/** How often jobs that somebody removed are written again. Default 1 min. */
		restore?: Duration;
	};
	/** How long `stop` waits for a job that runs. Default 10 s. */
	drainTimeout?: Duration;
	/** Errors of a job, and those of Agenda itself with no job. Nothing stops because of them. */
	onError: (error: unknown, job?: string) => void;
	/** Names this engine in the rows that it changes. Default a random UUID. */
	owner?: string;
}

/** Jobs of the engine itself, run by Agenda in one engine at a time. */
export interface Maintenance {
	start(): Promise<void>;
	/**
	 * Takes no more jobs, waits for the one that runs, and gives back those that were taken in advance.
	 * Agenda itself leaves timers that do nothing and end within `look`, at least 5 s; they hold the process.
	 */
	stop(): Promise<void>;
}

/**
 * A job whose lock is this old belonged to an engine that died. Running jobs renew theirs. Agenda keeps a
 * timer of half of it beyond the end of each job, so it is short.
 */
const LOCK_LIFETIME = 10_000;

/**
 * Instants of a shared store are translated by how far its clock is ahead, which is measured anew: the same lock may
 * look some milliseconds younger or older than it did.
 */
const SAME_LOCK = 1000;

interface Gate {
	/** What Agenda works with: it finds jobs only until the gate is closed. */
	repository: JobRepository;
	/** Resolves when the last look is over. */
	close: () => Promise<void>;
	/** Unlocks what was taken in advance and never begun, which Agenda's `drain` leaves locked. */
	release: () => Promise<void>;
}

function gate(repository: JobRepository): Gate {
	let closed = false;
	const looks = new Set<Promise<unknown>>();
	/** When each job was last taken: a later lock is another engine's, or of a job that runs. */
	const taken = new Map<string, number>();
	const getNextJobToRun: JobRepository['getNextJobToRun'] = async (...wanted) => {
		if (closed) return undefined;
		const look = repository.getNextJobToRun(...wanted);
		looks.add(look);
		try {
			const job = await look;
			if (job?.lockedAt) taken.set(String(job._id), job.lockedAt.getTime());
			return job;
		} finally {
			looks.delete(look);
		}
	};
	return {
		repository: new Proxy(repository, {
			get(target, key) {
				if (key === 'getNextJobToRun') return getNextJobToRun;
				const member: unknown = Reflect.get(target, key);
				return typeof member === 'function' ? (member.bind(target) as unknown) : member;
			},
		}),
		async close() {
			closed = true;
			await Promise.allSettled(looks);
		},
		async release() {
			const { jobs } = await repository.queryJobs({
				names: [...MAINTENANCE_JOBS],
				state: 'running',
			});
			const ours = jobs.filter(
				({ _id, lockedAt }) => Math.abs(Number(lockedAt) - (taken.get(_id) ?? 0)) < SAME_LOCK,
			);
			await repository.unlockJobs(ours.map(({ _id }) => _id));
		},
	};
}

/** Runs the work while the lock of its job is renewed; the last renewal is over before the job is. */
async function keepingLock(
	job: Job,
	work: () => Promise<void>,
	options: { lifetime: Duration; onError: (error: unknown) => void },
): Promise<void> {
	let renewal: Promise<void> = Promise.resolve();
	const renewals = setInterval(() => {
		renewal = job.touch().catch(options.onError);
	}, options.lifetime / 3);
	try {
		await work();
	} finally {
		clearInterval(renewals);
		await renewal;
	}
}

/** Agenda over a backend that is connected already: its constructor would not report a failure. */
function agendaOn(backend: AgendaBackend, repository: JobRepository, owner: string): Agenda {
	return new Agenda({
		name: owner,
		maxConcurrency: MAINTENANCE_JOBS.length,
		backend: {
			name: backend.name,
			repository,
			notificationChannel: backend.notificationChannel,
			ownsConnection: backend.ownsConnection,
			connect: async () => Promise.resolve(),
			disconnect: async () => {
				await backend.disconnect();
			},
		},
	});
}

/**
 * The JobProcessor defines, and therefore sees, only the maintenance jobs; timers such as `schedule.due` lie
 * in the same table and are claimed by the store. Time here is the wall clock, which is all Agenda knows.
 */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
	const { backend, jobs, onError, drainTimeout = 10_000, owner = randomUUID() } = options;
	const {
		sweep = 15_000,
		retention = 3_600_000,
		look = 5000,
		restore = 60_000,
	} = options.intervals ?? {};
	// A job is taken up to `look` before it is due, and must not look dead by then.
	const lifetime = Math.max(LOCK_LIFETIME, 2 * look);
	const plan: Record<MaintenanceJob, { every: Duration; run: () => Promise<void> }> = {
		'maintenance.sweep': { every: sweep, run: () => jobs.sweep() },
		'maintenance.retention': { every: retention, run: () => jobs.retention() },
	};
	let running: { stop(): Promise<void> } | undefined;

	function define(agenda: Agenda): void {
		for (const name of MAINTENANCE_JOBS) {
			const run = async (job: Job): Promise<void> => {
				await keepingLock(job, plan[name].run, {
					lifetime,
					onError: (error) => {
						onError(error, name);
					},
				});
			};
			agenda.define(name, run, { concurrency: 1, lockLimit: 1, lockLifetime: lifetime });
		}
	}

	async function schedule(agenda: Agenda): Promise<void> {
		for (const name of MAINTENANCE_JOBS) await agenda.every(plan[name].every, name);
	}

	/** Somebody may have emptied Agenda's table: without the sweep, nobody would write the timers again. */
	async function restoreMissing(agenda: Agenda): Promise<void> {
		const { total } = await agenda.queryJobs({ names: [...MAINTENANCE_JOBS] });
		if (total < MAINTENANCE_JOBS.length) await schedule(agenda);
	}

	return {
		async start() {
			if (running) return;
			await backend.connect();
			const { repository, close, release } = gate(backend.repository);
			const agenda = agendaOn(backend, repository, owner).processEvery(look);
			agenda.on('error', (error) => {
				onError(error);
			});
			agenda.on('fail', (error, job) => {
				onError(error, job.attrs.name);
			});
			define(agenda);
			await schedule(agenda);
			await agenda.start();
			const restoring = setInterval(() => {
				restoreMissing(agenda).catch(onError);
			}, restore).unref();
			running = {
				async stop() {
					clearInterval(restoring);
					await close();
					// Agenda's drain waits in vain between the last `complete` of a job and the end of that turn.
					await nextTurn();
					await agenda.drain({ timeout: drainTimeout, closeConnection: false });
					await release();
					if (backend.ownsConnection ?? true) await backend.disconnect();
				},
			};
		},

		async stop() {
			const stopping = running;
			running = undefined;
			await stopping?.stop();
		},
	};
}
