import type { DeliverySettlement } from '../../contract/change.ts';
import type { DeliveryState } from '../../contract/delivery.ts';
import type { Delivery, DeliveryAttempt } from '../../contract/run.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { listDeliveries } from './delivery-lists.ts';
import type { createDestinations } from './destinations.ts';
import { createGather } from './gather.ts';
import { claimStatement } from './leases.ts';
import { once } from './once.ts';
import type { createResults } from './results.ts';
import { deliveryAttemptRows, deliveryRows } from './rows.ts';
import { sendableHolds } from '../shared/sendable-guard.ts';
import { settleEach } from './settle-each.ts';
import { assignments } from './updates.ts';

interface Deliveries {
	port: Pick<
		Store,
		| 'claimDeliveries'
		| 'settleDeliveries'
		| 'replayDeliveries'
		| 'listExpiredDeliveries'
		| 'getDelivery'
		| 'listDeliveries'
		| 'deliveriesOfRun'
	>;
	/** Inside a write. @returns false when its (run, targetKey) exists */
	insertDelivery(tx: Transaction, delivery: Delivery): boolean;
	ofRun(tenant: string, runId: string): Delivery[];
}

const SELECT = `SELECT ${deliveryRows.columns}`;
const INSERT = `${deliveryRows.insert} ON CONFLICT (runId, targetKey) DO NOTHING`;
/** No priority is as high. */
const ABOVE_ALL = 1_000_000;
const CLAIM = claimStatement('deliveries', 'sending');

export function createDeliveries(
	context: Context,
	parts: {
		results: ReturnType<typeof createResults>;
		destinations: Pick<ReturnType<typeof createDestinations>, 'disable'>;
	},
): Deliveries {
	const { db, write, clock, timers } = context;
	const { results, destinations } = parts;

	/** A delivery has a timer while it waits for an instant in the future. */
	function setTimer(id: string, state: DeliveryState, dueAt: number): void {
		const waits = (state === 'pending' || state === 'failed') && dueAt > clock.now();
		if (waits) timers.set('delivery.due', id, dueAt);
		else timers.remove(id, 'delivery.due');
	}

	function insertDelivery(tx: Transaction, delivery: Delivery): boolean {
		const { changes } = db.sql(INSERT).run(...deliveryRows.toRow(delivery));
		if (changes !== 1) return false;
		tx.tally('delivery', delivery.tenant, null, delivery.state);
		if (delivery.artifact !== null) results.keepBlob(delivery.artifact, null);
		if (delivery.dueAt > clock.now()) setTimer(delivery.id, delivery.state, delivery.dueAt);
		return true;
	}

	function settle(tx: Transaction, settlement: DeliverySettlement): boolean {
		const { deliveryId, set, attempt, artifact, next, disable } = settlement;
		const row = db
			.rows<Guarded>(
				`SELECT seq, tenant, state, epoch, dueAt, runId, scheduleId, targetKey, artifact, leaseUntil
				FROM deliveries WHERE id = ?`,
			)
			.get(deliveryId);
		if (row === undefined) return false;
		const [seq, tenant, state, epoch, dueAt, , , , oldArtifact, leaseUntil] = row;
		if (!sendableHolds({ tenant, state, epoch, leaseUntil }, settlement)) return false;

		const { sql, values } = assignments(deliveryRows, set);
		if (sql !== '') {
			const update = db.sql(
				`UPDATE deliveries SET ${sql} WHERE seq = ? AND state = ? AND epoch = ?`,
			);
			if (update.run(...values, seq, state, epoch).changes !== 1) return false;
		}
		const now = set.state ?? state;
		setTimer(deliveryId, now, set.dueAt ?? dueAt);
		tx.tally('delivery', tenant, state, now);
		if (artifact !== undefined) results.insertArtifact(artifact.record, artifact.inline);
		if (set.artifact !== undefined) {
			if (set.artifact !== null) results.keepBlob(set.artifact, artifact?.inline ?? null);
			if (oldArtifact !== null) {
				results.dropBlob((JSON.parse(oldArtifact) as { sha256: string }).sha256);
			}
		}
		if (attempt !== undefined) insertAttempt(attempt);
		if (now === 'delivered' && state !== 'delivered') rememberDelivered(row);
		if (next !== undefined) insertDelivery(tx, next);
		if (disable !== undefined) destinations.disable(tenant, disable);
		tx.events(settlement.events);
		return true;
	}

	function settleAll(tx: Transaction, settlements: readonly DeliverySettlement[]): boolean[] {
		return settleEach(context, tx, settlements, {
			where: 'settleDeliveries',
			idOf: ({ deliveryId }) => deliveryId,
			settle: (settlement) => settle(tx, settlement),
		});
	}

	function insertAttempt(attempt: DeliveryAttempt): void {
		db.sql(deliveryAttemptRows.insertOrIgnore).run(...deliveryAttemptRows.toRow(attempt));
	}

	/** What the target has now, for `when: changed`. */
	function rememberDelivered([, tenant, , , , runId, scheduleId, targetKey]: Guarded): void {
		if (scheduleId === null) return;
		db.sql(
			`INSERT INTO targets (scheduleId, targetKey, tenant, deliveredSha256)
			SELECT ?, ?, ?, results.sha256 FROM runs JOIN results ON results.id = runs.resultId
			WHERE runs.id = ?
			ON CONFLICT (scheduleId, targetKey) DO UPDATE SET deliveredSha256 = excluded.deliveredSha256`,
		).run(scheduleId, targetKey, tenant, runId);
	}

	function ofRun(tenant: string, runId: string): Delivery[] {
		return db
			.rows(`${SELECT} FROM deliveries WHERE runId = ? AND tenant = ? ORDER BY targetKey`)
			.all(runId, tenant)
			.map(deliveryRows.fromRow);
	}

	return {
		insertDelivery,
		ofRun,

		port: {
			claimDeliveries: (request, events) => write((tx) => claim(tx, request, events)),

			settleDeliveries: createGather(write, settleAll),

			replayDeliveries: (settlements, record) =>
				write((tx) => once(context, record, () => settleAll(tx, settlements))),

			async listExpiredDeliveries(now, limit, except) {
				return db
					.rows(
						`${SELECT} FROM deliveries INDEXED BY deliveries_leased WHERE state = 'sending'
					AND (leaseUntil < ? OR owner <> ?) ORDER BY leaseUntil LIMIT ?`,
					)
					.all(now, except ?? null, limit)
					.map(deliveryRows.fromRow);
			},

			async getDelivery(tenant, id) {
				const row = db
					.rows(`${SELECT} FROM deliveries WHERE id = ? AND tenant = ?`)
					.get(id, tenant);
				if (row === undefined) return null;
				const attempts = db
					.rows(
						`SELECT ${deliveryAttemptRows.columns} FROM delivery_attempts WHERE deliveryId = ?
					ORDER BY epoch`,
					)
					.all(id)
					.map(deliveryAttemptRows.fromRow);
				return { delivery: deliveryRows.fromRow(row), attempts };
			},

			async listDeliveries(tenant, filter, page) {
				return listDeliveries(db, tenant, filter, page);
			},

			async deliveriesOfRun(tenant, runId) {
				return ofRun(tenant, runId);
			},
		},
	};

	/** One look into the index for each priority in use, and one more: mostly there is one. */
	function due(now: number, limit: number): unknown[][] {
		const highest = db.rows<[number]>(
			`SELECT priority FROM deliveries INDEXED BY deliveries_due
			WHERE (state = 'pending' OR state = 'failed') AND priority < ? ORDER BY priority DESC LIMIT 1`,
		);
		const ofPriority = db.rows(
			`${SELECT}, seq FROM deliveries INDEXED BY deliveries_due
			WHERE (state = 'pending' OR state = 'failed') AND priority = ? AND dueAt <= ?
			ORDER BY dueAt, seq LIMIT ?`,
		);
		const rows: unknown[][] = [];
		let below = ABOVE_ALL;
		while (rows.length < limit) {
			const [priority] = highest.get(below) ?? [];
			if (priority === undefined) break;
			for (const row of ofPriority.all(priority, now, limit - rows.length)) rows.push([...row]);
			below = priority;
		}
		return rows;
	}

	function claim(
		tx: Transaction,
		{ now, limit: most, owner, leaseUntil }: ClaimRequest,
		events: ClaimEvents,
	): Delivery[] {
		const limit = typeof most === 'number' ? most : most();
		const seqAt = deliveryRows.columns.split(', ').length;
		const rows = due(now, limit);
		const update = db.sql(CLAIM);
		return rows.map((row) => {
			const delivery = deliveryRows.fromRow(row);
			update.run(owner, leaseUntil, row[seqAt] as number, delivery.state);
			timers.remove(delivery.id, 'delivery.due');
			tx.tally('delivery', delivery.tenant, delivery.state, 'sending');
			delivery.state = 'sending';
			delivery.owner = owner;
			delivery.leaseUntil = leaseUntil;
			delivery.epoch += 1;
			delivery.attempt += 1;
			tx.events([events.delivery(delivery)]);
			return delivery;
		});
	}
}

type Guarded = readonly [
	seq: number,
	tenant: string,
	state: DeliveryState,
	epoch: number,
	dueAt: number,
	runId: string,
	scheduleId: string | null,
	targetKey: string,
	artifact: string | null,
	leaseUntil: number | null,
];
