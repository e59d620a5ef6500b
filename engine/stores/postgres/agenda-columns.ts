import { inspect } from 'node:util';

import type { JobId, JobParameters } from 'agenda';

import type { SqlValue } from './database.ts';
import { toInstant, toTimestamp } from './timers.ts';

/** `instant` is a time stamp, `json` is `jsonb`, `interval` a text that may mean a number; `plain` is kept as it comes. */
type Codec = 'instant' | 'flag' | 'json' | 'interval' | 'plain';

/** What a caller may set. `unique` and `uniqueOpts` steer one save and are not kept. */
export type JobField = Exclude<
	keyof JobParameters,
	'_id' | 'unique' | 'uniqueOpts' | 'lastModifiedBy'
>;
/** Some fields of a job, as they come from a caller. */
export type JobFields = { [F in keyof JobParameters]?: unknown };

/**
 * Column and codec of every field, as @agendajs/postgres-backend has them. SQL takes its names from here, never
 * from a job or a request.
 */
export const JOB_COLUMNS = {
	name: { column: 'name', codec: 'plain', type: 'text' },
	priority: { column: 'priority', codec: 'plain', type: 'integer' },
	type: { column: 'type', codec: 'plain', type: 'text' },
	data: { column: 'data', codec: 'json', type: 'jsonb' },
	nextRunAt: { column: 'next_run_at', codec: 'instant', type: 'bigint' },
	lockedAt: { column: 'locked_at', codec: 'instant', type: 'bigint' },
	lastRunAt: { column: 'last_run_at', codec: 'instant', type: 'bigint' },
	lastFinishedAt: { column: 'last_finished_at', codec: 'instant', type: 'bigint' },
	failedAt: { column: 'failed_at', codec: 'instant', type: 'bigint' },
	failCount: { column: 'fail_count', codec: 'plain', type: 'integer' },
	failReason: { column: 'fail_reason', codec: 'plain', type: 'text' },
	repeatInterval: { column: 'repeat_interval', codec: 'interval', type: 'text' },
	repeatAt: { column: 'repeat_at', codec: 'plain', type: 'text' },
	repeatTimezone: { column: 'repeat_timezone', codec: 'plain', type: 'text' },
	startDate: { column: 'start_date', codec: 'instant', type: 'bigint' },
	endDate: { column: 'end_date', codec: 'instant', type: 'bigint' },
	skipDays: { column: 'skip_days', codec: 'json', type: 'jsonb' },
	disabled: { column: 'disabled', codec: 'flag', type: 'boolean' },
	fork: { column: 'fork', codec: 'flag', type: 'boolean' },
	progress: { column: 'progress', codec: 'plain', type: 'real' },
	debounceStartedAt: { column: 'debounce_started_at', codec: 'instant', type: 'bigint' },
} as const satisfies Record<JobField, { column: string; codec: Codec; type: string }>;

const FIELDS = Object.keys(JOB_COLUMNS) as JobField[];

/** What is read of a job, in the order in which `jobOf` takes it. */
export const JOB = [
	'id::text',
	'last_modified_by',
	...FIELDS.map((field) => {
		const { column, codec } = JOB_COLUMNS[field];
		if (codec === 'instant') return toInstant(column);
		return codec === 'json' ? `${column}::text` : column;
	}),
].join(', ');

export function isJobField(name: string): name is JobField {
	return Object.hasOwn(JOB_COLUMNS, name);
}

/** A placeholder as the column takes it. */
export function placeholder(field: JobField, at: number): string {
	const { codec, type } = JOB_COLUMNS[field];
	const value = `$${at}::${type}`;
	return codec === 'instant' ? toTimestamp(value) : value;
}

/** Ids are UUIDs; what is none is the id of no job. */
export function jobId(id: unknown): string | null {
	const text = String(id);
	return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ? text : null;
}

export function json(value: unknown): string | null {
	// `jsonb` has no character zero.
	const text = (_: string, one: unknown): unknown =>
		typeof one === 'string' ? one.replaceAll('\0', '\uFFFD') : one;
	return JSON.stringify(value, text) ?? null;
}

function instant(field: JobField, value: unknown): number {
	const at = value instanceof Date ? value.getTime() : new Date(value as string | number).getTime();
	if (Number.isNaN(at)) throw new TypeError(`job.${field}: expected a date, got ${String(value)}`);
	return at;
}

/**
 * The value of a field as it is bound. What is not given is NULL, or the default of a column that needs one.
 * @param ahead how far the database's clock is ahead
 */
export function encodeField(field: JobField, value: unknown, ahead: number): SqlValue {
	const { codec } = JOB_COLUMNS[field];
	if (codec === 'flag') return value === true;
	if (field === 'priority') return (value ?? 0) as SqlValue;
	if (field === 'type') return value === 'single' ? 'single' : 'normal';
	// A job's data may be null itself, which is more than having none.
	if (value === undefined || (value === null && field !== 'data')) return null;
	if (codec === 'instant') return instant(field, value) + ahead;
	// A job may throw anything; what cannot be written down here would keep it locked.
	if (field === 'failReason' && typeof value !== 'string') return inspect(value);
	if (codec === 'json') return json(value);
	const plain = value as string | number;
	return codec === 'interval' ? String(plain) : plain;
}

function decodeField(codec: Codec, value: unknown, ahead: number): unknown {
	switch (codec) {
		case 'instant':
			return new Date((value as number) - ahead);
		case 'json':
			return JSON.parse(value as string);
		case 'interval':
			// Agenda's own backend keeps milliseconds as a text, too.
			return /^\d+$/.test(value as string) ? Number(value) : value;
		case 'flag':
		case 'plain':
			return value;
	}
}

/** The job of a row of `JOB`; fields that were never set are missing, only `nextRunAt` is null then. */
export function jobOf<DATA = unknown>(
	row: readonly unknown[],
	ahead: number,
): JobParameters<DATA> & { _id: JobId } {
	const job: Record<string, unknown> = { _id: row[0], nextRunAt: null };
	FIELDS.forEach((field, i) => {
		const value = row[i + 2];
		if (value !== null && value !== undefined) {
			job[field] = decodeField(JOB_COLUMNS[field].codec, value, ahead);
		}
	});
	if (typeof row[1] === 'string') job['lastModifiedBy'] = row[1];
	return job as unknown as JobParameters<DATA> & { _id: JobId };
}

/** Columns, values and their placeholders (from `first` on) of the fields that the job has, with who saved it. */
export function columnsOf(
	job: JobFields,
	{ by, ahead, first }: { by: string | undefined; ahead: number; first: number },
): { columns: string[]; placeholders: string[]; values: SqlValue[] } {
	const columns: string[] = ['last_modified_by'];
	const placeholders: string[] = [`$${first}`];
	const values: SqlValue[] = [by ?? null];
	for (const field of FIELDS) {
		if (!Object.hasOwn(job, field)) continue;
		columns.push(JOB_COLUMNS[field].column);
		placeholders.push(placeholder(field, first + values.length));
		values.push(encodeField(field, job[field], ahead));
	}
	return { columns, placeholders, values };
}
