import type { JobLogEntry, JobLogger, JobLogQuery } from 'agenda';

import { json } from './agenda-columns.ts';
import type { AgendaTable } from './agenda-table.ts';
import type { Conditions } from './conditions.ts';
import { createConditions } from './conditions.ts';
import type { SqlValue } from './database.ts';
import { toInstant, toTimestamp } from './timers.ts';

const DEFAULT_LIMIT = 50;

/** What only some events carry, by the names of their columns. */
const DETAILS = {
	duration: 'duration',
	error: 'error',
	failCount: 'fail_count',
	retryDelay: 'retry_delay',
	retryAttempt: 'retry_attempt',
	agendaName: 'agenda_name',
	meta: 'meta',
} as const satisfies { [F in keyof JobLogEntry]?: string };
type Detail = keyof typeof DETAILS;
const DETAIL_NAMES = Object.keys(DETAILS) as Detail[];

type LogRow = [
	id: string,
	at: number,
	level: JobLogEntry['level'],
	event: JobLogEntry['event'],
	jobId: string | null,
	jobName: string,
	message: string,
	...details: unknown[],
];

function detailsOf(values: readonly unknown[]): Partial<JobLogEntry> {
	return Object.fromEntries(
		DETAIL_NAMES.flatMap((name, i) => {
			const value = values[i];
			if (value === null || value === undefined) return [];
			return [[name, name === 'meta' ? (JSON.parse(value as string) as unknown) : value]];
		}),
	);
}

function filter(query: JobLogQuery = {}): Conditions {
	const where = createConditions();
	if (query.jobId) where.add('job_id = ?', query.jobId);
	if (query.jobName) where.add('job_name = ?', query.jobName);
	if (query.level) where.add('level = ANY(?::text[])', [query.level].flat());
	if (query.event) where.add('event = ANY(?::text[])', [query.event].flat());
	if (query.from) where.add(`timestamp >= ${toTimestamp('?::bigint')}`, query.from.getTime());
	if (query.to) where.add(`timestamp <= ${toTimestamp('?::bigint')}`, query.to.getTime());
	return where;
}

/** What Agenda's jobs went through, where an Agenda is asked to log it (`logging: true`); ours is not. */
export function createAgendaLogger({ db }: AgendaTable): JobLogger {
	return {
		async log(entry) {
			const { timestamp, level, event, jobId, jobName, message } = entry;
			await db.run(
				`INSERT INTO agenda_logs (timestamp, level, event, job_id, job_name, message,
					${Object.values(DETAILS).join(', ')})
				VALUES (${toTimestamp('$1::bigint')}, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)`,
				[
					timestamp.getTime(),
					level,
					event,
					jobId ?? null,
					jobName,
					message,
					...DETAIL_NAMES.map((name) =>
						name === 'meta' ? json(entry.meta) : ((entry[name] ?? null) as SqlValue),
					),
				] as SqlValue[],
			);
		},

		async getLogs(query = {}) {
			const where = filter(query);
			const direction = query.sort === 'asc' ? 'ASC' : 'DESC';
			const values = [...where.values];
			const found = await db.get<[number]>(
				`SELECT count(*) FROM agenda_logs WHERE ${where.sql}`,
				values,
			);
			const rows = await db.rows<LogRow>(
				`SELECT id::text, ${toInstant('timestamp')}, level, event, job_id, job_name, message,
					${Object.values(DETAILS).join(', ').replace('meta', 'meta::text')}
				FROM agenda_logs WHERE ${where.sql} ORDER BY timestamp ${direction}, seq ${direction}
				LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
				[...values, query.limit ?? DEFAULT_LIMIT, query.offset ?? 0],
			);
			const entries = rows.map(([id, at, level, event, jobId, jobName, message, ...details]) => ({
				_id: id,
				timestamp: new Date(at),
				level,
				event,
				...(jobId === null ? {} : { jobId }),
				jobName,
				message,
				...detailsOf(details),
			}));
			return { entries, total: found?.[0] ?? 0 };
		},

		async clearLogs(query) {
			const where = filter(query);
			return db.run(`DELETE FROM agenda_logs WHERE ${where.sql}`, where.values);
		},
	};
}
