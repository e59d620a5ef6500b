import { systemClock } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import type { ActionManifest } from '../../contract/capability.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { SessionAdapter, SessionCall, SessionOutcome } from '../session.port.ts';
import { failedWith, tooLarge } from '../shared/failure.ts';
import { TimeLimit } from '../shared/time-limit.ts';
import { valuesOf } from './query.ts';
import type { Query, Rows } from './query.ts';
import type { SqlActionSettings, SqlSettings } from './settings.ts';
import { addressOf, sqlActionSchema, sqlSettingsSchema } from './settings.ts';
import { createSqlite } from './sqlite.ts';
import { checkPlaceholders, readStatement } from './statement.ts';

export interface SqlSessionParts {
	egress: Egress;
	/** Folders whose SQLite files may be read. */
	sqliteRoots: readonly string[];
	/** Default the system's. */
	clock?: Clock;
}

/** Capabilities that are a query: read-only, values bound, rows streamed. */
export function createSqlSession({
	egress,
	sqliteRoots,
	clock = systemClock,
}: SqlSessionParts): SessionAdapter {
	const sqlite = createSqlite(sqliteRoots);

	/** Drivers of servers are loaded when the first query needs them: they take 20 MB. */
	async function run(settings: SqlSettings, query: Query): Promise<Rows> {
		switch (settings.driver) {
			case 'sqlite': {
				const named = readStatement(query.sql, 'sqlite', 'sql').names.size > 0;
				return sqlite.run(settings, query, { named });
			}
			case 'postgres': {
				const { queryPostgres } = await import('./postgres.ts');
				return queryPostgres(egress, addressOf(settings), query);
			}
			case 'mysql': {
				const { queryMysql } = await import('./mysql.ts');
				return queryMysql(egress, addressOf(settings), query);
			}
		}
	}

	async function invoke(call: SessionCall): Promise<SessionOutcome> {
		const { sql, parameters } = call.actionSettings as SqlActionSettings;
		const limit = new TimeLimit(call, clock);
		try {
			if (limit.stopped !== null) throw limit.stopped;
			const values = valuesOf(parameters, call.envelope.parameters);
			const query = { sql, values, limit, signal: call.signal };
			const rows = await run(call.settings as SqlSettings, query);
			return {
				kind: 'result',
				body: {
					encoding: 'ndjson',
					contentType: 'application/x-ndjson',
					columns: rows.columns,
					source: atMost(rows.source, call.maxResultBytes),
					rows: () => rows.count(),
				},
			};
		} catch (error) {
			limit.release();
			// whatever a driver made of it: being stopped is why it failed
			if (limit.stopped !== null) return failedWith(limit.stopped);
			if (error instanceof CapError) return failedWith(error);
			throw error;
		}
	}

	return {
		type: 'sql',
		title: 'SQL query',
		abilities: { async: false, streaming: true },
		settings: sqlSettingsSchema,
		actionSettings: sqlActionSchema,
		secrets: ['password'],
		async check(settings, actions) {
			const parsed = settings as SqlSettings;
			for (const [name, action] of Object.entries(actions)) checkAction(parsed, name, action);
			if (parsed.driver === 'sqlite') {
				await sqlite.locate(parsed);
				return;
			}
			const { host, port } = addressOf(parsed);
			await egress.checkHost(host, port, parsed.url === undefined ? 'binding.host' : 'binding.url');
		},
		invoke,
		close: () => sqlite.close(),
	};
}

/** @throws CapError BINDING_INVALID */
function checkAction({ driver }: SqlSettings, name: string, action: ActionManifest): void {
	const path = `actions.${name}.binding`;
	const parsed = sqlActionSchema.safeParse(action.binding);
	if (!parsed.success) {
		throw inputError('BINDING_INVALID', { path, expected: '{ sql, parameters }' });
	}
	const statement = readStatement(parsed.data.sql, driver, `${path}.sql`);
	checkPlaceholders(statement, parsed.data.parameters, `${path}.parameters`);
}

async function* atMost(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
	let left = maxBytes;
	for await (const chunk of source) {
		left -= chunk.length;
		if (left < 0) throw tooLarge(maxBytes);
		yield chunk;
	}
}
