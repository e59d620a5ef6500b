import type { SQLInputValue } from 'node:sqlite';

import type {
	JobParameters,
	JobRepository,
	JobState,
	JobsOverview,
	JobsQueryOptions,
	JobWithState,
	RemoveJobsOptions,
} from 'agenda';

import type { JobField, JobRow } from './agenda-columns.ts';
import { encodeField, jobOf, JOB_COLUMNS } from './agenda-columns.ts';
import { JOBS_WITH_STATE, order, question, selection } from './agenda-filters.ts';
import { saveJob } from './agenda-save.ts';
import type { AgendaTable } from './agenda-table.ts';

/** What one run of a job changes, and nothing else: what a user saves meanwhile stays. */
const RUN_FIELDS = [
	'lockedAt',
	'nextRunAt',
	'lastRunAt',
	'lastFinishedAt',
	'failedAt',
	'failCount',
	'failReason',
	'progress',
] as const satisfies readonly JobField[];

const SAVE_STATE = `UPDATE agenda_jobs
	SET ${RUN_FIELDS.map((field) => `${JOB_COLUMNS[field].column} = ?`).join(', ')}, last_modified_by = ?
	WHERE id = ? AND name = ?`;

/**
 * The next job of a name: the earliest that is due and free, then one whose lock is older than the deadline.
 * Two searches of one index each; as one with OR, every future job of the name would be read at every look.
 */
const NEXT = `SELECT id FROM (
	SELECT * FROM (SELECT id, next_run_at, priority FROM agenda_jobs
		WHERE name = :name AND disabled = 0 AND locked_at IS NULL AND next_run_at <= :until
		ORDER BY next_run_at, priority DESC LIMIT 1)
	UNION ALL
	SELECT * FROM (SELECT id, next_run_at, priority FROM agenda_jobs
		WHERE name = :name AND disabled = 0 AND locked_at <= :deadline
		ORDER BY next_run_at NULLS LAST, priority DESC LIMIT 1)
) ORDER BY next_run_at NULLS LAST, priority DESC LIMIT 1`;

const LOCK_NEXT = `UPDATE agenda_jobs SET locked_at = :now, last_modified_by = :by
	WHERE id = (${NEXT}) RETURNING *`;

const LOCK = `UPDATE agenda_jobs SET locked_at = ?, last_modified_by = ?
	WHERE id = ? AND name = ? AND locked_at IS NULL AND next_run_at = ? AND disabled = 0 RETURNING *`;

const STATES = [
	'running',
	'scheduled',
	'queued',
	'completed',
	'failed',
	'repeating',
] as const satisfies JobState[];

/** A job that is disabled counts as paused beside the state that its instants say. */
const OVERVIEW = `SELECT name, COUNT(*) AS total, SUM(disabled = 1) AS paused,
	${STATES.map((state) => `SUM(job_state = '${state}') AS ${state}`).join(', ')}
	FROM ${JOBS_WITH_STATE} GROUP BY name ORDER BY name`;

const count = (limit: number | undefined): number => Math.max(0, Math.trunc(limit ?? 0) || 0);

/**
 * Agenda's jobs in SQLite. Reading, saving and locking are one transaction each, so that any number of Agendas,
 * in this process or another, share the file and none runs a job that another holds.
 */
export function createAgendaRepository(table: AgendaTable): JobRepository {
	const { fixed, made, write, clock } = table;

	const changed = async (sql: string, ...values: SQLInputValue[]): Promise<number> =>
		write(() => Number(fixed(sql).run(...values).changes));

	async function changeSelected(verb: string, options: RemoveJobsOptions): Promise<number> {
		const where = selection(options);
		if (!where) return 0;
		return write(() => Number(made(`${verb} WHERE ${where.sql}`).run(...where.values).changes));
	}

	return {
		async connect() {
			fixed('SELECT 1 FROM agenda_jobs LIMIT 1').get();
		},

		async queryJobs(options: JobsQueryOptions = {}) {
			const where = question(options);
			const now = { now: clock.now() };
			const from = `FROM ${JOBS_WITH_STATE} WHERE ${where.sql}`;
			const rows = made(`SELECT * ${from} ORDER BY ${order(options.sort)} LIMIT ? OFFSET ?`).all(
				now,
				...where.values,
				count(options.limit) || -1,
				count(options.skip),
			);
			const found = made(`SELECT COUNT(*) AS total ${from}`).get(now, ...where.values);
			const jobs = rows.map((row): JobWithState => ({
				...jobOf(row as JobRow),
				state: row['job_state'] as JobState,
			}));
			return { jobs, total: Number(found?.['total']) };
		},

		async getJobsOverview() {
			const rows = fixed(OVERVIEW).all({ now: clock.now() });
			return rows.map((row) => ({ ...row }) as unknown as JobsOverview);
		},

		async getDistinctJobNames() {
			const rows = fixed('SELECT DISTINCT name FROM agenda_jobs ORDER BY name').all();
			return rows.map((row) => String(row['name']));
		},

		async getJobById(id) {
			const row = fixed('SELECT * FROM agenda_jobs WHERE id = ?').get(id);
			return row ? jobOf(row as JobRow) : null;
		},

		async getQueueSize() {
			const sql = 'SELECT COUNT(*) AS size FROM agenda_jobs WHERE next_run_at < ?';
			return Number(fixed(sql).get(clock.now())?.['size']);
		},

		removeJobs: async (options) => changeSelected('DELETE FROM agenda_jobs', options),
		disableJobs: async (options) => changeSelected('UPDATE agenda_jobs SET disabled = 1', options),
		enableJobs: async (options) => changeSelected('UPDATE agenda_jobs SET disabled = 0', options),
		purgeAllJobs: async () => changed('DELETE FROM agenda_jobs WHERE 1'),

		async saveJob<DATA>(job: JobParameters<DATA>, options?: { lastModifiedBy?: string }) {
			const by = options?.lastModifiedBy;
			return write(() => saveJob(table, job, by));
		},

		async saveJobState(job, options) {
			if (!job._id) throw new TypeError(`job "${job.name}": expected an _id to save the state of`);
			const values = RUN_FIELDS.map((field) => encodeField(field, job[field]));
			const by = options?.lastModifiedBy ?? null;
			if ((await changed(SAVE_STATE, ...values, by, String(job._id), job.name)) === 0) {
				throw new Error(
					`job "${job.name}" ${job._id} is not in the store, it may have been removed`,
				);
			}
		},

		async lockJob(job, options) {
			const { _id, name, nextRunAt } = job;
			if (!_id || !nextRunAt) return undefined;
			const due = encodeField('nextRunAt', nextRunAt);
			const by = options?.lastModifiedBy ?? null;
			const row = await write(() => fixed(LOCK).get(clock.now(), by, String(_id), name, due));
			return row && jobOf(row as JobRow);
		},

		async unlockJob(job) {
			if (!job._id) return;
			// A job without a next instant is running: its lock goes when it ends or grows too old.
			await changed(
				'UPDATE agenda_jobs SET locked_at = NULL WHERE id = ? AND next_run_at IS NOT NULL',
				String(job._id),
			);
		},

		async unlockJobs(jobIds) {
			if (jobIds.length === 0) return;
			await changed(
				'UPDATE agenda_jobs SET locked_at = NULL WHERE id IN (SELECT value FROM json_each(?))',
				JSON.stringify(jobIds.map(String)),
			);
		},

		async getNextJobToRun(name, nextScanAt, lockDeadline, now, options) {
			const wanted = { name, until: nextScanAt.getTime(), deadline: lockDeadline.getTime() };
			// Most looks find nothing; those take no lock and no part in a commit.
			if (!fixed(NEXT).get(wanted)) return undefined;
			const lock = { now: now?.getTime() ?? clock.now(), by: options?.lastModifiedBy ?? null };
			const row = await write(() => fixed(LOCK_NEXT).get({ ...wanted, ...lock }));
			return row && jobOf(row as JobRow);
		},
	};
}
