import type { DebounceOptions, JobId, JobParameters } from 'agenda';

import type { Instant } from '../../contract/time.ts';
import type { JobFields } from './agenda-columns.ts';
import { columnsOf, JOB, jobId, jobOf } from './agenda-columns.ts';
import { uniqueness } from './agenda-filters.ts';
import type { AgendaTable } from './agenda-table.ts';
import type { Conditions } from './conditions.ts';
import type { Queryable } from './database.ts';

type KeptJob<DATA> = JobParameters<DATA> & { _id: JobId };

interface Save {
	on: Queryable;
	now: Instant;
	ahead: number;
	/** The name of the Agenda that saves. */
	by: string | undefined;
}

/** Only the fields that the caller gave are written; the others get their defaults. */
async function insert<DATA>({ on, by, ahead }: Save, job: JobFields): Promise<KeptJob<DATA>> {
	const { columns, placeholders, values } = columnsOf(
		{ data: undefined, ...job },
		{ by, ahead, first: 1 },
	);
	const row = await on.get(
		`INSERT INTO agenda_jobs (${columns.join(', ')}) VALUES (${placeholders.join(', ')})
		RETURNING ${JOB}`,
		values,
	);
	return jobOf<DATA>(row ?? [], ahead);
}

/** Only the fields that the caller gave are written; the others stay. */
async function update<DATA>(
	{ on, by, ahead }: Save,
	id: string,
	job: JobFields,
): Promise<KeptJob<DATA> | undefined> {
	const { columns, placeholders, values } = columnsOf(job, { by, ahead, first: 3 });
	const row = await on.get(
		`UPDATE agenda_jobs
		SET ${columns.map((column, i) => `${column} = ${placeholders[i]}`).join(', ')}
		WHERE id = $1::uuid AND name = $2 RETURNING ${JOB}`,
		[jobId(id), String(job.name), ...values],
	);
	return row && jobOf<DATA>(row, ahead);
}

async function find<DATA>(
	{ on, ahead }: Save,
	where: Pick<Conditions, 'sql' | 'values'>,
): Promise<KeptJob<DATA> | undefined> {
	const row = await on.get(
		`SELECT ${JOB} FROM agenda_jobs WHERE ${where.sql} ORDER BY id LIMIT 1 FOR UPDATE`,
		where.values,
	);
	return row && jobOf<DATA>(row, ahead);
}

/**
 * `every()` makes jobs of type `single`: at most one of a name. Starting again must not make a repeating job
 * run at once, so an instant that is not in the future does not replace the one that is kept.
 */
async function saveSingle<DATA>(save: Save, job: JobParameters<DATA>): Promise<KeptJob<DATA>> {
	const kept = await find<DATA>(save, { sql: `name = $1 AND type = 'single'`, values: [job.name] });
	if (!kept) return insert(save, job);
	const next = job.nextRunAt;
	const overdue = next instanceof Date && next.getTime() <= save.now;
	const changed = overdue ? { ...job, nextRunAt: kept.nextRunAt ?? next } : job;
	return (await update<DATA>(save, kept._id, changed)) ?? insert(save, job);
}

/**
 * When a debounced save makes the job due, and when its quiet period began. A trailing period lasts until the
 * job runs; a leading one for `delay`, in which further saves only change the data.
 */
function debounced(
	{ delay, maxWait, strategy }: DebounceOptions,
	job: JobFields,
	kept: JobParameters | undefined,
	now: Instant,
): JobFields {
	const began = kept?.debounceStartedAt?.getTime() ?? now;
	if (strategy === 'leading') {
		const within = kept && now - began < delay;
		return within
			? { nextRunAt: kept.nextRunAt, debounceStartedAt: began }
			: { nextRunAt: job.nextRunAt, debounceStartedAt: now };
	}
	const pending = kept?.nextRunAt != null;
	if (pending && maxWait !== undefined && now - began >= maxWait) {
		// Due now; the next save begins another quiet period.
		return { nextRunAt: now, debounceStartedAt: null };
	}
	return { nextRunAt: now + delay, debounceStartedAt: pending ? began : now };
}

async function saveUnique<DATA>(
	save: Save,
	job: JobParameters<DATA>,
	unique: Record<string, unknown>,
): Promise<KeptJob<DATA>> {
	const { debounce, insertOnly } = job.uniqueOpts ?? {};
	const kept = await find<DATA>(save, uniqueness(job.name, unique, save.ahead));
	if (kept && insertOnly && !debounce) return kept;
	const quiet = debounce && debounced(debounce, job, kept, save.now);
	const changed = { ...job, ...quiet };
	return (kept && (await update<DATA>(save, kept._id, changed))) ?? insert<DATA>(save, changed);
}

/**
 * Saves a job: by id, as the only one of its name (`single`), as the only one that `unique` matches, or as a new
 * one. A job with an id that was removed meanwhile stays removed. Saves that first have to look do so one after
 * another, under a lock of the name.
 */
export async function saveJob<DATA>(
	{ db, now, ahead }: AgendaTable,
	job: JobParameters<DATA>,
	by: string | undefined,
): Promise<JobParameters<DATA>> {
	const common = { now: now(), ahead: ahead(), by };
	if (job._id) return (await update<DATA>({ ...common, on: db }, job._id, job)) ?? job;
	if (job.type !== 'single' && !job.unique) return insert({ ...common, on: db }, job);
	return db.transaction(async (on) => {
		await on.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 5))', [`agenda ${job.name}`]);
		const save: Save = { ...common, on };
		return job.type === 'single' ? saveSingle(save, job) : saveUnique(save, job, job.unique ?? {});
	});
}
