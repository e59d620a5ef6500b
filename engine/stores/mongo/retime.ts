import type { Calendar } from '../../contract/calendar.ts';
import type { Retimed, RetimingDecision } from '../../contract/change.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars, Named } from './calendars.ts';
import { namedOf } from './calendars.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Doc, Fields, Root } from './documents.ts';
import { effect, events } from './effects.ts';
import { scheduleRows } from './rows.ts';

export function createRetime(
	context: Context,
	{ calendars }: { calendars: ReturnType<typeof createCalendars> },
): Pick<Store, 'retime'> {
	const { db, commits, onFault } = context;

	/** Schedules that are behind: a seek on each side of what is in force. */
	async function behind(limit: number, zoneData: string | undefined): Promise<Root[]> {
		const found = new Map<string, Root>();
		const add = async (filter: Fields): Promise<void> => {
			const left = limit - found.size;
			if (left <= 0) return;
			const docs = await db.run(async () => db.of('schedules').find(filter).limit(left).toArray());
			for (const doc of docs) found.set(doc._id, doc as Root);
		};
		const heads = await db.run(async () =>
			db.of('calendars').find({}).project<Doc>({ version: 1 }).toArray(),
		);
		for (const { _id, version } of heads) {
			await add({ named: { $elemMatch: { c: _id, n: { $lt: version } } } });
			await add({ named: { $elemMatch: { c: _id, n: { $gt: version } } } });
		}
		if (zoneData !== undefined) {
			await add({ zoneData: { $lt: zoneData } });
			await add({ zoneData: { $gt: zoneData } });
		}
		return [...found.values()];
	}

	function changedOf(doc: Root, named: ReadonlyMap<string, Calendar>): Calendar[] {
		return (doc['named'] as Named[]).flatMap(({ c, n }) => {
			const calendar = named.get(c);
			return calendar === undefined || calendar.version === n ? [] : [calendar];
		});
	}

	async function changeOf(
		doc: Root,
		decide: (found: Retimed) => RetimingDecision,
		zoneData: string | undefined,
	): Promise<Change> {
		const schedule = scheduleRows.fromDoc(doc);
		const { id, state } = schedule;
		const named = await calendars.inForce(schedule.timing);
		// Of those that are over, too: they are not to be found again.
		const seen: Fields = {
			named: namedOf(schedule.timing, named),
			...(zoneData === undefined ? {} : { zoneData }),
		};
		if (state !== 'active' && state !== 'paused') return { id, v: doc.v, set: seen };
		try {
			const changed = changedOf(doc, named);
			const { set, events: told } = decide({ schedule, calendars: named, changed });
			const at = set.state === 'active' ? set.dueAt : null;
			return {
				id,
				v: doc.v,
				where: { state, nextAt: schedule.nextAt },
				set: { ...scheduleRows.encode(set), ...seen },
				effects: [...events(told), effect('timer', { name: 'schedule.due', key: id, at })],
			};
		} catch (error) {
			// Not again until something changes once more: it would be in the way of the others.
			onFault({ where: 'retime', id, error });
			return { id, v: doc.v, set: seen };
		}
	}

	return {
		async retime({ limit, zoneData }, decide) {
			const docs = await behind(limit, zoneData);
			await commits.help('schedules', docs);
			const changes: Change[] = [];
			for (const doc of docs) changes.push(await changeOf(doc, decide, zoneData));
			// One that was changed meanwhile is behind still, and found by the next call.
			await commits.change('schedules', changes);
			return docs.length;
		},
	};
}
