import type { EventDraft, StoredEvent } from '../../contract/event.ts';
import { byTenant, eventId, parseEventId } from '../shared/event-ids.ts';
import type { Store } from '../store.port.ts';
import type { Gathered } from './committer.ts';
import type { Context } from './context.ts';
import type { Database } from './database.ts';

/**
 * Events are kept as one row per commit and tenant, which makes them nearly free. An id is the row's number
 * and the place in it: `evt_<14 digits>_<5 digits>`, so ids sort as text.
 */
const MAX_IN_ROW = 1000;

interface Events {
	port: Pick<Store, 'readEvents' | 'lastEventId' | 'onEvents'>;
	/** Writes the events of a commit. */
	append(gathered: Gathered, at: number): void;
	/** Tells the listeners. */
	announce: (gathered: Gathered) => void;
}

export function createEvents(db: Database, onFault: Context['onFault']): Events {
	const listeners = new Set<(tenants: ReadonlySet<string>) => void>();

	return {
		append({ events }, at) {
			if (events.length === 0) return;
			const insert = db.sql(
				'INSERT INTO event_batches (tenant, at, count, items) VALUES (?, ?, ?, ?)',
			);
			for (const [tenant, drafts] of byTenant(events)) {
				for (let start = 0; start < drafts.length; start += MAX_IN_ROW) {
					const part = drafts.slice(start, start + MAX_IN_ROW);
					insert.run(tenant, at, part.length, JSON.stringify(part));
				}
			}
		},

		announce({ events }) {
			if (events.length === 0 || listeners.size === 0) return;
			const tenants = new Set(events.map(({ tenant }) => tenant));
			for (const listener of [...listeners]) {
				try {
					listener(tenants);
				} catch (error) {
					onFault({ where: 'onEvents', id: 'listener', error });
				}
			}
		},

		port: {
			async readEvents(tenant, after, limit) {
				const position = after === null ? { seq: 0, index: -1 } : parseEventId(after);
				const rows = db.rows<[number, number, string]>(
					'SELECT seq, count, items FROM event_batches WHERE tenant = ? AND seq >= ? ORDER BY seq LIMIT 1',
				);
				const found: StoredEvent[] = [];
				let from = position.seq;
				let skip = position.index + 1;
				while (found.length < limit) {
					const row = rows.get(tenant, from);
					if (row === undefined) break;
					const [seq, count, items] = row;
					const first = seq === position.seq ? skip : 0;
					if (first < count) {
						const drafts = JSON.parse(items) as EventDraft[];
						const last = Math.min(count, first + limit - found.length);
						for (let i = first; i < last; i++) {
							const draft = drafts[i];
							if (draft !== undefined) found.push({ id: eventId(seq, i), ...draft });
						}
					}
					from = seq + 1;
					skip = 0;
				}
				return found;
			},

			async lastEventId(tenant) {
				const row = db
					.rows<[number, number]>(
						'SELECT seq, count FROM event_batches WHERE tenant = ? ORDER BY seq DESC LIMIT 1',
					)
					.get(tenant);
				return row === undefined ? null : eventId(row[0], row[1] - 1);
			},

			onEvents(listener) {
				listeners.add(listener);
				return () => {
					listeners.delete(listener);
				};
			},
		},
	};
}
