import type { DeliverySettlement } from '../../contract/change.ts';
import type { DeliveryState } from '../../contract/delivery.ts';
import type { Delivery } from '../../contract/run.ts';
import { sendableHolds } from '../shared/sendable-guard.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { listDeliveries } from './delivery-lists.ts';
import type { createDestinations } from './destinations.ts';
import { createGather } from './gather.ts';
import { INTO } from './inserts.ts';
import { claimStatement, dueStatement } from './leases.ts';
import { once } from './once.ts';
import type { createResults } from './results.ts';
import { deliveryAttemptRows, deliveryRows } from './rows.ts';
import type { Transaction } from './transaction.ts';
import type { RowUpdate } from './updates.ts';
import { updateMany } from './updates.ts';
import { inWaves } from './waves.ts';

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
	/** Inside a write; does nothing when its (run, targetKey) exists. */
	insertDelivery(tx: Transaction, delivery: Delivery): void;
	ofRun(tenant: string, runId: string): Promise<Delivery[]>;
}

type Guarded = readonly [
	id: string,
	seq: number,
	tenant: string,
	state: DeliveryState,
	epoch: number,
	dueAt: number,
	runId: string,
	scheduleId: string | null,
	targetKey: string,
	leaseUntil: number | null,
];

const SELECT = `SELECT ${deliveryRows.columns}`;
const CLAIM = claimStatement('deliveries', deliveryRows.columns);
const DUE = dueStatement('deliveries');
const READ = `SELECT id, seq, tenant, state, epoch, dueAt, runId, scheduleId, targetKey, leaseUntil
	FROM deliveries WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`;
/** What the target has now, for `when: changed`. */
const REMEMBER = `INSERT INTO targets (scheduleId, targetKey, tenant, deliveredSha256)
	SELECT DISTINCT ON (u.scheduleId, u.targetKey) u.scheduleId, u.targetKey, u.tenant, results.sha256
	FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
		AS u (scheduleId, targetKey, tenant, runId)
	JOIN runs ON runs.id = u.runId JOIN results ON results.id = runs.resultId
	ORDER BY u.scheduleId, u.targetKey, runs.seq DESC
	ON CONFLICT (scheduleId, targetKey) DO UPDATE SET deliveredSha256 = excluded.deliveredSha256`;

export function createDeliveries(
	context: Context,
	parts: {
		results: ReturnType<typeof createResults>;
		destinations: Pick<ReturnType<typeof createDestinations>, 'disable'>;
	},
): Deliveries {
	const { db, write, clock, onFault } = context;
	const { results, destinations } = parts;

	/** A delivery has a timer while it waits for an instant in the future. */
	function setTimer(tx: Transaction, id: string, state: DeliveryState, dueAt: number): void {
		const waits = (state === 'pending' || state === 'failed') && dueAt > clock.now();
		if (waits) tx.setTimer('delivery.due', id, dueAt);
		else tx.removeTimers(id, 'delivery.due');
	}

	function insertDelivery(tx: Transaction, delivery: Delivery): void {
		if (delivery.artifact !== null) {
			results.keepBlobs(tx, [{ ref: delivery.artifact, inline: null }]);
		}
		tx.insert(INTO.deliveries, delivery);
		if (delivery.dueAt > clock.now()) setTimer(tx, delivery.id, delivery.state, delivery.dueAt);
	}

	async function settleWave(
		tx: Transaction,
		settlements: readonly DeliverySettlement[],
	): Promise<boolean[]> {
		await tx.flush();
		const rows = await tx.rows<Guarded>(READ, [settlements.map(({ deliveryId }) => deliveryId)]);
		const byId = new Map(rows.map((row) => [row[0], row]));
		const updates: RowUpdate<Delivery>[] = [];
		const delivered: Guarded[] = [];
		const answers = settlements.map((settlement) => {
			const row = byId.get(settlement.deliveryId);
			if (row === undefined) return false;
			const [, seq, tenant, state, epoch, , , , , leaseUntil] = row;
			if (!sendableHolds({ tenant, state, epoch, leaseUntil }, settlement)) return false;
			const { set } = settlement;
			const sha =
				set.artifact === undefined ? {} : { artifactSha256: set.artifact?.sha256 ?? null };
			updates.push({ key: seq, set, extra: sha });
			const now = set.state ?? state;
			setTimer(tx, settlement.deliveryId, now, set.dueAt ?? row[5]);
			tx.tally('delivery', tenant, state, now);
			if (now === 'delivered' && state !== 'delivered') delivered.push(row);
			writeFollowing(tx, settlement);
			return true;
		});
		updateMany(tx, { codec: deliveryRows, key: 'seq', type: 'bigint', extra: 'text' }, updates);
		remember(tx, delivered);
		return answers;
	}

	function writeFollowing(tx: Transaction, settlement: DeliverySettlement): void {
		const { tenant, set, attempt, artifact, next, disable } = settlement;
		if (artifact !== undefined) results.insertArtifacts(tx, [artifact]);
		if (set.artifact != null) {
			results.keepBlobs(tx, [{ ref: set.artifact, inline: artifact?.inline ?? null }]);
		}
		if (attempt !== undefined) tx.insert(INTO.deliveryAttempts, attempt);
		if (next !== undefined) insertDelivery(tx, next);
		if (disable !== undefined) destinations.disable(tx, tenant, disable);
		tx.events(settlement.events);
	}

	function remember(tx: Transaction, delivered: readonly Guarded[]): void {
		const scheduled = delivered.filter(([, , , , , , , scheduleId]) => scheduleId !== null);
		if (scheduled.length === 0) return;
		tx.later(REMEMBER, [
			scheduled.map(([, , , , , , , scheduleId]) => scheduleId),
			scheduled.map(([, , , , , , , , targetKey]) => targetKey),
			scheduled.map(([, , tenant]) => tenant),
			scheduled.map(([, , , , , , runId]) => runId),
		]);
	}

	function settleAll(
		tx: Transaction,
		settlements: readonly DeliverySettlement[],
	): Promise<boolean[]> {
		return tx.each(
			settlements,
			(items) =>
				inWaves(
					items,
					({ deliveryId }) => deliveryId,
					(wave) => settleWave(tx, wave),
				),
			({ deliveryId }, error) => {
				onFault({ where: 'settleDeliveries', id: deliveryId, error });
				return false;
			},
		);
	}

	async function ofRun(tenant: string, runId: string): Promise<Delivery[]> {
		const rows = await db.rows(
			`${SELECT} FROM deliveries WHERE runId = $1 AND tenant = $2 ORDER BY targetKey`,
			[runId, tenant],
		);
		return rows.map(deliveryRows.fromRow);
	}

	return {
		insertDelivery,
		ofRun,

		port: {
			async claimDeliveries(request, events) {
				if ((await db.get(DUE, [request.now])) === undefined) return [];
				return write((tx) => claim(tx, request, events));
			},

			settleDeliveries: createGather(write, settleAll),

			replayDeliveries: (settlements, record) =>
				write((tx) => once(context, tx, record, () => settleAll(tx, settlements))),

			async listExpiredDeliveries(now, limit, except) {
				const rows = await db.rows(
					`${SELECT} FROM deliveries WHERE state = 'sending'
					AND (leaseUntil < $1 OR owner <> $2) ORDER BY leaseUntil LIMIT $3`,
					[now, except ?? null, limit],
				);
				return rows.map(deliveryRows.fromRow);
			},

			async getDelivery(tenant, id) {
				const row = await db.get(`${SELECT} FROM deliveries WHERE id = $1 AND tenant = $2`, [
					id,
					tenant,
				]);
				if (row === undefined) return null;
				const attempts = await db.rows(
					`SELECT ${deliveryAttemptRows.columns} FROM delivery_attempts WHERE deliveryId = $1
					ORDER BY epoch`,
					[id],
				);
				return {
					delivery: deliveryRows.fromRow(row),
					attempts: attempts.map(deliveryAttemptRows.fromRow),
				};
			},

			listDeliveries: (tenant, filter, page) => listDeliveries(db, tenant, filter, page),

			deliveriesOfRun: ofRun,
		},
	};

	async function claim(
		tx: Transaction,
		{ now, limit: most, owner, leaseUntil }: ClaimRequest,
		events: ClaimEvents,
	): Promise<Delivery[]> {
		const limit = typeof most === 'number' ? most : most();
		if (limit <= 0) return [];
		await tx.flush();
		const rows = await tx.rows(CLAIM, [now, limit, owner, leaseUntil]);
		return rows.map((row) => {
			const delivery = deliveryRows.fromRow(row);
			tx.removeTimers(delivery.id, 'delivery.due');
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
