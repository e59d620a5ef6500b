import type { SQLInputValue } from 'node:sqlite';

import type { JobState, JobsQueryOptions, JobsSort, RemoveJobsOptions } from 'agenda';

import { encodeField, isJobField, JOB_COLUMNS } from './agenda-columns.ts';

/** A condition whose text is ours and whose values are bound. */
export interface Condition {
	sql: string;
	values: SQLInputValue[];
}

/**
 * The jobs with the state that Agenda computes from their instants, so that the database filters, counts and
 * pages by it. `:now` is the present instant.
 */
export const JOBS_WITH_STATE = `(SELECT *, CASE
	WHEN locked_at IS NOT NULL THEN 'running'
	WHEN failed_at IS NOT NULL AND (last_finished_at IS NULL OR failed_at >= last_finished_at) THEN 'failed'
	WHEN repeat_interval IS NOT NULL AND repeat_interval NOT IN ('""', '0') THEN 'repeating'
	WHEN next_run_at > :now THEN 'scheduled'
	WHEN next_run_at <= :now THEN 'queued'
	ELSE 'completed'
END AS job_state FROM agenda_jobs)`;

function and(conditions: readonly Condition[]): Condition {
	return {
		sql: conditions.length === 0 ? '1' : conditions.map((one) => one.sql).join(' AND '),
		values: conditions.flatMap((one) => one.values),
	};
}

/** One bound JSON array instead of as many placeholders: any length, and the same statement for all. */
function oneOf(column: 'id' | 'name', values: readonly string[], not = ''): Condition {
	return {
		sql: `${column} ${not} IN (SELECT value FROM json_each(?))`,
		values: [JSON.stringify(values.map(String))],
	};
}

function hasData(data: unknown): Condition {
	return { sql: 'agenda_data_contains(data, ?) = 1', values: [JSON.stringify(data) ?? 'null'] };
}

/**
 * The jobs that are to be removed, disabled or enabled; undefined when nothing was said, which must never
 * mean all. An empty list of ids or names is no job, not any job.
 */
export function selection(options: RemoveJobsOptions): Condition | undefined {
	const { id, ids, name, names, notNames, data } = options;
	const conditions: Condition[] = [];
	if (id !== undefined) conditions.push({ sql: 'id = ?', values: [String(id)] });
	if (ids) conditions.push(oneOf('id', ids));
	if (name !== undefined) conditions.push({ sql: 'name = ?', values: [name] });
	if (names) conditions.push(oneOf('name', names));
	if (notNames && notNames.length > 0) conditions.push(oneOf('name', notNames, 'NOT'));
	if (data !== undefined) conditions.push(hasData(data));
	return conditions.length === 0 ? undefined : and(conditions);
}

function inState(state: JobState): Condition {
	if (state === 'paused') return { sql: 'disabled = 1', values: [] };
	return { sql: 'job_state = ?', values: [state] };
}

/** The jobs that a reader asks for; empty texts and lists are filters that were not filled in. */
export function question(options: JobsQueryOptions): Condition {
	const { id, ids, name, names, search, state, data, includeDisabled = true } = options;
	const conditions: Condition[] = [];
	if (id) conditions.push({ sql: 'id = ?', values: [id] });
	if (ids && ids.length > 0) conditions.push(oneOf('id', ids));
	if (name) conditions.push({ sql: 'name = ?', values: [name] });
	if (names && names.length > 0) conditions.push(oneOf('name', names));
	if (search) conditions.push({ sql: 'instr(lower(name), lower(?)) > 0', values: [search] });
	if (data !== undefined) conditions.push(hasData(data));
	if (!includeDisabled) conditions.push({ sql: 'disabled = 0', values: [] });
	if (state) conditions.push(inState(state));
	return and(conditions);
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
export function uniqueness(name: string, unique: Record<string, unknown>): Condition {
	const conditions: Condition[] = [{ sql: 'name = ?', values: [name] }];
	for (const [key, value] of Object.entries(unique)) {
		if (key === 'data' || key.startsWith('data.')) {
			const path = key === 'data' ? [] : key.slice('data.'.length).split('.');
			conditions.push({
				sql: 'agenda_data_is(data, ?) = 1',
				values: [JSON.stringify([path, value ?? null])],
			});
		} else if (isJobField(key)) {
			conditions.push({
				sql: `${JOB_COLUMNS[key].column} IS ?`,
				values: [encodeField(key, value)],
			});
		} else {
			throw new TypeError(
				`job.unique: expected "data", "data.<path>" or a field of a job, got ${JSON.stringify(key)}`,
			);
		}
	}
	return and(conditions);
}
