import fc from 'fast-check';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import type { Policies } from '../../../../engine/contract/policies.ts';
import { CATCH_UP_MODES, OVERLAP, policiesSchema } from '../../../../engine/contract/policies.ts';
import type { Run } from '../../../../engine/contract/run.ts';
import type { LedgerRow, Outcome, Schedule } from '../../../../engine/contract/schedule.ts';
import { decideOccurrences } from '../../../../engine/core/schedule/occurrences.ts';
import { cancelled } from '../../../../engine/core/run/transitions.ts';
import { aSchedule, aSpec } from '../../../support/core-records.ts';

const T0 = Date.UTC(2027, 0, 1);
const SECOND = 1000;
/** What is at most this late is on time. */
const ON_TIME = 15 * SECOND;

interface Life {
	every: number;
	limit: number | undefined;
	/** How many instants there are before `end`. */
	count: number;
	policies: Pick<Policies, 'overlap' | 'catchUp'>;
	pauses: { from: number; to: number }[];
	/** When engines look, with how many of the unfinished runs end before that. */
	looks: { now: number; ended: number }[];
	batch: number;
}

const lives: fc.Arbitrary<Life> = fc
	.record({
		every: fc.constantFrom(1, 2, 7, 20, 60).map((n) => n * SECOND),
		limit: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
		count: fc.integer({ min: 1, max: 60 }),
		overlap: fc.constantFrom(...OVERLAP),
		mode: fc.constantFrom(...CATCH_UP_MODES),
		window: fc.constantFrom(0, 20, 60, 600, 86_400).map((n) => n * SECOND),
		pauses: fc.array(fc.tuple(fc.nat(60), fc.nat(15)), { maxLength: 3 }),
		looks: fc.array(fc.tuple(fc.nat(25), fc.nat(SECOND), fc.nat(3)), { maxLength: 12 }),
		batch: fc.integer({ min: 1, max: 12 }),
	})
	.map(({ every, pauses, looks, overlap, mode, window, ...rest }) => {
		let now = T0;
		return {
			...rest,
			every,
			policies: { overlap, catchUp: { mode, window } },
			pauses: pauses.map(([from, length]) => ({
				from: T0 + from * every,
				to: T0 + (from + length) * every,
			})),
			looks: looks.map(([steps, more, ended]) => {
				now += steps * every + more;
				return { now, ended };
			}),
		};
	});

interface Expected {
	nominalAt: number;
	outcome: Outcome;
	windowStart: number | null;
}

/** The rules once more, told over the whole list of instants and without passes, batches or rows. */
function modelOf(life: Life): Expected[] {
	const { every, count, limit = Infinity, policies, pauses } = life;
	const { overlap, catchUp } = policies;
	const paused = (at: number): boolean => pauses.some(({ from, to }) => from <= at && at < to);
	const instants = Array.from({ length: count }, (_, n) => T0 + (n + 1) * every);
	const expected: Expected[] = [];
	let unfinished = 0;
	let fired = 0;
	let windowStart: number | null = null;
	/** Whether something waits for the run that it was coalesced into. */
	let coalescing = false;
	for (const { now, ended } of life.looks) {
		unfinished = Math.max(0, unfinished - ended);
		const due = instants.slice(expected.length).filter((at) => at <= now);
		const catchingUp = now - (due[0] ?? now) > ON_TIME;
		const behind = catchingUp || due.length > 1;
		for (const [index, at] of due.entries()) {
			if (fired >= limit) return expected;
			const late = now - at > ON_TIME;
			const laterLive = due.slice(index + 1).some((later) => !paused(later));
			const allowed = { skip: 0, buffer_one: 1, buffer_all: Infinity, allow_all: Infinity };
			let outcome: Outcome = 'fired';
			if (paused(at)) outcome = 'skipped_paused';
			else if (late && (catchUp.mode === 'none' || now - at > catchUp.window)) outcome = 'missed';
			else if (catchingUp && catchUp.mode === 'latest' && laterLive) {
				outcome = 'coalesced';
			} else if (overlap === 'cancel_other') {
				if (laterLive) outcome = 'coalesced';
				else unfinished = 0;
			} else if (unfinished > allowed[overlap] && !(behind && catchUp.mode === 'all')) {
				outcome = 'skipped_overlap';
			}
			expected.push({ nominalAt: at, outcome, windowStart });
			coalescing ||= outcome === 'coalesced';
			if (outcome === 'fired') coalescing = false;
			if (!coalescing) windowStart = at;
			if (outcome === 'fired') {
				unfinished += 1;
				fired += 1;
			}
		}
	}
	return expected;
}

interface Lived {
	schedule: Schedule;
	ledger: LedgerRow[];
	runs: Run[];
	/** The most runs that were unfinished at once. */
	most: number;
}

/** What the engine's own decisions come to, each applied as a store does. */
function live(life: Life): Lived {
	const spec = aSpec({ policies: { ...policiesSchema.parse({}), ...life.policies } });
	const end = T0 + life.count * life.every;
	let schedule = aSchedule({
		timing: {
			kind: 'every',
			every: life.every,
			anchor: T0,
			timeZone: 'UTC',
			end,
			...(life.limit === undefined ? {} : { limit: life.limit }),
		},
		nextAt: T0 + life.every,
		pauses: life.pauses,
	});
	const lived: Lived = { schedule, ledger: [], runs: [], most: 0 };
	let active: Run[] = [];
	let ids = 0;
	for (const { now, ended } of life.looks) {
		active = active.slice(ended);
		while (schedule.state === 'active' && schedule.nextAt !== null && schedule.nextAt <= now) {
			const decision = decideOccurrences(
				{ schedule, spec, active, calendars: NO_CALENDARS },
				{
					now,
					batch: life.batch,
					newId: ((kind: string) => `${kind}_${ids++}`) as never,
					cancel: (run, message) =>
						cancelled(run, {
							at: now,
							error: { code: 'CANCELLED', message },
							followUps: { deliveries: [], notifications: [], links: [] },
						}),
				},
			);
			const gone = new Set(decision.settle.map(({ runId }) => runId));
			active = [...active.filter(({ id }) => !gone.has(id)), ...decision.runs];
			lived.ledger.push(...decision.ledger);
			lived.runs.push(...decision.runs);
			lived.most = Math.max(lived.most, active.length);
			expect(decision.timerAt).toBe(decision.set.dueAt);
			schedule = { ...schedule, ...decision.set };
		}
	}
	return { ...lived, schedule };
}

describe('what due instants become', () => {
	it('is what the policies say, whatever the outages, pauses and batches', () => {
		fc.assert(
			fc.property(lives, (life) => {
				const { ledger, runs } = live(life);
				const runOf = new Map(runs.map((run) => [run.id, run]));
				const expected = modelOf(life);
				expect(ledger.map(({ nominalAt, outcome }) => ({ nominalAt, outcome }))).toEqual(
					expected.map(({ nominalAt, outcome }) => ({ nominalAt, outcome })),
				);
				for (const [index, { runId, outcome, nominalAt }] of ledger.entries()) {
					expect(runId !== null).toBe(outcome === 'fired');
					if (runId === null) continue;
					const run = runOf.get(runId);
					expect(run?.nominalAt).toBe(nominalAt);
					expect(run?.windowStart).toBe(expected[index]?.windowStart);
				}
				expect(runs).toHaveLength(ledger.filter(({ outcome }) => outcome === 'fired').length);
			}),
			{ numRuns: 500 },
		);
	});

	it('gives every instant up to the last look one outcome, in order', () => {
		fc.assert(
			fc.property(lives, (life) => {
				const { ledger, schedule } = live({ ...life, limit: undefined });
				const now = life.looks.at(-1)?.now ?? T0;
				const due = Math.min(life.count, Math.floor((now - T0) / life.every));
				expect(ledger.map(({ nominalAt }) => nominalAt)).toEqual(
					Array.from({ length: due }, (_, n) => T0 + (n + 1) * life.every),
				);
				expect(schedule.state).toBe(due === life.count ? 'completed' : 'active');
			}),
		);
	});

	it('makes no more runs than the limit, and is completed then', () => {
		fc.assert(
			fc.property(lives, fc.integer({ min: 1, max: 5 }), (life, limit) => {
				const { runs, schedule } = live({ ...life, limit });
				expect(runs.length).toBeLessThanOrEqual(limit);
				expect(schedule.runsMade).toBe(runs.length);
				if (runs.length === limit) expect(schedule.state).toBe('completed');
			}),
		);
	});

	it('keeps as many runs unfinished as the overlap policy allows', () => {
		fc.assert(
			fc.property(lives, (life) => {
				const { overlap, catchUp } = life.policies;
				const { most } = live(life);
				if (overlap === 'cancel_other') expect(most).toBeLessThanOrEqual(1);
				if (catchUp.mode === 'all') return;
				if (overlap === 'skip') expect(most).toBeLessThanOrEqual(1);
				if (overlap === 'buffer_one') expect(most).toBeLessThanOrEqual(2);
			}),
		);
	});
});

describe('catching up after a long outage', () => {
	const outage = (mode: 'latest' | 'all' | 'none', late = 0, window = 86_400_000): Lived =>
		live({
			every: 60 * SECOND,
			limit: undefined,
			count: 1000,
			policies: { overlap: 'skip', catchUp: { mode, window } },
			pauses: [],
			looks: [{ now: T0 + 600 * 60 * SECOND + late, ended: 0 }],
			batch: 7,
		});
	const counts = ({ ledger }: Lived): Record<string, number> =>
		Object.fromEntries(
			[...Map.groupBy(ledger, ({ outcome }) => outcome)].map(([outcome, rows]) => [
				outcome,
				rows.length,
			]),
		);

	it('fires the last instant for all, over a window without a gap', () => {
		const lived = outage('latest');
		expect(counts(lived)).toEqual({ coalesced: 599, fired: 1 });
		expect(lived.runs[0]).toMatchObject({ windowStart: null, trigger: 'schedule' });
	});

	it('fires all, or those within the window', () => {
		const late = 20 * SECOND;
		expect(counts(outage('all', late))).toEqual({ fired: 600 });
		expect(counts(outage('all', late, 60 * 60 * SECOND))).toEqual({ missed: 540, fired: 60 });
		// The last one is on time, but due together with the others.
		expect(counts(outage('all'))).toEqual({ fired: 600 });
	});

	it('fires none that is late', () => {
		expect(counts(outage('none'))).toEqual({ missed: 599, fired: 1 });
	});
});
