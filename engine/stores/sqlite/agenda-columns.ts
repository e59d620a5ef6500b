import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { inspect } from 'node:util';

import type { JobId, JobParameters } from 'agenda';

/** `instant` is milliseconds since 1970, `flag` 0 or 1, `json` text; `plain` is kept as it comes. */
type Codec = 'instant' | 'flag' | 'json' | 'plain';

/** What a caller may set. `unique` and `uniqueOpts` steer one save and are not kept. */
export type JobField = Exclude<
	keyof JobParameters,
	'_id' | 'unique' | 'uniqueOpts' | 'lastModifiedBy'
>;
/** Some fields of a job, as they come from a caller. */
export type JobFields = { [F in keyof JobParameters]?: unknown };
export type JobRow = Record<string, SQLOutputValue>;

/**
 * Column and codec of every field, named in the style of Agenda's own SQL backends (settled with schema.ts).
 * SQL takes its names from here, never from a job or a request.
 */
export const JOB_COLUMNS = {
	name: { column: 'name', codec: 'plain' },
	priority: { column: 'priority', codec: 'plain' },
	type: { column: 'type', codec: 'plain' },
	data: { column: 'data', codec: 'json' },
	nextRunAt: { column: 'next_run_at', codec: 'instant' },
	lockedAt: { column: 'locked_at', codec: 'instant' },
	lastRunAt: { column: 'last_run_at', codec: 'instant' },
	lastFinishedAt: { column: 'last_finished_at', codec: 'instant' },
	failedAt: { column: 'failed_at', codec: 'instant' },
	failCount: { column: 'fail_count', codec: 'plain' },
	failReason: { column: 'fail_reason', codec: 'plain' },
	repeatInterval: { column: 'repeat_interval', codec: 'json' },
	repeatAt: { column: 'repeat_at', codec: 'plain' },
	repeatTimezone: { column: 'repeat_timezone', codec: 'plain' },
	startDate: { column: 'start_date', codec: 'instant' },
	endDate: { column: 'end_date', codec: 'instant' },
	skipDays: { column: 'skip_days', codec: 'json' },
	disabled: { column: 'disabled', codec: 'flag' },
	fork: { column: 'fork', codec: 'flag' },
	progress: { column: 'progress', codec: 'plain' },
	debounceStartedAt: { column: 'debounce_started_at', codec: 'instant' },
} as const satisfies Record<JobField, { column: string; codec: Codec }>;

const FIELDS = Object.keys(JOB_COLUMNS) as JobField[];

export function isJobField(name: string): name is JobField {
	return Object.hasOwn(JOB_COLUMNS, name);
}

function instant(field: JobField, value: unknown): number {
	const at = value instanceof Date ? value.getTime() : new Date(value as string | number).getTime();
	if (Number.isNaN(at)) throw new TypeError(`job.${field}: expected a date, got ${String(value)}`);
	return at;
}

/** The value of a field as it is bound. What is not given is NULL, or the default of a column that needs one. */
export function encodeField(field: JobField, value: unknown): SQLInputValue {
	const { codec } = JOB_COLUMNS[field];
	if (codec === 'flag') return value === true ? 1 : 0;
	if (field === 'priority') return (value ?? 0) as SQLInputValue;
	if (field === 'type') return value === 'single' ? 'single' : 'normal';
	// A job's data may be null itself, which is more than having none.
	if (value === undefined || (value === null && field !== 'data')) return null;
	if (codec === 'instant') return instant(field, value);
	// A job may throw anything; what cannot be written down here would keep it locked.
	if (field === 'failReason' && typeof value !== 'string') return inspect(value);
	return codec === 'json' ? (JSON.stringify(value) ?? null) : (value as SQLInputValue);
}

function decodeField(codec: Codec, value: SQLOutputValue): unknown {
	switch (codec) {
		case 'instant':
			return new Date(Number(value));
		case 'flag':
			return value === 1;
		case 'json':
			return JSON.parse(String(value));
		case 'plain':
			return value;
	}
}

/** The job of a row; fields that were never set are missing, only `nextRunAt` is null then. */
export function jobOf<DATA = unknown>(row: JobRow): JobParameters<DATA> & { _id: JobId } {
	const job: Record<string, unknown> = { _id: row['id'], nextRunAt: null };
	for (const field of FIELDS) {
		const { column, codec } = JOB_COLUMNS[field];
		const value = row[column];
		if (value !== null && value !== undefined) job[field] = decodeField(codec, value);
	}
	const by = row['last_modified_by'];
	if (typeof by === 'string') job['lastModifiedBy'] = by;
	return job as unknown as JobParameters<DATA> & { _id: JobId };
}

/** Columns and values of the fields that the job has, with who saved it. */
export function columnsOf(
	job: JobFields,
	by: string | undefined,
): { columns: string[]; values: SQLInputValue[] } {
	const columns: string[] = ['last_modified_by'];
	const values: SQLInputValue[] = [by ?? null];
	for (const field of FIELDS) {
		if (!Object.hasOwn(job, field)) continue;
		columns.push(JOB_COLUMNS[field].column);
		values.push(encodeField(field, job[field]));
	}
	return { columns, values };
}
