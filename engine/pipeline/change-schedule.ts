import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { EventDraft, EventType } from '../contract/event.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { RunSpec, Schedule, ScheduleState } from '../contract/schedule.ts';
import type { ScheduleChange } from '../contract/change.ts';
import { mayUse } from './access.ts';
import { revisionDiffers } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { occurNow } from './occur.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';

/** A schedule that the actor may see. @throws CapError NOT_FOUND */
export async function findSchedule(ctx: Context, actor: Actor, id: ScheduleId): Promise<Schedule> {
	const schedule = await ctx.store.getSchedule(actor.tenant, id);
	if (schedule === null || !mayUse(actor, schedule.capability)) {
		throw new CapError('NOT_FOUND', `no schedule ${id}`);
	}
	return schedule;
}

export async function specOf(ctx: Context, { id, specId }: Schedule): Promise<RunSpec> {
	const spec = (await ctx.store.getSpecs([specId])).get(specId);
	if (spec === undefined) throw new CapError('INTERNAL', `the spec of ${id} is missing`);
	return spec;
}

/** What an act decides on the schedule as it was read. */
export interface Decided<T> {
	/** Null: it is so already. */
	change:
		| (Omit<
				ScheduleChange,
				'tenant' | 'id' | 'from' | 'expected' | 'readNextAt' | 'settle' | 'events'
		  > &
				Partial<Pick<ScheduleChange, 'settle'>> & {
					type: EventType;
					data?: JsonObject;
					/** Events of what it brings with it. */
					more?: EventDraft[];
				})
		| null;
	/** What is told beside the schedule itself. */
	told: T;
}

/** A schedule after an act. */
export interface Changed<T> {
	schedule: Schedule;
	told: T;
}

export interface Act {
	id: ScheduleId;
	/** If-Match. */
	ifMatch?: number | undefined;
	/** The states in which it can be done; what else it is, is a conflict. */
	from: readonly ScheduleState[];
	/** Whether occurrences that are due are decided before, as the schedule was until now. */
	settled?: true;
	/** For the message, after "cannot": `be paused`. */
	done: string;
}

const ROUNDS = 20;

/**
 * Decides on the schedule as it is and writes only if it still is so: what other people and occurrences did in
 * between is seen by another round. Nothing is lost, whoever is first.
 */
export async function changeSchedule<T>(
	ctx: Context,
	actor: Actor,
	act: Act,
	decide: (schedule: Schedule, now: number) => Decided<T> | Promise<Decided<T> | 'again'>,
	once?: OnceRequest<Changed<T>>,
): Promise<Answered<Changed<T>>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	return inTurn(ctx, `${actor.tenant}/${act.id}`, async () => {
		for (let round = 0; round < ROUNDS; round++) {
			if (act.settled === true) await settledSchedule(ctx, actor, act.id);
			const schedule = await read(ctx, actor, act);
			const now = ctx.clock.now();
			if (act.settled === true && isDue(schedule, now)) continue;
			const decided = await decide(schedule, now);
			if (decided === 'again') continue;
			const { change, told } = decided;
			if (change === null) return { kind: 'done', answer: { schedule, told } };
			const written = await write(ctx, actor, { act, schedule, change, told, now }, once);
			if (written !== null) return written;
		}
		throw new CapError('CONFLICT', `${act.id} is changing at this moment, try again`, {
			retry: 'later',
		});
	});
}

async function read(ctx: Context, actor: Actor, act: Act): Promise<Schedule> {
	const schedule = await findSchedule(ctx, actor, act.id);
	if (act.ifMatch !== undefined && act.ifMatch !== schedule.revision) throw revisionDiffers(act.id);
	if (!act.from.includes(schedule.state)) {
		throw new CapError('CONFLICT', `${act.id} is ${schedule.state} and cannot ${act.done}`);
	}
	return schedule;
}

/** The schedule, once what is due of it is decided. @throws CapError NOT_FOUND */
export async function settledSchedule(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
): Promise<Schedule> {
	for (;;) {
		const schedule = await findSchedule(ctx, actor, id);
		if (!isDue(schedule, ctx.clock.now())) return schedule;
		await occurNow(ctx, schedule);
	}
}

/**
 * Gives what fell into a pause so far its outcome, `skipped_paused`: the order that it came from ends.
 * @returns whether there was any
 */
export async function settlePause(
	ctx: Context,
	{ tenant, id }: Schedule,
	now: number,
): Promise<boolean> {
	for (let found = false; ; found = true) {
		const schedule = await ctx.store.getSchedule(tenant, id);
		if (schedule?.state !== 'paused' || schedule.dueAt === null || schedule.dueAt > now) {
			return found;
		}
		await occurNow(ctx, schedule);
	}
}

function isDue({ state, dueAt }: Schedule, now: number): boolean {
	return state === 'active' && dueAt !== null && dueAt <= now;
}

/** @returns null when it has changed since it was read */
async function write<T>(
	ctx: Context,
	actor: Actor,
	made: {
		act: Act;
		schedule: Schedule;
		change: NonNullable<Decided<T>['change']>;
		told: T;
		now: number;
	},
	once: OnceRequest<Changed<T>> | undefined,
): Promise<Answered<Changed<T>> | null> {
	const { act, schedule, told, now } = made;
	const { type, data, settle = [], more = [], ...change } = made.change;
	const event: EventDraft = {
		type,
		tenant: actor.tenant,
		at: now,
		subject: { scheduleId: act.id },
		data: { by: actor.keyId, ...data },
	};
	const after = { ...schedule, ...change.set, revision: schedule.revision + 1 };
	const written = await ctx.store.changeSchedule(
		{
			...change,
			settle,
			tenant: actor.tenant,
			id: act.id,
			from: [schedule.state],
			expected: schedule.revision,
			readNextAt: schedule.nextAt,
			events: [event, ...more],
		},
		onceRecord(ctx, actor, once, { schedule: after, told }),
	);
	if (written === 'not_found') throw new CapError('NOT_FOUND', `no schedule ${act.id}`);
	if (typeof written === 'string') return null;
	if ('replayed' in written) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, written.earlier) };
	}
	ctx.wake.poke();
	return { kind: 'done', answer: { schedule: written, told } };
}

const turns = new WeakMap<Context, Map<string, Promise<unknown>>>();

/**
 * Acts of this engine on one schedule go one after another: together they would only send each other into
 * another round. Those of other engines meet in the store.
 */
async function inTurn<T>(ctx: Context, key: string, work: () => Promise<T>): Promise<T> {
	let queue = turns.get(ctx);
	if (queue === undefined) turns.set(ctx, (queue = new Map<string, Promise<unknown>>()));
	const before = queue.get(key) ?? Promise.resolve();
	const mine = before.then(work, work);
	queue.set(key, mine);
	try {
		return await mine;
	} finally {
		if (queue.get(key) === mine) queue.delete(key);
	}
}

/** For acts that are not repeated under a key. */
export function done<T>(answered: Answered<T>): T {
	if (answered.kind === 'done') return answered.answer;
	throw new CapError('INTERNAL', 'a repeat without a key');
}
