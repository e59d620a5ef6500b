import type { AgendaBackend } from 'agenda';

import { createAgendaLogger } from './agenda-logger.ts';
import { createAgendaRepository } from './agenda-repository.ts';
import type { AgendaTable } from './agenda-table.ts';

/**
 * Agenda's jobs in the database of the store. The store opens and closes it: Agenda's stop leaves it open.
 *
 * The table is that of @agendajs/postgres-backend, whose tools work on it, but not its repository: that reads
 * before it writes where several Agendas save one unique job, matches `unique` by texts, and loads all rows to
 * tell their states.
 */
export function createPostgresAgendaBackend(table: AgendaTable): AgendaBackend {
	return {
		name: 'PostgreSQL',
		repository: createAgendaRepository(table),
		logger: createAgendaLogger(table),
		ownsConnection: false,
		connect: async () => Promise.resolve(),
		disconnect: async () => Promise.resolve(),
	};
}
