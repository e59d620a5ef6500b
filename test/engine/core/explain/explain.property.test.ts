import fc from 'fast-check';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import type { Policies } from '../../../../engine/contract/policies.ts';
import { CATCH_UP_MODES, OVERLAP, policiesSchema } from '../../../../engine/contract/policies.ts';
import type { Run } from '../../../../engine/contract/run.ts';
import type { LedgerRow, RunSpec, Schedule } from '../../../../engine/contract/schedule.ts';
import type { Overrides } from '../../../../engine/contract/timing.ts';
import { explain } from '../../../../engine/core/explain/explain.ts';
import type { Step } from '../../../../engine/core/explain/model.ts';
import { cancelled } from '../../../../engine/core/run/transitions.ts';
import { decideOccurrences } from '../../../../engine/core/schedule/occurrences.ts';
import { aSchedule, aSpec } from '../../../support/core-records.ts';

/*
 * For every row that random lives leave behind, `explain` names the rule that decided and the values that it
 * used. What it must say is worked out here a second time: from the life, never from the row's own reason.
 */

const T0 = Date.UTC(2027, 0, 1);
const SECOND = 1000;
const ON_TIME = 15 * SECOND;

interface Life {
	every: number;
	policies: Pick<Policies, 'overlap' | 'catchUp'>;
	pauses: { from: number; to: number }[];
	skipped: number[];
	looks: { now: number; ended: number }[];
}

const lives: fc.Arbitrary<Life> = fc
	.record({
		every: fc.constantFrom(1, 7, 20, 60).map((n) => n * SECOND),
		overlap: fc.constantFrom(...OVERLAP),
		mode: fc.constantFrom(...CATCH_UP_MODES),
		window: fc.constantFrom(20, 60, 600, 86_400).map((n) => n * SECOND),
		pauses: fc.array(fc.tuple(fc.nat(60), fc.nat(15)), { maxLength: 3 }),
		skipped: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
		looks: fc.array(fc.tuple(fc.nat(25), fc.nat(SECOND), fc.nat(3)), {
			minLength: 1,
			maxLength: 10,
		}),
	})
	.map(({ every, overlap, mode, window, pauses, skipped, looks }) => {
		let now = T0;
		return {
			every,
			policies: { overlap, catchUp: { mode, window } },
			pauses: pauses.map(([from, length]) => ({
				from: T0 + from * every,
				to: T0 + (from + length) * every,
			})),
			skipped: skipped.map((n) => T0 + n * every),
			looks: looks.map(([steps, more, ended]) => ({ now: (now += steps * every + more), ended })),
		};
	});

type Because = [rule: Step['rule'], values: string[]];

/** The rule that decides each due instant, with what must be said of it. */
function reasonsOf(life: Life): Because[] {
	const { every, policies, pauses, skipped } = life;
	const { overlap, catchUp } = policies;
	const paused = (at: number): boolean => pauses.some(({ from, to }) => from <= at && at < to);
	const live = (at: number): boolean => !paused(at) && !skipped.includes(at);
	const reasons: Because[] = [];
	let unfinished = 0;
	for (const { now, ended } of life.looks) {
		unfinished = Math.max(0, unfinished - ended);
		const due: number[] = [];
		for (let at = T0 + (reasons.length + 1) * every; at <= now; at += every) due.push(at);
		const catchingUp = now - (due[0] ?? now) > ON_TIME;
		const behind = catchingUp || due.length > 1;
		for (const [index, at] of due.entries()) {
			const late = now - at;
			const later = due.slice(index + 1).filter(live);
			const into = later.at(-1);
			const allowed = { skip: 0, buffer_one: 1, buffer_all: Infinity, allow_all: Infinity };
			if (skipped.includes(at)) reasons.push(['by_hand', ['me']]);
			else if (paused(at)) reasons.push(['pause', ['paused']]);
			else if (late > ON_TIME && (catchUp.mode === 'none' || late > catchUp.window)) {
				reasons.push(['catch_up', [seconds(late)]]);
			} else if (catchingUp && catchUp.mode === 'latest' && into !== undefined) {
				reasons.push(['catch_up', [seconds(late), 'later occurrence']]);
			} else if (overlap === 'cancel_other' && into !== undefined) {
				reasons.push(['overlap', ['cancel it at once', new Date(into).toISOString()]]);
			} else if (
				overlap !== 'cancel_other' &&
				unfinished > allowed[overlap] &&
				!(behind && catchUp.mode === 'all')
			) {
				reasons.push(['overlap', ['is not over']]);
			} else {
				reasons.push(['run', ['run_']]);
				unfinished = overlap === 'cancel_other' ? 1 : unfinished + 1;
			}
		}
	}
	return reasons;
}

const seconds = (late: number): string => {
	const whole = Math.floor(late / SECOND) % 60;
	return whole === 0 ? 'after it was due' : `${whole}s`;
};

interface Lived {
	schedule: Schedule;
	spec: RunSpec;
	ledger: LedgerRow[];
}

function live(life: Life): Lived {
	const spec = aSpec({ policies: policiesSchema.parse(policiesOf(life)) });
	const overrides: Overrides = {
		skipped: life.skipped.map((at) => ({ at, by: 'me' })),
		moved: [],
	};
	let schedule = aSchedule({
		timing: { kind: 'every', every: life.every, anchor: T0, timeZone: 'UTC' },
		nextAt: T0 + life.every,
		pauses: life.pauses,
		overrides,
	});
	const ledger: LedgerRow[] = [];
	let active: Run[] = [];
	let ids = 0;
	for (const { now, ended } of life.looks) {
		active = active.slice(ended);
		while (schedule.nextAt !== null && schedule.nextAt <= now) {
			const decision = decideOccurrences(
				{ schedule, spec, active, calendars: NO_CALENDARS },
				{
					now,
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
			ledger.push(...decision.ledger);
			schedule = { ...schedule, ...decision.set };
		}
	}
	return { schedule, spec, ledger };
}

/** A window is refused where it is never asked. */
function policiesOf({ policies: { overlap, catchUp } }: Life): object {
	return { overlap, catchUp: catchUp.mode === 'none' ? { mode: 'none' } : catchUp };
}

describe('an explanation', () => {
	it('names for every row of the ledger the rule that decided, with its values', () => {
		fc.assert(
			fc.property(lives, (life) => {
				const { schedule, spec, ledger } = live(life);
				const reasons = reasonsOf(life);
				expect(ledger).toHaveLength(reasons.length);
				for (const [index, row] of ledger.entries()) {
					const [rule, values] = reasons[index] ?? ['schedule', []];
					const into =
						row.outcome === 'coalesced'
							? (ledger.slice(index).find(({ outcome }) => outcome === 'fired') ?? null)
							: null;
					const now = life.looks.at(-1)?.now ?? T0;
					const found = explain({
						schedule,
						spec,
						calendars: NO_CALENDARS,
						at: row.nominalAt,
						now,
						row,
						into,
						predicted: null,
					});
					const last = found.chain.at(-1);
					expect(found.verdict).toBe(row.outcome);
					expect({ at: row.nominalAt, rule: last?.rule }).toEqual({ at: row.nominalAt, rule });
					const said = `${last?.value ?? ''} ${last?.text ?? ''} ${found.summary}`;
					for (const value of values) expect(said).toContain(value);
					expect(last?.result).toBe(rule === 'run' ? 'passed' : 'stopped');
					expect(found.chain.filter(({ result }) => result === 'stopped').length).toBe(
						rule === 'run' ? 0 : 1,
					);
					expect(found.next).toBe(row.nominalAt + life.every);
				}
			}),
			{ numRuns: 100 },
		);
	});
});
