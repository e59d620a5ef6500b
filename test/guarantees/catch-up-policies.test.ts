import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ScheduleId } from '../../engine/contract/ids.ts';
import type { Jitter } from '../../engine/contract/timing.ts';
import { CATCH_UP_MODES, OVERLAP } from '../../engine/contract/policies.ts';
import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';

/*
 * P5, and P4 beside it: all engines are down for a day, then for two (of a clock that the test moves), and what
 * passed becomes what the policies say: every catch-up mode with every overlap and several windows, with and
 * without jitter and skipped occurrences, with nothing running and with a run that lasts all the while. The
 * expected ledger is told here once more, over the whole list of instants, and shares no code with the engine.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ON_TIME = 15 * SECOND;
/** How far the clock goes before each look: engines are down, then one runs, then they are down again. */
const STEPS = [
	{ down: true, by: 26 * HOUR + 20 * SECOND },
	{ down: false, by: HOUR },
	{ down: false, by: HOUR - 10 * SECOND },
	{ down: true, by: 50 * HOUR + 5 * SECOND },
	{ down: false, by: 20 * MINUTE },
];
const TOTAL = STEPS.reduce((sum, { by }) => sum + by, 0);
const JITTER: Jitter = { max: 10 * MINUTE, per: 'occurrence' };

interface Case {
	mode: (typeof CATCH_UP_MODES)[number];
	overlap: (typeof OVERLAP)[number];
	window: number;
	/** Delays of up to ten minutes, and every seventh and the last of the first outage taken out. */
	rough: boolean;
	/** A run of the schedule lasts all the while. */
	busy: boolean;
	id: ScheduleId;
}

const CASES: Case[] = CATCH_UP_MODES.flatMap(
	(mode) =>
		OVERLAP.flatMap((overlap) =>
			(mode === 'none' ? [24 * HOUR] : [HOUR / 2, 5 * HOUR, 240 * HOUR]).flatMap((window) =>
				[false, true].flatMap((rough) =>
					[false, true].map((busy): Case => ({ mode, overlap, window, rough, busy, id: 'sch_' })),
				),
			),
		),
	// Each would cancel the one before: refused.
).filter(({ mode, overlap }) => mode !== 'all' || overlap !== 'cancel_other');

let server: CapabilityServer;
let bed: Bed;
let anchor: number;
const looks: number[] = [];

beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('quick', server.json('/quick', []));
	const accepts = server.on('/slow', (response) => response.writeHead(202).end());
	await bed.register('slow', accepts, { binding: { mode: 'async' } });
	anchor = bed.clock.now();
	for (const each of CASES) each.id = await make(each);
	await idle();
	for (const { down, by } of STEPS) {
		if (down) await bed.restart(by);
		else bed.clock.advance(by);
		looks.push(bed.clock.now());
		await idle();
	}
}, 300_000);
afterAll(async () => {
	await bed.close();
	await server.close();
});

const instants = Array.from({ length: Math.floor(TOTAL / HOUR) }, (_, n) => (n + 1) * HOUR);
const takenOut = instants.filter((_, n) => n % 7 === 3 || n === 25);

async function make({ mode, overlap, window, rough, busy }: Case): Promise<ScheduleId> {
	const catchUp = mode === 'none' ? { mode } : { mode, window };
	const { scheduleId } = await bed.schedule(busy ? 'slow' : 'quick', {
		timing: { every: '1h' },
		policies: { overlap, catchUp, timeout: '7d' },
	});
	const { store, newId } = bed.engine.context;
	const made = await store.getSchedule('default', scheduleId);
	const spec = made && (await store.getSpecs([made.specId])).get(made.specId);
	if (!made || !spec) throw new Error('no schedule');
	let id: ScheduleId = scheduleId;
	if (rough) {
		// As the API would make it; what it says of jitter and of skipping is tested elsewhere.
		id = newId('schedule');
		const skipped = takenOut.map((at) => ({ at: anchor + at, by: 'a person' }));
		const schedule = {
			...made,
			id,
			timing: { ...made.timing, jitter: JITTER },
			overrides: { skipped, moved: [] },
		};
		const create = { schedule, spec: { id: made.specId, spec }, timerAt: made.dueAt, events: [] };
		await store.createSchedule(create);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	}
	if (busy) {
		const { body } = demand(await bed.admin.post(`/v1/schedules/${id}/trigger`), 202);
		await bed.runIn(body.id, 'waiting');
	}
	return id;
}

/** Nothing is due and nothing can begin. */
async function idle(): Promise<void> {
	const { store, clock } = bed.engine.context;
	const isIdle = async ({ id, busy, overlap }: Case): Promise<boolean> => {
		const schedule = await store.getSchedule('default', id);
		if (schedule?.dueAt == null || schedule.dueAt <= clock.now()) return false;
		const states = (await store.activeRunsOf('default', id)).map(({ state }) => state);
		if (!busy) return states.length === 0;
		const [head, ...others] = states;
		const queues = overlap !== 'allow_all';
		return head === 'waiting' && others.every((state) => state === (queues ? 'queued' : 'waiting'));
	};
	await bed.until(async () => {
		for (const each of CASES) if (!(await isIdle(each))) return false;
		return true;
	});
}

async function ledgerOf(id: string): Promise<Body[]> {
	const items: Body[] = [];
	let cursor = '';
	do {
		const path = `/v1/schedules/${id}/occurrences?limit=200&to=${new Date(bed.clock.now()).toISOString()}${cursor}`;
		const { body } = demand(await bed.admin.get(path), 200);
		items.push(...body.items.filter((item: Body) => item.outcome !== undefined && item.decidedAt));
		cursor = body.nextCursor === null ? '' : `&cursor=${encodeURIComponent(body.nextCursor)}`;
	} while (cursor !== '');
	return items;
}

/** What each instant becomes, given when it is due: [outcome, whether its run is one that catches up]. */
function expectedOf(
	{ mode, overlap, window, rough, busy }: Case,
	due: readonly { at: number; dueAt: number }[],
): string[] {
	const out = (at: number): boolean => rough && takenOut.includes(at - anchor);
	const told: string[] = [];
	let unfinished = busy ? 1 : 0;
	for (const now of looks) {
		const now_due = due.slice(told.length).filter(({ dueAt }) => dueAt <= now);
		const late = (dueAt: number): boolean => now - dueAt > ON_TIME;
		const catchesUp = now_due[0] !== undefined && late(now_due[0].dueAt);
		const behind = catchesUp || now_due.length > 1;
		const last = now_due.findLast(({ at }) => !out(at));
		for (const { at, dueAt } of now_due) {
			const isLast = at === last?.at;
			if (out(at)) told.push('skipped_by_user');
			else if (late(dueAt) && (mode === 'none' || now - dueAt > window)) told.push('missed');
			else if (mode === 'latest' && catchesUp && !isLast) told.push('coalesced');
			else if (overlap === 'cancel_other' && !isLast) told.push('coalesced');
			else if (overlap === 'skip' && unfinished > 0 && !(mode === 'all' && behind))
				told.push('skipped_overlap');
			else if (overlap === 'buffer_one' && unfinished > 1 && !(mode === 'all' && behind))
				told.push('skipped_overlap');
			else {
				told.push(late(dueAt) ? 'fired late' : 'fired');
				unfinished = overlap === 'cancel_other' ? 1 : unfinished + 1;
			}
		}
		// With nothing that lasts, all of it is over before the next look.
		if (!busy) unfinished = 0;
	}
	return told;
}

describe('after a day and two days without an engine', () => {
	it.each(CASES)(
		'catchUp $mode within $window ms, overlap $overlap (rough: $rough, busy: $busy): the ledger is as the policies say',
		async (each) => {
			const ledger = await ledgerOf(each.id);
			const due = ledger.map(({ nominalAt, dueAt }) => ({
				at: Date.parse(nominalAt),
				dueAt: Date.parse(dueAt),
			}));
			const passed = instants.filter(
				(at, n) => anchor + at <= bed.clock.now() && n < ledger.length,
			);
			expect(due.map(({ at }) => at - anchor)).toEqual(passed);
			expect(instants.length - ledger.length).toBeLessThanOrEqual(each.rough ? 1 : 0);
			for (const { at, dueAt } of due) {
				expect(dueAt).toBeGreaterThanOrEqual(at);
				expect(dueAt - at).toBeLessThan(each.rough ? JITTER.max : 1);
			}
			const told = ledger.map(({ outcome, trigger }) =>
				outcome === 'fired' && trigger === 'catch_up' ? 'fired late' : (outcome as string),
			);
			expect(told).toEqual(expectedOf(each, due));
		},
	);

	it.each(CASES)(
		'catchUp $mode within $window ms, overlap $overlap (rough: $rough, busy: $busy): one run for each that fired, none early',
		async (each) => {
			const ledger = await ledgerOf(each.id);
			const fired = ledger.filter(({ outcome }) => outcome === 'fired');
			const { body } = await bed.admin.get(`/v1/runs?scheduleId=${each.id}&limit=200`);
			const runs = (body.items as Body[]).filter(({ nominalAt }) => nominalAt !== null);
			expect(new Set(runs.map(({ id }) => id))).toEqual(new Set(fired.map(({ runId }) => runId)));
			expect(runs).toHaveLength(fired.length);
			const dueAt = new Map(fired.map((row) => [row.runId, Date.parse(row.dueAt)]));
			for (const { id, createdAt } of runs) {
				expect(Date.parse(createdAt)).toBeGreaterThanOrEqual(dueAt.get(id) ?? Infinity);
			}
			const states = new Set(runs.map(({ state }) => state as string));
			if (!each.busy) expect([...states]).toEqual(runs.length === 0 ? [] : ['succeeded']);
		},
	);
});
