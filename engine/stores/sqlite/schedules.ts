import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import type { createCalendars } from './calendars.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { findIdempotent, once } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { ledgerRows, scheduleRows } from './rows.ts';
import { listSchedules } from './schedule-lists.ts';
import type { SettleRun } from './settle-run.ts';
import type { createSpecs } from './specs.ts';
import { assignments } from './updates.ts';

type Schedules = Pick<
	Store,
	'createSchedule' | 'getSchedule' | 'listSchedules' | 'changeSchedule' | 'listOccurrences'
>;
type Change = Parameters<Store['changeSchedule']>[0];

export function createSchedules(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		settle: SettleRun;
		ends: BackfillEnds;
		calendars: ReturnType<typeof createCalendars>;
	},
): Schedules {
	const { db, write, timers } = context;
	const { specs, settle, ends, calendars } = parts;

	/** A deleted schedule is there for its ledger only. */
	function find(tenant: string, id: string): Schedule | null {
		const row = db
			.rows(
				`SELECT ${scheduleRows.columns} FROM schedules
				WHERE id = ? AND tenant = ? AND state <> 'deleted'`,
			)
			.get(id, tenant);
		return row === undefined ? null : scheduleRows.fromRow(row);
	}

	function insertLabels({ tenant, id, labels }: Schedule): void {
		for (const [key, value] of Object.entries(labels)) {
			db.sql(
				'INSERT INTO schedule_labels (tenant, key, value, scheduleId) VALUES (?, ?, ?, ?)',
			).run(tenant, key, value, id);
		}
	}

	function insertDestinations({ tenant, id }: Schedule, spec: RunSpec): void {
		for (const destination of destinationsOf(spec)) {
			db.sql(
				'INSERT INTO schedule_destinations (tenant, destination, scheduleId) VALUES (?, ?, ?)',
			).run(tenant, destination, id);
		}
	}

	/** What was remembered of targets that are now others: that they were disabled, what they got last. */
	function forgetTargets(id: string, kind: 'delivery' | 'notify'): void {
		const which = kind === 'notify' ? 'GLOB' : 'NOT GLOB';
		db.sql(`DELETE FROM targets WHERE scheduleId = ? AND targetKey ${which} 'notify.*'`).run(id);
	}

	function apply(tx: Transaction, change: Change, found: Schedule): Schedule {
		const { id, set, timerAt, spec } = change;
		if (spec !== undefined) specs.insert(spec);
		const { sql, values } = assignments(scheduleRows, { ...set, revision: found.revision + 1 });
		db.sql(`UPDATE schedules SET ${sql} WHERE id = ? AND state = ? AND revision = ?`).run(
			...values,
			id,
			found.state,
			found.revision,
		);
		if (timerAt === null) timers.remove(id, 'schedule.due');
		else timers.set('schedule.due', id, timerAt);
		for (const row of change.ledger ?? []) db.sql(ledgerRows.insert).run(...ledgerRows.toRow(row));
		const changed: Schedule = { ...found, ...set, revision: found.revision + 1 };
		if (set.timing !== undefined) calendars.name(changed, change.calendars);
		else if (set.nextAt !== undefined) calendars.record(changed, change.calendars);
		if (set.labels !== undefined) {
			db.sql('DELETE FROM schedule_labels WHERE tenant = ? AND scheduleId = ?').run(
				found.tenant,
				id,
			);
			insertLabels(changed);
		}
		if (spec !== undefined) {
			db.sql('DELETE FROM schedule_destinations WHERE tenant = ? AND scheduleId = ?').run(
				found.tenant,
				id,
			);
			insertDestinations(changed, spec.spec);
		}
		for (const kind of change.forget ?? []) forgetTargets(id, kind);
		if (changed.state === 'deleted') ends.scheduleDeleted(tx, id, changed.updatedAt);
		for (const settlement of change.settle) settle(tx, settlement);
		tx.tally('schedule', found.tenant, found.state, changed.state);
		tx.events(change.events);
		return changed;
	}

	return {
		createSchedule: ({ schedule, spec, timerAt, calendars: by, events }, record) =>
			write((tx) =>
				once(context, record, () => {
					specs.insert(spec);
					db.sql(scheduleRows.insert).run(...scheduleRows.toRow(schedule));
					insertLabels(schedule);
					insertDestinations(schedule, spec.spec);
					calendars.name(schedule, by);
					if (timerAt !== null) timers.set('schedule.due', schedule.id, timerAt);
					tx.tally('schedule', schedule.tenant, null, schedule.state);
					tx.events(events);
					return schedule;
				}),
			),

		async getSchedule(tenant, id) {
			return find(tenant, id);
		},

		async listSchedules(tenant, filter, page) {
			return listSchedules(db, tenant, filter, page);
		},

		changeSchedule: (change, record) =>
			write((tx) => {
				const earlier = record && findIdempotent(db, record, context.clock.now());
				if (earlier) return { replayed: true, earlier };
				const found = find(change.tenant, change.id);
				if (found === null) return 'not_found';
				if (change.expected !== undefined && change.expected !== found.revision) {
					return 'revision_differs';
				}
				if (!change.from.includes(found.state) || found.nextAt !== change.readNextAt) {
					return 'state_differs';
				}
				if (record !== undefined) once(context, record, () => null);
				return apply(tx, change, found);
			}),

		async listOccurrences(tenant, id, { from, to, order = 'asc' }, page) {
			const position = decodeCursor(page.cursor, 'number');
			const [after, before] = order === 'asc' ? [position, null] : [null, position];
			const items = db
				.rows(
					`SELECT ${ledgerRows.columns} FROM occurrences
					WHERE scheduleId = ? AND tenant = ? AND nominalAt >= ? AND nominalAt <= ?
					ORDER BY nominalAt ${order === 'asc' ? 'ASC' : 'DESC'} LIMIT ?`,
				)
				.all(
					id,
					tenant,
					Math.max(from ?? 0, after === null ? 0 : after + 1),
					Math.min(to ?? Number.MAX_SAFE_INTEGER, (before ?? Number.MAX_SAFE_INTEGER) - 1),
					readLimit(page),
				)
				.map(ledgerRows.fromRow);
			return pageOf(items, page.limit, ({ nominalAt }) => nominalAt);
		},
	};
}
