import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Backlog, Outcome } from '../../../engine/contract/schedule.ts';
import { BACKLOGS } from '../../../engine/contract/schedule.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

/*
 * Acts in random order on a real engine with a clock that the test moves, against a model that knows nothing of
 * plans, passes or rows: it asks of every fifth minute whether something was due then, and what became of it.
 */

const MINUTE = 60_000;
const GRID = 5 * MINUTE;
const STEP = 10 * MINUTE;

type Step =
	| { kind: 'tick' | 'down' | 'skip' | 'backfill'; count: number }
	| { kind: 'pause' | 'move' | 'trigger' }
	| { kind: 'resume'; backlog: Backlog }
	| { kind: 'retime'; every: number };

const count = fc.integer({ min: 1, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 5, arbitrary: fc.record({ kind: fc.constant('tick' as const), count }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant('down' as const), count }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant('skip' as const), count }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant('backfill' as const), count }) },
	{
		weight: 5,
		arbitrary: fc.record({
			kind: fc.constantFrom('pause' as const, 'move' as const, 'trigger' as const),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('resume' as const),
			backlog: fc.constantFrom(...BACKLOGS),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant('retime' as const),
			every: fc.constantFrom(10, 20, 30).map((minutes) => minutes * MINUTE),
		}),
	},
);

class Model {
	every = STEP;
	anchor: number;
	/** Every instant up to here has its outcome, or waits for the end of the pause. */
	seen: number;
	pausedFrom: number | null = null;
	waiting: number[] = [];
	skipped = new Set<number>();
	moved = new Map<number, number>();
	rows = new Map<number, { outcome: Outcome; movedFrom: number | null }>();
	runs = { manual: 0, backfill: 0 };

	constructor(now: number) {
		this.anchor = now;
		this.seen = now;
	}

	byTiming(at: number): boolean {
		return (at - this.anchor) % this.every === 0;
	}

	origin(at: number): number | null {
		return [...this.moved].find(([, to]) => to === at)?.[0] ?? null;
	}

	isDue(at: number): boolean {
		return this.byTiming(at) || this.origin(at) !== null;
	}

	/** Whether it is to be run, if nothing else comes in between. */
	isLive(at: number): boolean {
		if (!this.isDue(at) || this.skipped.has(at)) return false;
		return this.origin(at) !== null || !this.moved.has(at);
	}

	next(after: number): number {
		let at = after + GRID;
		while (!this.isLive(at)) at += GRID;
		return at;
	}

	pass(now: number): void {
		for (let at = this.seen + GRID; at <= now; at += GRID) {
			if (!this.isDue(at)) continue;
			if (this.pausedFrom !== null) this.waiting.push(at);
			else this.write(at, 'fired');
		}
		this.seen = now;
	}

	write(at: number, outcome: Outcome): void {
		const became = this.isLive(at) ? outcome : 'skipped_by_user';
		this.rows.set(at, { outcome: became, movedFrom: this.origin(at) });
	}

	resume(backlog: Backlog, now: number): void {
		const within = this.waiting.filter((at) => at < now);
		const last = within.findLast((at) => this.isLive(at));
		for (const at of within) {
			const outcomes: Record<Backlog, Outcome> = {
				skip: 'skipped_paused',
				latest: at === last ? 'fired' : 'coalesced',
				all: 'fired',
			};
			this.write(at, outcomes[backlog]);
		}
		// The pause ends before this very instant.
		for (const at of this.waiting.filter((each) => each >= now)) this.write(at, 'fired');
		this.waiting = [];
		this.pausedFrom = null;
	}

	retime(every: number, now: number): void {
		if (every === this.every) return;
		for (const at of this.waiting) this.write(at, 'skipped_paused');
		this.waiting = [];
		this.every = every;
		this.anchor = now;
		this.skipped.clear();
		this.moved.clear();
	}
}

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('model', server.json('/model', [{ id: 1 }]));
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

/** Everything that is due is decided, and every run is over. */
async function quiet(id: string): Promise<void> {
	await bed.until(async () => {
		const { store, clock } = bed.engine.context;
		const schedule = await store.getSchedule('default', id as never);
		const due = schedule?.state === 'active' && (schedule.nextAt ?? Infinity) <= clock.now();
		return !due && (await store.activeRunsOf('default', id as never)).length === 0;
	});
}

async function play(steps: readonly Step[]): Promise<void> {
	const policies = {
		overlap: 'allow_all',
		catchUp: { mode: 'all', window: '30d' },
		// The clock stands still while runs end: a connection that broke must not wait for it.
		retry: { attempts: 20, delay: 0, jitter: false },
	};
	const { scheduleId: id } = await bed.schedule('model', { timing: { every: '10m' }, policies });
	const model = new Model(bed.clock.now());
	const post = async (act: string, body: object, ...statuses: number[]): Promise<Body> =>
		demand(await bed.admin.post(`/v1/schedules/${id}/${act}`, body), ...statuses).body;
	for (const each of steps) {
		await apply(each, { id, model, post });
		await quiet(id);
	}
	if (model.pausedFrom !== null)
		await apply({ kind: 'resume', backlog: 'all' }, { id, model, post });
	await quiet(id);
	await expectAlike(id, model);
	demand(await bed.admin.delete(`/v1/schedules/${id}`), 204);
}

async function apply(
	each: Step,
	on: {
		id: string;
		model: Model;
		post: (act: string, body: object, ...statuses: number[]) => Promise<Body>;
	},
): Promise<void> {
	const { id, model, post } = on;
	const now = bed.clock.now();
	switch (each.kind) {
		case 'tick':
			for (let n = 0; n < each.count; n++) {
				bed.clock.advance(GRID);
				// The engine may be looking at this very moment; real time would go on and wake it again.
				bed.engine.context.wake.poke();
				await quiet(id);
			}
			return model.pass(bed.clock.now());
		case 'down':
			await bed.restart(each.count * STEP);
			return model.pass(bed.clock.now());
		case 'pause':
			await post('pause', {}, 200);
			model.pausedFrom ??= now;
			return;
		case 'resume':
			await post('resume', { backlog: each.backlog }, 200);
			if (model.pausedFrom !== null) model.resume(each.backlog, now);
			return;
		case 'skip': {
			const { occurrences } = await post('skip', { count: each.count }, 200);
			const expected: number[] = [];
			for (let n = 0; n < each.count; n++) expected.push(model.next(expected.at(-1) ?? now));
			expect(occurrences.map(Date.parse)).toEqual(expected);
			for (const at of expected) model.skipped.add(at);
			return;
		}
		case 'move': {
			const at = model.next(now);
			const to = at + GRID;
			const free = !model.isDue(to);
			await post('move', { to: new Date(to).toISOString() }, free ? 200 : 422);
			if (free) model.moved.set(model.origin(at) ?? at, to);
			return;
		}
		case 'trigger':
			await post('trigger', {}, 202);
			model.runs.manual++;
			return;
		case 'retime': {
			const timing = { every: each.every };
			demand(await bed.admin.patch(`/v1/schedules/${id}`, { timing }), 200);
			return model.retime(each.every, now);
		}
		case 'backfill': {
			const from = now - each.count * STEP;
			const range = { from: new Date(from).toISOString(), to: new Date(now).toISOString() };
			const { total } = await post('backfill', { ...range, which: 'all' }, 202);
			let expected = 0;
			for (let at = from; at <= now; at += GRID) if (model.byTiming(at)) expected++;
			expect(total).toBe(expected);
			model.runs.backfill += expected;
			return;
		}
	}
}

async function expectAlike(id: string, model: Model): Promise<void> {
	const { store } = bed.engine.context;
	const { items } = await store.listOccurrences('default', id as never, {}, { limit: 200 });
	expect(
		items.map(({ nominalAt, outcome, movedFrom }) => ({ nominalAt, outcome, movedFrom })),
	).toEqual(
		[...model.rows].sort(([a], [b]) => a - b).map(([nominalAt, row]) => ({ nominalAt, ...row })),
	);
	const runs = (await store.listRuns('default', { scheduleId: id as never }, { limit: 200 })).items;
	const of = (...triggers: string[]): number =>
		runs.filter(({ trigger }) => triggers.includes(trigger)).length;
	expect(of('manual')).toBe(model.runs.manual);
	expect(of('backfill')).toBe(model.runs.backfill);
	const fired = items.filter(({ outcome }) => outcome === 'fired');
	expect(of('schedule', 'catch_up')).toBe(fired.length);
	expect(new Set(fired.map(({ runId }) => runId)).size).toBe(fired.length);
	const problems = (await store.doctor(bed.clock.now())).filter(
		({ severity }) => severity === 'problem',
	);
	expect(problems).toEqual([]);
}

it('the ledger is what a simple model says, whatever is done to a schedule in whatever order', async () => {
	await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), play), {
		numRuns: Number(
			process.env['CAPSCHEDULER_TEST_RUNS'] ?? (process.env['CI'] === undefined ? 10 : 60),
		),
	});
}, 120_000);
