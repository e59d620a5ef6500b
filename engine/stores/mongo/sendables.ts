import type { DeliverySettlement, NotificationSettlement } from '../../contract/change.ts';
import type { DeliveryState } from '../../contract/delivery.ts';
import type { EngineId } from '../../contract/ids.ts';
import type { Instant } from '../../contract/time.ts';
import type { EventDraft } from '../../contract/event.ts';
import { sendableHolds } from '../shared/sendable-guard.ts';
import type { ClaimRequest } from '../store.port.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Doc, Fields, Root } from './documents.ts';
import { effect, events } from './effects.ts';
import { dueOf } from './sendable-doc.ts';

/** What deliveries and notifications have in common. */
interface Sendable {
	id: string;
	state: DeliveryState;
	owner: EngineId | null;
	leaseUntil: Instant | null;
	epoch: number;
	attempt: number;
	dueAt: Instant;
}

export interface Kind<T extends Sendable> {
	into: 'deliveries' | 'notifications';
	timer: 'delivery.due' | 'notification.due';
	fromDoc: (doc: Fields) => T;
	/** In which order those that are due go. */
	order: Record<string, 1 | -1>;
}

const TRIES = 4;

/** Claims those that are due, in their order, each by a conditional update; all share one bulk write. */
export async function claimSendables<T extends Sendable>(
	{ db, commits }: Pick<Context, 'db' | 'commits'>,
	kind: Kind<T>,
	{ request, event }: { request: ClaimRequest; event: (item: T) => EventDraft },
): Promise<T[]> {
	const { now, owner, leaseUntil } = request;
	const limit = typeof request.limit === 'number' ? request.limit : request.limit();
	const claimed: T[] = [];
	for (let tries = 0; tries < TRIES && claimed.length < limit; tries++) {
		const docs = await db.run(async () =>
			db
				.of(kind.into)
				.find({ due: { $lte: now }, state: { $in: ['pending', 'failed'] } })
				.sort(kind.order)
				.limit(limit - claimed.length)
				.toArray(),
		);
		const after = docs.map((doc): T => {
			const before = kind.fromDoc(doc);
			const { epoch, attempt } = before;
			return {
				...before,
				state: 'sending',
				owner,
				leaseUntil,
				epoch: epoch + 1,
				attempt: attempt + 1,
			};
		});
		const made = await commits.change(
			kind.into,
			after.map((item, n) => changeOf(docs[n] as Root, item, { kind, event })),
		);
		claimed.push(...after.filter((_, n) => made[n] === true));
		if (made.every(Boolean)) break;
	}
	return claimed;
}

function changeOf<T extends Sendable>(
	doc: Root,
	item: T,
	{ kind, event }: { kind: Kind<T>; event: (item: T) => EventDraft },
): Change {
	const { state, owner, leaseUntil, epoch, attempt, id } = item;
	return {
		id: doc._id,
		v: doc.v,
		where: { state: doc['state'], epoch: epoch - 1 },
		set: { state, owner, leaseUntil, epoch, attempt, ...dueOf(item) },
		unset: ['due'],
		effects: [...events([event(item)]), effect('timer', { name: kind.timer, key: id, at: null })],
	};
}

export async function expiredSendables<T extends Sendable>(
	{ db }: Pick<Context, 'db'>,
	kind: Kind<T>,
	{ now, limit, except }: { now: Instant; limit: number; except: EngineId | undefined },
): Promise<T[]> {
	const lost: Fields =
		except === undefined
			? { leased: { $lt: now } }
			: { state: 'sending', $or: [{ leased: { $lt: now } }, { owner: { $ne: except } }] };
	const docs = await db.run(async () =>
		db.of(kind.into).find(lost).sort({ leased: 1 }).limit(limit).toArray(),
	);
	return docs.map(kind.fromDoc);
}

/**
 * Settles each whose document is as the decision was made for; what was changed in between is looked at again.
 * @returns for each, whether it was applied
 */
export async function settleSendables<S extends DeliverySettlement | NotificationSettlement>(
	{ db, commits, onFault }: Pick<Context, 'db' | 'commits' | 'onFault'>,
	into: 'deliveries' | 'notifications',
	{
		settlements,
		idOf,
		changeOf: make,
	}: {
		settlements: readonly S[];
		idOf: (settlement: S) => string;
		changeOf: (doc: Root, settlement: S) => Change;
	},
): Promise<boolean[]> {
	const applied = settlements.map(() => false);
	const open = new Set(settlements.map((_, n) => n));
	while (open.size > 0) {
		// One of each at a time.
		const round = new Map<string, number>();
		for (const n of open) {
			const id = idOf(settlements[n]!);
			if (!round.has(id)) round.set(id, n);
		}
		const docs = new Map<string, Doc>();
		const found = await db.run(async () =>
			db
				.of(into)
				.find({ id: { $in: [...round.keys()].map(String) } })
				.toArray(),
		);
		for (const doc of found) docs.set(doc['id'] as string, doc);
		const changes: { n: number; change: Change }[] = [];
		for (const [id, n] of round) {
			const settlement = settlements[n]!;
			const doc = docs.get(id);
			if (doc === undefined || !sendableHolds(kept(doc), settlement)) {
				open.delete(n);
				continue;
			}
			try {
				changes.push({ n, change: make(doc as Root, settlement) });
			} catch (error) {
				open.delete(n);
				onFault({ where: `settle ${into}`, id, error });
			}
		}
		const made = await commits.change(
			into,
			changes.map(({ change }) => change),
		);
		changes.forEach(({ n }, at) => {
			if (made[at] !== true) return;
			applied[n] = true;
			open.delete(n);
		});
	}
	return applied;
}

/** These fields are kept as they are. */
function kept(doc: Doc): Parameters<typeof sendableHolds>[0] {
	return doc as unknown as Parameters<typeof sendableHolds>[0];
}
