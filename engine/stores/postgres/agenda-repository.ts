import type {
	JobParameters,
	JobRepository,
	JobState,
	JobsOverview,
	JobsQueryOptions,
	JobWithState,
	RemoveJobsOptions,
} from 'agenda';

import type { JobField } from './agenda-columns.ts';
import { encodeField, JOB, jobId, jobOf, JOB_COLUMNS, placeholder } from './agenda-columns.ts';
import { JOBS_WITH_STATE, order, question, selection } from './agenda-filters.ts';
import { saveJob } from './agenda-save.ts';
import type { AgendaTable } from './agenda-table.ts';
import { toTimestamp } from './timers.ts';

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

const SAVE_STATE = `UPDATE agenda_jobs SET ${RUN_FIELDS.map(
	(field, i) => `${JOB_COLUMNS[field].column} = ${placeholder(field, i + 4)}`,
).join(', ')}, last_modified_by = $3 WHERE id = $1::uuid AND name = $2`;

/**
 * The next job of a name: the earliest that is due and free, then one whose lock is older than the deadline.
 * Two searches of one index each; what another Agenda is taking just now is left to it.
 */
const FREE = `SELECT id FROM agenda_jobs
	WHERE name = $1 AND disabled = FALSE AND locked_at IS NULL AND next_run_at <= ${toTimestamp('$2::bigint')}
	ORDER BY next_run_at, priority DESC LIMIT 1`;
const LEFT = `SELECT id FROM agenda_jobs
	WHERE name = $1 AND disabled = FALSE AND locked_at <= ${toTimestamp('$2::bigint')}
	ORDER BY next_run_at NULLS LAST, priority DESC LIMIT 1`;
const lockNext = (which: string): string => `UPDATE agenda_jobs
	SET locked_at = ${toTimestamp('$3::bigint')}, last_modified_by = $4
	WHERE id = (${which} FOR UPDATE SKIP LOCKED) RETURNING ${JOB}`;

const LOCK = `UPDATE agenda_jobs SET locked_at = ${toTimestamp('$4::bigint')}, last_modified_by = $5
	WHERE id = $1::uuid AND name = $2 AND locked_at IS NULL AND disabled = FALSE
	AND next_run_at = ${toTimestamp('$3::bigint')} RETURNING ${JOB}`;

const STATES = [
	'running',
	'scheduled',
	'queued',
	'completed',
	'failed',
	'repeating',
] as const satisfies JobState[];

/** A job that is disabled counts as paused beside the state that its instants say. */
const OVERVIEW = `SELECT name, count(*), count(*) FILTER (WHERE disabled),
	${STATES.map((state) => `count(*) FILTER (WHERE job_state = '${state}')`).join(', ')}
	FROM ${JOBS_WITH_STATE} GROUP BY name ORDER BY name COLLATE "C"`;

const count = (limit: number | undefined): number => Math.max(0, Math.trunc(limit ?? 0) || 0);

/**
 * Agenda's jobs in PostgreSQL, each change one statement, so that any number of Agendas share the table and none
 * runs a job that another holds.
 */
export function createAgendaRepository(table: AgendaTable): JobRepository {
	const { db, now, ahead } = table;

	async function changeSelected(verb: string, options: RemoveJobsOptions): Promise<number> {
		const where = selection(options);
		return where === undefined ? 0 : db.run(`${verb} WHERE ${where.sql}`, where.values);
	}

	return {
		async connect() {
			await db.get('SELECT 1 FROM agenda_jobs LIMIT 1');
		},

		async queryJobs(options: JobsQueryOptions = {}) {
			const where = question(options, now() + ahead());
			const from = `FROM ${JOBS_WITH_STATE} WHERE ${where.sql}`;
			const values = [...where.values];
			const limit = count(options.limit);
			const rows = await db.rows(
				`SELECT ${JOB}, job_state ${from} AND $1::bigint IS NOT NULL
				ORDER BY ${order(options.sort)} LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
				[...values, limit === 0 ? null : limit, count(options.skip)],
			);
			const found = await db.get<[number]>(`SELECT count(*) ${from}`, values);
			const jobs = rows.map((row): JobWithState => ({
				...jobOf(row, ahead()),
				state: row.at(-1) as JobState,
			}));
			return { jobs, total: found?.[0] ?? 0 };
		},

		async getJobsOverview() {
			const rows = await db.rows<[name: string, total: number, paused: number, ...number[]]>(
				OVERVIEW,
				[now() + ahead()],
			);
			return rows.map(([name, total, paused, ...states]) => ({
				name,
				total,
				paused,
				...Object.fromEntries(STATES.map((state, i) => [state, states[i]])),
			})) as unknown as JobsOverview[];
		},

		async getDistinctJobNames() {
			const sql = 'SELECT DISTINCT name COLLATE "C" FROM agenda_jobs ORDER BY 1';
			return (await db.rows<[string]>(sql)).map(([name]) => name);
		},

		async getJobById(id) {
			const row = await db.get(`SELECT ${JOB} FROM agenda_jobs WHERE id = $1::uuid`, [jobId(id)]);
			return row ? jobOf(row, ahead()) : null;
		},

		async getQueueSize() {
			const sql = `SELECT count(*) FROM agenda_jobs WHERE next_run_at < ${toTimestamp('$1::bigint')}`;
			return (await db.get<[number]>(sql, [now() + ahead()]))?.[0] ?? 0;
		},

		removeJobs: async (options) => changeSelected('DELETE FROM agenda_jobs', options),
		disableJobs: async (options) =>
			changeSelected('UPDATE agenda_jobs SET disabled = TRUE', options),
		enableJobs: async (options) =>
			changeSelected('UPDATE agenda_jobs SET disabled = FALSE', options),
		purgeAllJobs: async () => db.run('DELETE FROM agenda_jobs'),

		async saveJob<DATA>(job: JobParameters<DATA>, options?: { lastModifiedBy?: string }) {
			return saveJob(table, job, options?.lastModifiedBy);
		},

		async saveJobState(job, options) {
			if (!job._id) throw new TypeError(`job "${job.name}": expected an _id to save the state of`);
			const values = RUN_FIELDS.map((field) => encodeField(field, job[field], ahead()));
			const changed = await db.run(SAVE_STATE, [
				jobId(job._id),
				job.name,
				options?.lastModifiedBy ?? null,
				...values,
			]);
			if (changed === 0) {
				throw new Error(
					`job "${job.name}" ${job._id} is not in the store, it may have been removed`,
				);
			}
		},

		async lockJob(job, options) {
			const { _id, name, nextRunAt } = job;
			if (!_id || !nextRunAt) return undefined;
			const row = await db.get(LOCK, [
				jobId(_id),
				name,
				encodeField('nextRunAt', nextRunAt, ahead()),
				now() + ahead(),
				options?.lastModifiedBy ?? null,
			]);
			return row && jobOf(row, ahead());
		},

		async unlockJob(job) {
			if (!job._id) return;
			// A job without a next instant is running: its lock goes when it ends or grows too old.
			await db.run(
				'UPDATE agenda_jobs SET locked_at = NULL WHERE id = $1::uuid AND next_run_at IS NOT NULL',
				[jobId(job._id)],
			);
		},

		async unlockJobs(jobIds) {
			if (jobIds.length === 0) return;
			await db.run('UPDATE agenda_jobs SET locked_at = NULL WHERE id = ANY($1::uuid[])', [
				jobIds.flatMap((id) => jobId(id) ?? []),
			]);
		},

		async getNextJobToRun(name, nextScanAt, lockDeadline, at, options) {
			const shift = ahead();
			const lock = [(at?.getTime() ?? now()) + shift, options?.lastModifiedBy ?? null];
			for (const [which, until] of [
				[FREE, nextScanAt.getTime() + shift],
				[LEFT, lockDeadline.getTime() + shift],
			] as const) {
				// Most looks find nothing; those write nothing.
				if ((await db.get(which, [name, until])) === undefined) continue;
				const row = await db.get(lockNext(which), [name, until, ...lock]);
				if (row !== undefined) return jobOf(row, shift);
			}
			return undefined;
		},
	};
}
