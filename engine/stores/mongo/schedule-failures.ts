import type { EventDraft } from '../../contract/event.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import type { Pending } from './effects.ts';
import { effect, events } from './effects.ts';
import { scheduleRows } from './rows.ts';

/** How many settlements a schedule remembers to have counted. */
const REMEMBERED = 50;

/** Counts failed runs in a row, each once, and pauses an active schedule at `pauseAt`. */
export function createScheduleFailures({
	db,
	commits,
}: Pick<Context, 'db' | 'commits'>): (pending: Pending<'failure'>[]) => Promise<void> {
	async function count({ of, token }: Pending<'failure'>): Promise<void> {
		const { id, tenant, failed } = of;
		if (!failed) {
			await db.run(async () =>
				db
					.of('schedules')
					.updateOne(
						{ _id: id, tenant, failures: { $gt: 0 }, counted: { $ne: token } },
						{ $set: { failures: 0 }, $inc: { v: 1 } as never },
					),
			);
			return;
		}
		// Carried out again, it is counted already.
		const update = {
			$inc: { failures: 1, v: 1 },
			$push: { counted: { $each: [token], $slice: -REMEMBERED } },
		} as never;
		await db.run(async () =>
			db.of('schedules').updateOne({ _id: id, tenant, counted: { $ne: token } }, update),
		);
		await pause(of);
	}

	async function pause(of: Pending<'failure'>['of']): Promise<void> {
		const { id, tenant, pauseAt, at, reason = 'on_failure', message } = of;
		if (pauseAt === null) return;
		for (;;) {
			const filter = { _id: id as string, tenant, state: 'active', failures: { $gte: pauseAt } };
			const doc = (await db.run(async () => db.of('schedules').findOne(filter))) as Root | null;
			if (doc === null) return;
			const { failures, pauses, revision } = scheduleRows.fromDoc(doc);
			const event: EventDraft = {
				type: 'schedule.paused',
				tenant,
				at,
				subject: { scheduleId: id },
				data: { reason, failures, ...(message === undefined ? {} : { message }) },
			};
			const change = {
				id: doc._id,
				v: doc.v,
				where: { state: 'active', failures },
				set: scheduleRows.encode({
					state: 'paused',
					pauseReason: reason,
					pauses: [...pauses, { from: at, to: null }],
					updatedAt: at,
					revision: revision + 1,
				}),
				effects: [...events([event]), effect('timer', { name: 'schedule.due', key: id, at: null })],
			};
			if ((await commits.change('schedules', [change]))[0] === true) return;
		}
	}

	return async (pending) => {
		// Of one schedule in the order in which they came; of different ones beside one another.
		const bySchedule = Map.groupBy(pending, ({ of }) => of.id);
		await Promise.all(
			[...bySchedule.values()].map(async (list) => {
				for (const one of list) await count(one);
			}),
		);
	};
}
