import type { OccurrenceDecision, RunSettlement } from '../../engine/contract/change.ts';
import type { EngineId } from '../../engine/contract/ids.ts';
import { policiesSchema } from '../../engine/contract/policies.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { Schedule, SpecRecord } from '../../engine/contract/schedule.ts';
import type { Instant } from '../../engine/contract/time.ts';
import { createRecords, T0, testClock } from '../support/store-records.ts';
import type { Broken, Rows } from './rows.ts';

/*
 * What there is besides the rows: engines with what they have in hand and what they have read, requests on
 * their way, and time, which goes in ticks.
 */

/** All that lasts, lasts whole ticks: a lease, a timeout, the wait before a retry. */
export const TICK = 10_000;
export const LEASE = 1 * TICK;
/** Of a lease, what its holder counts on: see worker.ts. It ends between two ticks. */
const SAFE = LEASE * 0.9;

/** Where a decision is written in a later step than it was read in, so that others come in between. */
export type Apart = 'occur' | 'sweep' | 'api';

export interface Sizes {
	engines: number;
	/** In ticks after the start. */
	occurrences: readonly number[];
	mode: 'sync' | 'async';
	/** As in the API, but for what the model fixes: attempts wait a tick, and end by themselves after one. */
	policies?: {
		overlap?: 'skip' | 'buffer_all' | 'cancel_other';
		onUnknown?: 'retry' | 'fail' | 'manual';
		attempts?: number;
		heartbeat?: boolean;
	};
	/** How many crashes, lost replies, drains and losses of all timers there are at most. */
	faults: number;
	/** How many things people do at most: cancels, and letting a held run go. */
	acts: number;
	apart: readonly Apart[];
}

/** How an attempt came out for its engine. `gave_up`: drained in the middle of it. */
export type Answer = 'done' | 'error' | 'accepted' | 'gave_up';

/** A claimed run in the hands of an engine. */
export interface Hand {
	/** As it was when it was claimed. */
	run: Run;
	/** Until when its holder counts on the lease. */
	safeUntil: Instant;
	stage: 'claimed' | 'sent' | Answer;
}

/** Read and decided, and not yet written. */
export interface Pending {
	what: string;
	read: Run;
	settlement: RunSettlement;
	/** Of a callback: the attempt that its token stands for. */
	token?: number;
}

export interface Engine {
	mode: 'up' | 'draining' | 'down';
	/** By run. */
	hands: readonly (Hand | undefined)[];
	occurring: { read: Schedule; decision: OccurrenceDecision } | null;
	sweeping: Pending | null;
}

export interface World extends Rows {
	now: Instant;
	engines: readonly Engine[];
	/** What an API call of somebody has read. */
	calling: Pending | null;
	/** Of each run, the attempts whose request is on its way: a bit for each epoch. */
	onTheWay: readonly number[];
	/** Of each run, the attempts whose work was done at the target. */
	worked: readonly number[];
	/** Of each run, the epoch of the last request that was begun. */
	lastSent: readonly number[];
	faults: number;
	acts: number;
}

/** What stays the same in all states of one model. */
export interface Model {
	sizes: Sizes;
	spec: SpecRecord;
	broken: Broken;
	/** After this, occurrences are late and nothing about them changes any more. */
	horizon: Instant;
}

export const NO_FOLLOW_UPS = { deliveries: [], notifications: [], links: [] };
const SCHEDULE_ID = 'sch_model';

export function createModel(sizes: Sizes, broken: Broken = new Set()): Model {
	const { overlap, onUnknown, attempts = 2, heartbeat = false } = sizes.policies ?? {};
	const policies = policiesSchema.parse({
		...(overlap === undefined ? {} : { overlap }),
		...(onUnknown === undefined ? {} : { onUnknown }),
		retry: { attempts, delay: TICK, backoff: 'fixed', jitter: false },
		timeout: heartbeat ? 2 * TICK : TICK,
		...(heartbeat ? { heartbeat: TICK } : {}),
	});
	const spec = createRecords(testClock()).spec({
		policies,
		schedule: { id: SCHEDULE_ID, name: null, revision: 1 },
		sealedFor: SCHEDULE_ID,
	});
	return { sizes, spec, broken, horizon: T0 + (Math.max(...sizes.occurrences) + 2) * TICK };
}

export function initial({ sizes, spec }: Model): World {
	const dates = sizes.occurrences.map((tick) => T0 + tick * TICK);
	const schedule = createRecords(testClock()).schedule({
		id: SCHEDULE_ID,
		specId: spec.id,
		timing: { kind: 'dates', dates, timeZone: 'UTC' },
		nextAt: dates[0] ?? null,
		dueAt: dates[0] ?? null,
	});
	return {
		schedule,
		ledger: [],
		runs: [],
		attempts: [],
		timers: schedule.dueAt === null ? {} : { [`schedule.due:${SCHEDULE_ID}`]: schedule.dueAt },
		now: T0,
		engines: Array.from({ length: sizes.engines }, () => started('up')),
		calling: null,
		onTheWay: [],
		worked: [],
		lastSent: [],
		faults: sizes.faults,
		acts: sizes.acts,
	};
}

export function started(mode: Engine['mode']): Engine {
	return { mode, hands: [], occurring: null, sweeping: null };
}

export function ownerOf(engine: number): EngineId {
	return `eng_${engine + 1}`;
}

/** What a claim or a renewal at this instant lets its engine count on. */
export function safeFrom(now: Instant): Instant {
	return now + SAFE;
}

export function isSafe({ safeUntil }: Hand, now: Instant): boolean {
	return now < safeUntil;
}

/** Engines with one of them changed. */
export function withEngine(world: World, engine: number, change: Partial<Engine>): World {
	const before = world.engines[engine];
	if (before === undefined) throw new Error(`engine ${engine} of ${world.engines.length}`);
	return { ...world, engines: world.engines.with(engine, { ...before, ...change }) };
}

/** What the engine has of this run is another, or nothing any more. */
export function withHand(
	world: World,
	{ engine, run }: { engine: number; run: number },
	hand: Hand | undefined,
): World {
	const hands = [...(world.engines[engine]?.hands ?? [])];
	hands[run] = hand;
	return withEngine(world, engine, { hands });
}

/** A list of numbers by run, with one of them changed. */
export function withNumber(list: readonly number[], at: number, value: number): number[] {
	const next = Array.from({ length: Math.max(list.length, at + 1) }, (_, i) => list[i] ?? 0);
	next[at] = value;
	return next;
}
