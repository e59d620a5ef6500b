import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Calendars } from '../../contract/calendar.ts';
import type { DueSchedule, OccurrenceDecision } from '../../contract/change.ts';
import type { Run } from '../../contract/run.ts';
import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars } from './calendars.ts';
import { namedOf } from './calendars.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Doc, Root } from './documents.ts';

import { effect, events } from './effects.ts';
import { ledgerRows, scheduleRows } from './rows.ts';
import type { createRuns } from './runs.ts';
import { packed } from './runs.ts';
import type { createSpecs } from './specs.ts';
import type { Setting, Timers } from './timers.ts';

/** When a decision failed, its schedule is looked at again after this time. */
const LATER = 60_000;
/** How many unfinished runs a decision needs to know, unless it cancels them. */
const ENOUGH = 2;
/** How often a decision is made anew when its schedule was changed meanwhile. */
const TRIES = 3;

type Decide = (due: DueSchedule) => OccurrenceDecision;

interface Decided {
	doc: Root;
	decision: OccurrenceDecision;
	calendars: Calendars;
}

/**
 * The schedule is the root: one conditional update of it moves it on to its next instant and takes the outcomes, the
 * runs and the events with it. So each instant is decided once, whichever engines try, and the update names
 * the version that was read, so by what was read. What a decision before left to be done is done first:
 * its runs are among those that this one must know.
 */
export function createOccur(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'effectsOf' | 'unfinishedOf'>;
		calendars: ReturnType<typeof createCalendars>;
		timers: Timers;
	},
): Pick<Store, 'occur' | 'occurOne'> {
	const { db, commits, onFault } = context;
	const { specs, runs, calendars, timers } = parts;

	async function read(ids: readonly string[]): Promise<Root[]> {
		const find = async (wanted: readonly string[]): Promise<Doc[]> =>
			db.run(async () =>
				db
					.of('schedules')
					.find({ _id: { $in: [...wanted] } })
					.toArray(),
			);
		const docs = await find(ids);
		await commits.help('schedules', docs);
		return docs as Root[];
	}

	async function activeOf(
		docs: readonly Root[],
		found: ReadonlyMap<string, RunSpec>,
	): Promise<Map<string, Run[]>> {
		const cancels = (doc: Root): boolean =>
			found.get(doc['specId'] as string)?.policies.overlap === 'cancel_other';
		const ids = (list: readonly Root[]): string[] => list.map(({ _id }) => _id);
		const [few, all] = await Promise.all([
			runs.unfinishedOf(ids(docs.filter((doc) => !cancels(doc))), ENOUGH),
			runs.unfinishedOf(ids(docs.filter(cancels))),
		]);
		return new Map([...few, ...all]);
	}

	/** Decides for each; `failed` gets those whose decision throws. */
	async function decideAll(
		docs: readonly Root[],
		decide: Decide,
		failed: (id: string, error: unknown) => void,
	): Promise<Decided[]> {
		const found = await specs.port.getSpecs(docs.map((doc) => doc['specId'] as string));
		const active = await activeOf(docs, found);
		const decided: Decided[] = [];
		for (const doc of docs) {
			const schedule = scheduleRows.fromDoc(doc);
			try {
				const spec = found.get(schedule.specId);
				if (spec === undefined) throw new Error(`spec ${schedule.specId} is missing`);
				const named =
					(doc['named'] as unknown[]).length === 0
						? NO_CALENDARS
						: await calendars.inForce(schedule.timing);
				const due = { schedule, spec, active: active.get(doc._id) ?? [], calendars: named };
				decided.push({ doc, decision: decide(due), calendars: named });
			} catch (error) {
				failed(doc._id, error);
			}
		}
		return decided;
	}

	function changeOf({ doc, decision, calendars: named }: Decided): Change {
		const before = scheduleRows.fromDoc(doc);
		const schedule: Schedule = { ...before, ...decision.set };
		const { state, revision, nextAt } = before;
		const { id } = schedule;
		return {
			id,
			v: doc.v,
			where: { state, revision, nextAt },
			set: {
				...scheduleRows.encode(decision.set),
				...(named.size > 0 ? { named: namedOf(schedule.timing, named) } : {}),
			},
			effects: [
				...events(decision.events),
				...decision.ledger.map((row) =>
					effect('insert', { into: 'occurrences', doc: ledgerRows.toDoc(row) }),
				),
				...decision.settle.map((settlement) => effect('settle', packed(settlement))),
				...decision.runs.flatMap(runs.effectsOf),
				effect('timer', { name: 'schedule.due', key: id, at: decision.timerAt }),
			],
		};
	}

	/**
	 * An instant that has an outcome already has it for ever: a decision that gives it another one makes nothing.
	 * Only an impossible row can ask for it.
	 */
	async function withoutDoubles(decided: readonly Decided[]): Promise<Decided[]> {
		const ids = decided.flatMap(({ decision }) =>
			decision.ledger.map((row) => ledgerRows.toDoc(row)._id),
		);
		if (ids.length === 0) return [...decided];
		const there = await db.run(async () =>
			db
				.of('occurrences')
				.find({ _id: { $in: ids } })
				.project<Doc>({ _id: 1 })
				.toArray(),
		);
		const taken = new Set(there.map(({ _id }) => _id));
		if (taken.size === 0) return [...decided];
		return decided.filter(({ doc, decision }) => {
			const double = decision.ledger.find((row) => taken.has(ledgerRows.toDoc(row)._id));
			if (double === undefined) return true;
			const error = new Error(`${double.nominalAt} has an outcome already`);
			onFault({ where: 'occur', id: doc._id, error });
			return false;
		});
	}

	/** @returns those that were applied */
	async function apply(decided: readonly Decided[]): Promise<Set<Decided>> {
		const made = await commits.change('schedules', decided.map(changeOf));
		return new Set(decided.filter((_, n) => made[n] === true));
	}

	/** Those that are due; the timers of the others are put right. */
	function sortOut(
		keys: readonly string[],
		docs: readonly Root[],
		now: Instant,
	): { due: Root[]; right: Setting[] } {
		const byId = new Map(docs.map((doc) => [doc._id, doc]));
		const due: Root[] = [];
		const right: Setting[] = [];
		for (const key of keys) {
			const doc = byId.get(key);
			const schedule = doc === undefined ? null : scheduleRows.fromDoc(doc);
			const at = schedule?.state === 'active' ? schedule.dueAt : null;
			if (doc !== undefined && at !== null && at <= now) due.push(doc);
			else right.push({ name: 'schedule.due', key, at });
		}
		return { due, right };
	}

	return {
		async occurOne({ tenant, id, now }, decide) {
			for (;;) {
				const [doc] = await read([id]);
				if (doc?.['tenant'] !== tenant) return false;
				const { dueAt, state } = scheduleRows.fromDoc(doc);
				if ((dueAt ?? Infinity) > now || (state !== 'active' && state !== 'paused')) return false;
				const decided = await decideAll([doc], decide, (_, error) => {
					throw error;
				});
				if ((await withoutDoubles(decided)).length === 0) return true;
				if ((await apply(decided)).size === 1) return true;
			}
		},

		async occur(now, limit, decide) {
			let schedules = 0;
			let made = 0;
			let keys = await timers.take('schedule.due', { now, limit });
			const later: Setting[] = [];
			const putOff = (key: string): void => {
				later.push({ name: 'schedule.due', key, at: now + LATER });
			};
			for (let tries = 0; keys.length > 0 && tries < TRIES; tries++) {
				const docs = await read(keys);
				const { due, right } = sortOut(keys, docs, now);
				later.push(...right);
				const decided = await decideAll(due, decide, (key, error) => {
					putOff(key);
					onFault({ where: 'occur', id: key, error });
				});
				const possible = await withoutDoubles(decided);
				for (const one of decided) if (!possible.includes(one)) putOff(one.doc._id);
				const applied = await apply(possible);
				for (const { decision } of applied) {
					schedules++;
					made += decision.runs.length;
				}
				keys = possible.filter((one) => !applied.has(one)).map(({ doc }) => doc._id);
			}
			later.push(...keys.map((key): Setting => ({ name: 'schedule.due', key, at: now })));
			await timers.set(later);
			return { schedules, runs: made };
		},
	};
}
