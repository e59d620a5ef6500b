import type { SQLInputValue } from 'node:sqlite';

import type { JobLogEntry, JobLogger, JobLogQuery } from 'agenda';

import type { Condition } from './agenda-filters.ts';
import type { AgendaTable } from './agenda-table.ts';

const DEFAULT_LIMIT = 50;

/** What only some events carry; kept as one JSON text. */
type Details = Pick<
	JobLogEntry,
	'duration' | 'error' | 'failCount' | 'retryDelay' | 'retryAttempt' | 'agendaName' | 'meta'
>;

function filter(query: JobLogQuery = {}): Condition {
	const parts: string[] = [];
	const values: SQLInputValue[] = [];
	const add = (sql: string, value: SQLInputValue): void => {
		parts.push(sql);
		values.push(value);
	};
	const among = (wanted: string | string[]): string => JSON.stringify([wanted].flat());
	if (query.jobId) add('job_id = ?', query.jobId);
	if (query.jobName) add('job_name = ?', query.jobName);
	if (query.level) add('level IN (SELECT value FROM json_each(?))', among(query.level));
	if (query.event) add('event IN (SELECT value FROM json_each(?))', among(query.event));
	if (query.from) add('at >= ?', query.from.getTime());
	if (query.to) add('at <= ?', query.to.getTime());
	return { sql: parts.length === 0 ? '1' : parts.join(' AND '), values };
}

/** What Agenda's jobs went through, where an Agenda is asked to log it (`logging: true`); ours is not. */
export function createAgendaLogger({ fixed, made, write }: AgendaTable): JobLogger {
	return {
		async log(entry) {
			const { timestamp, level, event, jobId, jobName, message, ...details } = entry;
			const values = [
				timestamp.getTime(),
				level,
				event,
				jobId ?? null,
				jobName,
				message,
				JSON.stringify(details satisfies Details),
			];
			await write(() => {
				fixed(
					`INSERT INTO agenda_logs (at, level, event, job_id, job_name, message, details)
					VALUES (?, ?, ?, ?, ?, ?, ?)`,
				).run(...values);
			});
		},

		async getLogs(query = {}) {
			const where = filter(query);
			const direction = query.sort === 'asc' ? 'ASC' : 'DESC';
			const rows = made(
				`SELECT * FROM agenda_logs WHERE ${where.sql}
				ORDER BY at ${direction}, id ${direction} LIMIT ? OFFSET ?`,
			).all(...where.values, query.limit ?? DEFAULT_LIMIT, query.offset ?? 0);
			const total = made(`SELECT COUNT(*) AS total FROM agenda_logs WHERE ${where.sql}`).get(
				...where.values,
			);
			const entries = rows.map((row) => ({
				_id: String(row['id']),
				timestamp: new Date(Number(row['at'])),
				level: row['level'] as JobLogEntry['level'],
				event: row['event'] as JobLogEntry['event'],
				...(row['job_id'] === null ? {} : { jobId: String(row['job_id']) }),
				jobName: String(row['job_name']),
				message: String(row['message']),
				...(JSON.parse(String(row['details'])) as Details),
			}));
			return { entries, total: Number(total?.['total']) };
		},

		async clearLogs(query) {
			const where = filter(query);
			return write(() =>
				Number(made(`DELETE FROM agenda_logs WHERE ${where.sql}`).run(...where.values).changes),
			);
		},
	};
}
