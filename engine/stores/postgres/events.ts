import type { EventDraft, StoredEvent } from '../../contract/event.ts';
import { byTenant, eventId, parseEventId } from '../shared/event-ids.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { getMark } from './marks.ts';
import type { Gathered, Transaction } from './transaction.ts';

const MAX_IN_ROW = 1000;
/** How many rows are read at once. */
const ROWS = 20;
/** How long to wait for older transactions before listeners are told once more: milliseconds. */
const SETTLE = 100;

interface Events {
	port: Pick<Store, 'readEvents' | 'lastEventId' | 'onEvents'>;
	/** Sends one of the last statements of a commit. */
	append(
		tx: Pick<Transaction, 'later'>,
		gathered: Gathered,
		commit: { xid: number; at: number },
	): void;
	/** Tells the listeners of what this engine, or another, has committed. */
	announce(tenants: ReadonlySet<string>, xid: number | null): void;
	open(): Promise<void>;
	close(): void;
}

/**
 * Events are kept as one row per commit and tenant, which makes them nearly free. Engines commit at the same
 * time, so a number drawn from a sequence would not do for a position: what has the lower number may commit
 * later, and a reader that is past it would never see it. Hence a position is the transaction's own number, and
 * a commit is shown only when no older transaction is under way (`xid` below the snapshot's `xmin`): from then
 * on nothing can appear before it. No lock, and no engine waits for another. The price is that a transaction that
 * writes and stays open, anybody's on this server, holds back the stream of events (not the work) until it ends.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
const SHOWN = 'xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint';

export function createEvents({
	db,
	onFault,
	clock,
}: Pick<Context, 'db' | 'onFault' | 'clock'>): Events {
	const listeners = new Set<(tenants: ReadonlySet<string>) => void>();
	/** Tenants with commits that readers may not have been shown yet, up to this transaction. */
	let held: { tenants: Set<string>; xid: number } | null = null;
	let cancel: (() => void) | null = null;
	let base = 0;

	function tell(tenants: ReadonlySet<string>): void {
		for (const listener of [...listeners]) {
			try {
				listener(tenants);
			} catch (error) {
				onFault({ where: 'onEvents', id: 'listener', error });
			}
		}
	}

	/** Once more when all that is older is over. */
	async function follow(): Promise<void> {
		cancel = null;
		const waiting = held;
		if (waiting === null) return;
		const row = await db
			.get<[number]>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint')
			.catch(() => undefined);
		if (row !== undefined && row[0] > waiting.xid && held === waiting) held = null;
		tell(waiting.tenants);
		if (held !== null) wait();
	}

	function wait(): void {
		cancel ??= clock.after(SETTLE, () => void follow());
	}

	return {
		append(tx, { events }, { xid, at }) {
			if (events.length === 0) return;
			const parts: { tenant: string; first: number; items: EventDraft[] }[] = [];
			for (const [tenant, drafts] of byTenant(events)) {
				for (let first = 0; first < drafts.length; first += MAX_IN_ROW) {
					parts.push({ tenant, first, items: drafts.slice(first, first + MAX_IN_ROW) });
				}
			}
			tx.later(
				`INSERT INTO event_batches (tenant, position, first, xid, at, count, items)
				SELECT tenant, $5::bigint, first, $6::bigint, $7::bigint, count, items
				FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[])
					AS u (tenant, first, count, items)`,
				[
					parts.map(({ tenant }) => tenant),
					parts.map(({ first }) => first),
					parts.map(({ items }) => items.length),
					parts.map(({ items }) => JSON.stringify(items)),
					base + xid,
					xid,
					at,
				],
			);
		},

		announce(tenants, xid) {
			if (tenants.size === 0 || listeners.size === 0) return;
			held = {
				tenants: new Set([...(held?.tenants ?? []), ...tenants]),
				xid: Math.max(held?.xid ?? 0, xid ?? 0),
			};
			tell(tenants);
			wait();
		},

		async open() {
			base = (await getMark(db, 'eventBase')) ?? 0;
		},

		close() {
			cancel?.();
			cancel = null;
			held = null;
		},

		port: {
			async readEvents(tenant, after, limit) {
				const position = after === null ? { seq: 0, index: -1 } : parseEventId(after);
				const found: StoredEvent[] = [];
				let from = { position: position.seq, index: position.index + 1 };
				while (found.length < limit) {
					const rows = await db.rows<[number, number, number, string]>(
						`SELECT position, first, count, items FROM event_batches
						WHERE tenant = $1 AND (position > $2 OR (position = $2 AND first + count > $3))
						AND position >= $2 AND ${SHOWN}
						ORDER BY position, first LIMIT ${ROWS}`,
						[tenant, from.position, from.index],
					);
					for (const [at, first, count, items] of rows) {
						if (found.length >= limit) break;
						const skip = at === from.position ? Math.max(0, from.index - first) : 0;
						const drafts = JSON.parse(items) as EventDraft[];
						const last = Math.min(count, skip + limit - found.length);
						for (let i = skip; i < last; i++) {
							const draft = drafts[i];
							if (draft !== undefined) found.push({ id: eventId(at, first + i), ...draft });
						}
						from = { position: at, index: first + last };
					}
					if (rows.length < ROWS) break;
				}
				return found;
			},

			async lastEventId(tenant) {
				const row = await db.get<[number, number]>(
					`SELECT position, first + count FROM event_batches WHERE tenant = $1 AND ${SHOWN}
					ORDER BY position DESC, first DESC LIMIT 1`,
					[tenant],
				);
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
