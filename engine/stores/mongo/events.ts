import { randomBytes } from 'node:crypto';

import type { EventDraft, StoredEvent } from '../../contract/event.ts';
import type { Store } from '../store.port.ts';
import { eventId, parseEventId } from '../shared/event-ids.ts';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import { is } from './documents.ts';
import type { Pending } from './effects.ts';
import { createGather } from './gather.ts';
import { isDuplicate } from './storage-error.ts';

/*
 * The log of events of a tenant: batches numbered without a gap. Who appends tries the number after the last, which
 * the unique `_id` gives to one writer only; whoever finds it taken tries the next. So number n is there
 * before n + 1 can be, whoever writes: a reader who has seen n has missed nothing before it, and one `find`
 * from his position on is a prefix of the truth. (A counter would hand out numbers that are written out
 * of turn.)
 *
 * An id is the batch's number and the place in it: `evt_<14 digits>_<5 digits>`, so ids sort as text.
 */
const MAX_IN_BATCH = 1000;
/** Effects that are older may have been carried out by somebody else: he would have left their token. */
const FRESH = 10_000;

interface Events {
	port: Pick<Store, 'readEvents' | 'lastEventId' | 'onEvents'>;
	append: (pending: Pending<'events'>[]) => Promise<void>;
	/** Calls the listeners: events came, from here or from another engine. */
	announce: (tenants: ReadonlySet<string>) => void;
	/** Names this engine in the batches that it appends. */
	readonly by: string;
}

interface Item {
	tenant: string;
	draft: EventDraft;
	token: string;
}

export function createEvents({ db, clock, onFault }: Omit<Context, 'commits'>): Events {
	const listeners = new Set<(tenants: ReadonlySet<string>) => void>();
	const by = randomBytes(6).toString('hex');
	/** As seen last, by tenant. */
	const last = new Map<string, number>();

	async function lastSeq(tenant: string): Promise<number> {
		const doc = await db.run(async () =>
			db
				.of('events')
				.find({ tenant: is(tenant) })
				.sort({ seq: -1 })
				.limit(1)
				.project<Doc>({ seq: 1 })
				.next(),
		);
		return Number(doc?.['seq'] ?? 0);
	}

	async function appendBatch(tenant: string, items: readonly Item[]): Promise<void> {
		const batch = randomBytes(9).toString('base64url');
		const doc = {
			tenant,
			at: clock.now(),
			count: items.length,
			items: JSON.stringify(items.map(({ draft }) => draft)),
			from: [...new Set(items.map(({ token }) => token))],
			batch,
			by,
		};
		let seq = last.get(tenant) ?? (await lastSeq(tenant));
		for (;;) {
			seq++;
			const _id = batchId(tenant, seq);
			try {
				await db.run(async () => db.of('events').insertOne({ _id, seq, ...doc }));
				break;
			} catch (error) {
				if (!isDuplicate(error)) throw error;
				// Ours, when the reply to it was lost.
				const there = await db.run(async () => db.of('events').findOne({ _id }));
				if (there?.['batch'] === batch) break;
				seq = Math.max(seq, await lastSeq(tenant));
			}
		}
		last.set(tenant, Math.max(seq, last.get(tenant) ?? 0));
	}

	/** Batches of one tenant go one after another. */
	const append = createGather<Item, null>(async (items) => {
		const byTenant = Map.groupBy(items, ({ tenant }) => tenant);
		await Promise.all(
			[...byTenant].map(async ([tenant, list]) => {
				for (let start = 0; start < list.length; start += MAX_IN_BATCH) {
					await appendBatch(tenant, list.slice(start, start + MAX_IN_BATCH));
				}
			}),
		);
		return items.map(() => null);
	}, 10_000);

	/** Tokens of which events were appended already. */
	async function appended(pending: readonly Pending<'events'>[]): Promise<Set<string>> {
		const old = pending.filter(({ at }) => at < clock.now() - FRESH);
		if (old.length === 0) return new Set();
		const since = Math.min(...old.map(({ at }) => at)) - 10 * FRESH;
		const tokens = old.map(({ token }) => token);
		const found = await db.run(async () =>
			db
				.of('events')
				.find({ at: { $gte: since }, from: { $in: tokens } })
				.project<Doc>({ from: 1 })
				.toArray(),
		);
		return new Set(found.flatMap((doc) => doc['from'] as string[]));
	}

	function announce(tenants: ReadonlySet<string>): void {
		for (const listener of [...listeners]) {
			try {
				listener(tenants);
			} catch (error) {
				onFault({ where: 'onEvents', id: 'listener', error });
			}
		}
	}

	return {
		announce,
		by,

		async append(pending) {
			const done = await appended(pending);
			const items = pending
				.filter(({ token }) => !done.has(token))
				.flatMap(({ of, token }) => of.map((draft) => ({ tenant: draft.tenant, draft, token })));
			await append(items);
			if (items.length > 0) announce(new Set(items.map(({ tenant }) => tenant)));
		},

		port: {
			async readEvents(tenant, after, limit) {
				const position = after === null ? { seq: 0, index: -1 } : parseEventId(after);
				// What a failover could take back must not move a reader on.
				const cursor = db
					.of('events')
					.find(
						{ tenant: is(tenant), seq: { $gte: position.seq } },
						{ readConcern: { level: 'majority' }, batchSize: 20 },
					)
					.sort({ seq: 1 });
				const found: StoredEvent[] = [];
				try {
					while (found.length < limit) {
						const doc = await db.run(async () => cursor.next());
						if (doc === null) break;
						const seq = Number(doc['seq']);
						const drafts = JSON.parse(doc['items'] as string) as EventDraft[];
						for (let i = seq === position.seq ? position.index + 1 : 0; i < drafts.length; i++) {
							const draft = drafts[i];
							if (draft !== undefined && found.length < limit) {
								found.push({ id: eventId(seq, i), ...draft });
							}
						}
					}
				} finally {
					await cursor.close();
				}
				return found;
			},

			async lastEventId(tenant) {
				const doc = await db.run(async () =>
					db
						.of('events')
						.find({ tenant: is(tenant) }, { readConcern: { level: 'majority' } })
						.sort({ seq: -1 })
						.limit(1)
						.project<Doc>({ seq: 1, count: 1 })
						.next(),
				);
				return doc === null ? null : eventId(Number(doc['seq']), Number(doc['count']) - 1);
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

export function batchId(tenant: string, seq: number): string {
	return `${tenant}|${String(seq).padStart(14, '0')}`;
}
