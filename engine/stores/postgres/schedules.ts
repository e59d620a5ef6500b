import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import type { Store } from '../store.port.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import type { createCalendars } from './calendars.ts';
import type { Context } from './context.ts';
import { INTO } from './inserts.ts';
import { findIdempotent, once } from './once.ts';
import { ledgerRows, scheduleRows } from './rows.ts';
import { listSchedules } from './schedule-lists.ts';
import type { SettleRuns } from './settle-run.ts';
import type { createSpecs } from './specs.ts';
import type { Transaction } from './transaction.ts';
import { assignments } from './updates.ts';

type Schedules = Pick<
	Store,
	'createSchedule' | 'getSchedule' | 'listSchedules' | 'changeSchedule' | 'listOccurrences'
>;
type Change = Parameters<Store['changeSchedule']>[0];

const SELECT = `SELECT ${scheduleRows.columns} FROM schedules`;

export function createSchedules(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		settle: SettleRuns;
		ends: BackfillEnds;
		calendars: ReturnType<typeof createCalendars>;
	},
): Schedules {
	const { db, write } = context;
	const { specs, settle, ends, calendars } = parts;

	async function apply(tx: Transaction, change: Change, found: Schedule): Promise<Schedule> {
		const { id, set, timerAt, spec } = change;
		if (spec !== undefined) specs.insert(tx, [spec]);
		const { sql, values } = assignments(scheduleRows, { ...set, revision: found.revision + 1 }, 2);
		tx.later(`UPDATE schedules SET ${sql} WHERE id = $1`, [id, ...values]);
		if (timerAt === null) tx.removeTimers(id, 'schedule.due');
		else tx.setTimer('schedule.due', id, timerAt);
		for (const row of change.ledger ?? []) tx.insert(INTO.ledger, row);
		const changed: Schedule = { ...found, ...set, revision: found.revision + 1 };
		if (set.timing !== undefined) await calendars.name(tx, changed, change.calendars);
		else if (set.nextAt !== undefined) calendars.record(tx, changed, change.calendars);
		if (set.labels !== undefined) {
			tx.later('DELETE FROM schedule_labels WHERE scheduleId = $1', [id]);
			insertLabels(tx, changed);
		}
		if (spec !== undefined) {
			tx.later('DELETE FROM schedule_destinations WHERE scheduleId = $1', [id]);
			insertDestinations(tx, changed, spec.spec);
		}
		for (const kind of change.forget ?? []) forgetTargets(tx, id, kind);
		await tx.flush();
		if (changed.state === 'deleted') await ends.scheduleDeleted(tx, id, changed.updatedAt);
		await settle(tx, change.settle);
		tx.tally('schedule', found.tenant, found.state, changed.state);
		tx.events(change.events);
		return changed;
	}

	return {
		createSchedule: ({ schedule, spec, timerAt, calendars: by, events }, record) =>
			write((tx) =>
				once(context, tx, record, async () => {
					specs.insert(tx, [spec]);
					tx.insert(INTO.schedules, schedule);
					insertLabels(tx, schedule);
					insertDestinations(tx, schedule, spec.spec);
					await calendars.name(tx, schedule, by);
					if (timerAt !== null) tx.setTimer('schedule.due', schedule.id, timerAt);
					tx.tally('schedule', schedule.tenant, null, schedule.state);
					tx.events(events);
					return schedule;
				}),
			),

		/** A deleted schedule is there for its ledger only. */
		async getSchedule(tenant, id) {
			const row = await db.get(`${SELECT} WHERE id = $1 AND tenant = $2 AND state <> 'deleted'`, [
				id,
				tenant,
			]);
			return row === undefined ? null : scheduleRows.fromRow(row);
		},

		listSchedules: (tenant, filter, page) => listSchedules(db, tenant, filter, page),

		changeSchedule: (change, record) =>
			write(async (tx) => {
				const row = await tx.get(
					`${SELECT} WHERE id = $1 AND tenant = $2 AND state <> 'deleted' FOR UPDATE`,
					[change.id, change.tenant],
				);
				// Under the lock, so that the same request at another engine has come and gone, or waits.
				const earlier = record && (await findIdempotent(tx, record, context.clock.now()));
				if (earlier) return { replayed: true, earlier };
				if (row === undefined) return 'not_found';
				const found = scheduleRows.fromRow(row);
				if (change.expected !== undefined && change.expected !== found.revision) {
					return 'revision_differs';
				}
				if (!change.from.includes(found.state) || found.nextAt !== change.readNextAt) {
					return 'state_differs';
				}
				const first = await once(context, tx, record, () => Promise.resolve(null));
				return first.replayed ? first : apply(tx, change, found);
			}),

		async listOccurrences(tenant, id, { from, to, order = 'asc' }, page) {
			const position = decodeCursor(page.cursor, 'number');
			const [after, before] = order === 'asc' ? [position, null] : [null, position];
			const rows = await db.rows(
				`SELECT ${ledgerRows.columns} FROM occurrences
				WHERE scheduleId = $1 AND tenant = $2 AND nominalAt >= $3 AND nominalAt <= $4
				ORDER BY nominalAt ${order === 'asc' ? 'ASC' : 'DESC'} LIMIT $5`,
				[
					id,
					tenant,
					Math.max(from ?? 0, after === null ? 0 : after + 1),
					Math.min(to ?? Number.MAX_SAFE_INTEGER, (before ?? Number.MAX_SAFE_INTEGER) - 1),
					readLimit(page),
				],
			);
			return pageOf(rows.map(ledgerRows.fromRow), page.limit, ({ nominalAt }) => nominalAt);
		},
	};
}

function insertLabels(tx: Transaction, { tenant, id, labels }: Schedule): void {
	const entries = Object.entries(labels);
	if (entries.length === 0) return;
	tx.later(
		`INSERT INTO schedule_labels (tenant, key, value, scheduleId)
		SELECT $1, key, value, $2 FROM unnest($3::text[], $4::text[]) AS u (key, value)`,
		[tenant, id, entries.map(([key]) => key), entries.map(([, value]) => value)],
	);
}

function insertDestinations(tx: Transaction, { tenant, id }: Schedule, spec: RunSpec): void {
	const named = [...destinationsOf(spec)];
	if (named.length === 0) return;
	tx.later(
		`INSERT INTO schedule_destinations (tenant, destination, scheduleId)
		SELECT $1, destination, $2 FROM unnest($3::text[]) AS u (destination)`,
		[tenant, id, named],
	);
}

/** What was remembered of targets that are now others: that they were disabled, what they got last. */
function forgetTargets(tx: Transaction, id: string, kind: 'delivery' | 'notify'): void {
	const which = kind === 'notify' ? '' : 'NOT';
	tx.later(
		`DELETE FROM targets WHERE scheduleId = $1 AND ${which} starts_with(targetKey, 'notify.')`,
		[id],
	);
}
