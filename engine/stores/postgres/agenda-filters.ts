import type { JobState, JobsQueryOptions, JobsSort, RemoveJobsOptions } from 'agenda';

import {
	encodeField,
	isJobField,
	jobId,
	json,
	JOB_COLUMNS,
	placeholder,
} from './agenda-columns.ts';
import type { Conditions } from './conditions.ts';
import { createConditions } from './conditions.ts';
import { toTimestamp } from './timers.ts';

/**
 * The jobs with the state that Agenda computes from their instants, so that the database filters, counts and
 * pages by it. $1 is the present instant.
 */
export const JOBS_WITH_STATE = `(SELECT *, CASE
	WHEN locked_at IS NOT NULL THEN 'running'
	WHEN failed_at IS NOT NULL AND (last_finished_at IS NULL OR failed_at >= last_finished_at) THEN 'failed'
	WHEN repeat_interval IS NOT NULL AND repeat_interval NOT IN ('', '0') THEN 'repeating'
	WHEN next_run_at > ${toTimestamp('$1::bigint')} THEN 'scheduled'
	WHEN next_run_at <= ${toTimestamp('$1::bigint')} THEN 'queued'
	ELSE 'completed'
END AS job_state FROM agenda_jobs) AS jobs`;

const ids = (values: readonly unknown[]): string[] => values.flatMap((id) => jobId(id) ?? []);

/**
 * The jobs that are to be removed, disabled or enabled; undefined when nothing was said, which must never
 * mean all. An empty list of ids or names is no job, not any job.
 */
export function selection(options: RemoveJobsOptions): Conditions | undefined {
	const where = createConditions();
	const before = where.sql;
	if (options.id !== undefined) where.add('id = ?::uuid', jobId(options.id));
	if (options.ids) where.add('id = ANY(?::uuid[])', ids(options.ids));
	if (options.name !== undefined) where.add('name = ?', options.name);
	if (options.names) where.add('name = ANY(?::text[])', options.names.map(String));
	if (options.notNames && options.notNames.length > 0) {
		where.add('name <> ALL(?::text[])', options.notNames.map(String));
	}
	if (options.data !== undefined) where.add('data @> ?::jsonb', json(options.data) ?? 'null');
	return where.sql === before ? undefined : where;
}

/** The jobs that a reader asks for; empty texts and lists are filters that were not filled in. */
export function question(options: JobsQueryOptions, now: number): Conditions {
	const { id, names, state, includeDisabled = true } = options;
	const where = createConditions();
	where.bind(now);
	if (id) where.add('id = ?::uuid', jobId(id));
	if (options.ids && options.ids.length > 0) where.add('id = ANY(?::uuid[])', ids(options.ids));
	if (options.name) where.add('name = ?', options.name);
	if (names && names.length > 0) where.add('name = ANY(?::text[])', names.map(String));
	if (options.search) where.add('strpos(lower(name), lower(?)) > 0', options.search);
	if (options.data !== undefined) where.add('data @> ?::jsonb', json(options.data) ?? 'null');
	if (!includeDisabled) where.add('disabled = FALSE');
	if (state) inState(where, state);
	return where;
}

function inState(where: Conditions, state: JobState): void {
	if (state === 'paused') where.add('disabled = TRUE');
	else where.add('job_state = ?', state);
}

const SORTABLE: Record<keyof JobsSort, true> = {
	nextRunAt: true,
	lastRunAt: true,
	lastFinishedAt: true,
	priority: true,
	name: true,
	data: true,
};

/** In the order of the keys; what was never set comes last, and the id makes pages stable. */
export function order(sort: JobsSort = {}): string {
	const parts = Object.entries(sort).flatMap(([key, direction]) =>
		Object.hasOwn(SORTABLE, key)
			? [
					`${JOB_COLUMNS[key as keyof JobsSort].column} ${direction === 'asc' ? 'ASC' : 'DESC'} NULLS LAST`,
				]
			: [],
	);
	if (parts.length === 0) parts.push('next_run_at DESC NULLS LAST', 'last_run_at DESC NULLS LAST');
	return [...parts, 'id'].join(', ');
}

/**
 * The job that a save with `unique` means: `data`, `data.<path>` and fields of a job, compared for equality.
 * @throws TypeError on another key: guessing would merge jobs that differ
 */
export function uniqueness(
	name: string,
	unique: Record<string, unknown>,
	ahead: number,
): Conditions {
	const where = createConditions();
	where.add('name = ?', name);
	for (const [key, value] of Object.entries(unique)) {
		if (key === 'data' || key.startsWith('data.')) {
			const path = key === 'data' ? [] : key.slice('data.'.length).split('.');
			// What a path leads to; null where it leads nowhere, as for MongoDB.
			where.add(
				`coalesce(data #> ?::text[], 'null'::jsonb) = ?::jsonb`,
				path,
				json(value ?? null) ?? 'null',
			);
		} else if (isJobField(key)) {
			const { column } = JOB_COLUMNS[key];
			const at = where.values.length + 1;
			const is = `${column} IS NOT DISTINCT FROM ${placeholder(key, at)}`;
			where.add(is.replace(`$${at}`, '?'), encodeField(key, value, ahead));
		} else {
			throw new TypeError(
				`job.unique: expected "data", "data.<path>" or a field of a job, got ${JSON.stringify(key)}`,
			);
		}
	}
	return where;
}
