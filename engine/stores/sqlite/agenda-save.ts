import type { DebounceOptions, JobId, JobParameters } from 'agenda';

import type { Instant } from '../../contract/time.ts';
import type { JobFields, JobRow } from './agenda-columns.ts';
import { columnsOf, jobOf } from './agenda-columns.ts';
import type { Condition } from './agenda-filters.ts';
import { uniqueness } from './agenda-filters.ts';
import type { AgendaTable } from './agenda-table.ts';

type KeptJob<DATA> = JobParameters<DATA> & { _id: JobId };

interface Save extends Pick<AgendaTable, 'made' | 'newId'> {
	now: Instant;
	/** The name of the Agenda that saves. */
	by: string | undefined;
}

/** Only the fields that the caller gave are written; the others get their defaults. */
function insert<DATA>(save: Save, job: JobFields): KeptJob<DATA> {
	const { columns, values } = columnsOf(job, save.by);
	const row = save
		.made(
			`INSERT INTO agenda_jobs (id, ${columns.join(', ')})
			VALUES (?${', ?'.repeat(columns.length)}) RETURNING *`,
		)
		.get(save.newId(), ...values);
	return jobOf<DATA>(row as JobRow);
}

/** Only the fields that the caller gave are written; the others stay. */
function update<DATA>(save: Save, id: string, job: JobFields): KeptJob<DATA> | undefined {
	const { columns, values } = columnsOf(job, save.by);
	const row = save
		.made(
			`UPDATE agenda_jobs SET ${columns.map((column) => `${column} = ?`).join(', ')}
			WHERE id = ? AND name = ? RETURNING *`,
		)
		.get(...values, id, String(job.name));
	return row && jobOf<DATA>(row);
}

function find<DATA>({ made }: Save, { sql, values }: Condition): KeptJob<DATA> | undefined {
	const row = made(`SELECT * FROM agenda_jobs WHERE ${sql} LIMIT 1`).get(...values);
	return row && jobOf<DATA>(row);
}

/**
 * `every()` makes jobs of type `single`: at most one of a name. Starting again must not make a repeating job
 * run at once, so an instant that is not in the future does not replace the one that is kept.
 */
function saveSingle<DATA>(save: Save, job: JobParameters<DATA>): KeptJob<DATA> {
	const kept = find(save, { sql: "name = ? AND type = 'single'", values: [job.name] });
	if (!kept) return insert(save, job);
	const next = job.nextRunAt;
	const overdue = next instanceof Date && next.getTime() <= save.now;
	const changed = overdue ? { ...job, nextRunAt: kept.nextRunAt ?? next } : job;
	return update(save, kept._id, changed) ?? insert(save, job);
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

function saveUnique<DATA>(
	save: Save,
	job: JobParameters<DATA>,
	unique: Record<string, unknown>,
): KeptJob<DATA> {
	const { debounce, insertOnly } = job.uniqueOpts ?? {};
	const kept = find<DATA>(save, uniqueness(job.name, unique));
	if (kept && insertOnly && !debounce) return kept;
	const quiet = debounce && debounced(debounce, job, kept, save.now);
	const changed = { ...job, ...quiet };
	return (kept && update<DATA>(save, kept._id, changed)) ?? insert<DATA>(save, changed);
}

/**
 * Saves a job within the transaction of the caller: by id, as the only one of its name (`single`), as the only
 * one that `unique` matches, or as a new one. A job with an id that was removed meanwhile stays removed.
 */
export function saveJob<DATA>(
	table: AgendaTable,
	job: JobParameters<DATA>,
	by: string | undefined,
): JobParameters<DATA> {
	const save: Save = { made: table.made, newId: table.newId, now: table.clock.now(), by };
	if (job._id) return update<DATA>(save, job._id, job) ?? job;
	if (job.type === 'single') return saveSingle(save, job);
	if (job.unique) return saveUnique(save, job, job.unique);
	return insert(save, job);
}
