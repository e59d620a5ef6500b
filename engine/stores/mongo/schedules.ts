import type { Schedule } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import type { createCalendars } from './calendars.ts';
import { namedOf } from './calendars.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Fields, Root } from './documents.ts';
import { is } from './documents.ts';
import type { Effect, Pending } from './effects.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { create, findIdempotent } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { ledgerRows, scheduleRows } from './rows.ts';
import { packed } from './runs.ts';
import { scheduleDoc, tagsOf } from './schedule-doc.ts';
import { listSchedules } from './schedule-lists.ts';
import type { createSpecs } from './specs.ts';

interface Schedules {
	port: Pick<
		Store,
		'createSchedule' | 'getSchedule' | 'listSchedules' | 'changeSchedule' | 'listOccurrences'
	>;
	forget: (pending: Pending<'forget'>[]) => Promise<void>;
}
type ScheduleChange = Parameters<Store['changeSchedule']>[0];

export function createSchedules(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		calendars: ReturnType<typeof createCalendars>;
	},
): Schedules {
	const { db, commits, clock } = context;
	const { specs, calendars } = parts;

	/** A deleted schedule is there for its ledger only. */
	async function read(tenant: string, id: string): Promise<Root | null> {
		return (await db.run(async () =>
			db
				.of('schedules')
				.findOne({ _id: is(id) as never, tenant: is(tenant), state: { $ne: 'deleted' } }),
		)) as Root | null;
	}

	/** What was remembered of targets that are now others: that they were disabled, what they got last. */
	async function forgetOne({ of: { scheduleId, kind, at } }: Pending<'forget'>): Promise<void> {
		const notify = /^notify\./;
		const targetKey = kind === 'notify' ? notify : { $not: notify };
		const older = [{ disabledAt: null }, { disabledAt: { $lte: at } }];
		const before = [{ deliveredAt: null }, { deliveredAt: { $lte: at } }];
		await db.run(async () =>
			db
				.of('targets')
				.deleteMany({ scheduleId, targetKey, $and: [{ $or: older }, { $or: before }] }),
		);
	}

	function changeOf(doc: Root, change: ScheduleChange, record: Effect[]): [Change, Schedule] {
		const { id, set, timerAt, spec } = change;
		const found = scheduleRows.fromDoc(doc);
		const changed: Schedule = { ...found, ...set, revision: found.revision + 1 };
		const fields: Fields = scheduleRows.encode({ ...set, revision: changed.revision });
		// Only what was worked out again is worked out by these.
		if (set.timing !== undefined || set.nextAt !== undefined) {
			fields['named'] = namedOf(changed.timing, change.calendars);
		}
		if (set.labels !== undefined) fields['tags'] = tagsOf(changed);
		if (spec !== undefined) fields['uses'] = [...destinationsOf(spec.spec)];
		const at = clock.now();
		const effects = [
			...record,
			...eventsEffect(change.events),
			...(change.ledger ?? []).map((row) =>
				effect('insert', { into: 'occurrences', doc: ledgerRows.toDoc(row) }),
			),
			...change.settle.map((settlement) => effect('settle', packed(settlement))),
			effect('timer', { name: 'schedule.due', key: id, at: timerAt }),
			...(change.forget ?? []).map((kind) => effect('forget', { scheduleId: id, kind, at })),
			...(changed.state === 'deleted'
				? [effect('scheduleDeleted', { id, at: changed.updatedAt })]
				: []),
		];
		const { state, revision, nextAt } = found;
		const where = { state, revision, nextAt };
		return [{ id, v: doc.v, where, set: fields, effects }, changed];
	}

	return {
		async forget(pending) {
			for (const one of pending) await forgetOne(one);
		},

		port: {
			async createSchedule({ schedule, spec, timerAt, calendars: by, events }, record) {
				await calendars.checkNamed(schedule);
				await specs.write([spec]);
				const timer = effect('timer', { name: 'schedule.due', key: schedule.id, at: timerAt });
				const doc = scheduleDoc(schedule, { spec: spec.spec, calendars: by });
				return create(context, {
					record,
					root: { into: 'schedules', doc },
					effects: [...eventsEffect(events), ...(timerAt === null ? [] : [timer])],
					value: schedule,
				});
			},

			async getSchedule(tenant, id) {
				const doc = await read(tenant, id);
				return doc === null ? null : scheduleRows.fromDoc(doc);
			},

			listSchedules: async (tenant, filter, page) => listSchedules(db, { tenant, filter, page }),

			async changeSchedule(change, record) {
				for (;;) {
					const earlier = record && (await findIdempotent(context, record, clock.now()));
					if (earlier) return { replayed: true, earlier };
					const doc = await read(change.tenant, change.id);
					if (doc === null) return 'not_found';
					const found = scheduleRows.fromDoc(doc);
					if (change.expected !== undefined && change.expected !== found.revision) {
						return 'revision_differs';
					}
					if (!change.from.includes(found.state) || found.nextAt !== change.readNextAt) {
						return 'state_differs';
					}
					if (change.set.timing !== undefined) {
						await calendars.checkNamed({ tenant: found.tenant, timing: change.set.timing });
					}
					if (change.spec !== undefined) await specs.write([change.spec]);
					// What a decision before left to be done is not to be overtaken.
					await commits.help('schedules', [doc]);
					const kept = record === undefined ? [] : [effect('once', record)];
					const [made, changed] = changeOf(doc, change, kept);
					if ((await commits.change('schedules', [made]))[0] === true) return changed;
				}
			},

			async listOccurrences(tenant, id, { from, to, order = 'asc' }, page) {
				const position = decodeCursor(page.cursor, 'number');
				const [after, before] = order === 'asc' ? [position, null] : [null, position];
				const docs = await db.run(async () =>
					db
						.of('occurrences')
						.find(
							{
								scheduleId: is(id),
								tenant: is(tenant),
								nominalAt: {
									$gte: Math.max(from ?? 0, after === null ? 0 : after + 1),
									$lte: Math.min(
										to ?? Number.MAX_SAFE_INTEGER,
										(before ?? Number.MAX_SAFE_INTEGER) - 1,
									),
								},
							},
							{ readConcern: { level: 'majority' } },
						)
						.sort({ nominalAt: order === 'asc' ? 1 : -1 })
						.limit(readLimit(page))
						.toArray(),
				);
				return pageOf(docs.map(ledgerRows.fromDoc), page.limit, ({ nominalAt }) => nominalAt);
			},
		},
	};
}
