import { MongoBackend } from '@agendajs/mongo-backend';
import type { AgendaBackend } from 'agenda';

import type { Database } from './database.ts';
import { AGENDA_COLLECTION } from './database.ts';

/**
 * Agenda's own backend on the store's connection, which stays open when Agenda stops. Our timers are rows of the same
 * collection; see timers.ts. The index is made with the store's.
 */
export function createMongoAgendaBackend(database: Database): AgendaBackend {
	return new MongoBackend({
		mongo: database.handle(),
		collection: AGENDA_COLLECTION,
		ensureIndex: false,
	});
}
