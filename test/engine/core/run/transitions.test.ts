import fc from 'fast-check';

import type { RunSettlement } from '../../../../engine/contract/change.ts';
import { ON_UNKNOWN } from '../../../../engine/contract/policies.ts';
import { policiesSchema } from '../../../../engine/contract/policies.ts';
import type { ResultRecord } from '../../../../engine/contract/result.ts';
import type { Run } from '../../../../engine/contract/run.ts';
import { RUN_STATES, TERMINAL_RUN_STATES } from '../../../../engine/contract/run.ts';
import type { RunSpec } from '../../../../engine/contract/schedule.ts';
import type { FollowUps } from '../../../../engine/core/run/follow-ups.ts';
import {
	afterDeadline,
	afterFailure,
	afterLostLease,
} from '../../../../engine/core/run/outcome.ts';
import {
	accepted,
	cancelled,
	expired,
	failed,
	held,
	isOver,
	progressed,
	released,
	requeued,
	retryLater,
	succeeded,
	unheld,
} from '../../../../engine/core/run/transitions.ts';
import { ENGINE, aRun, aSpec } from '../../../support/core-records.ts';

const AT = Date.UTC(2027, 0, 1);
const error = { code: 'TARGET_FAULT', message: 'HTTP 500' } as const;
const nothing: FollowUps = { deliveries: [], notifications: [], links: [] };
const followUps = (): FollowUps => nothing;
const result = { id: 'res_1', blob: { size: 2 } } as unknown as ResultRecord;
const ended = { at: AT, error, followUps: nothing };

/** Every decision that may be made about a run, from whatever copy of it somebody holds. */
const DECISIONS: Record<string, (run: Run, spec: RunSpec) => RunSettlement> = {
	accepted: (run) => accepted(run, { at: AT, deadlineAt: AT + 1000, beatBy: null }),
	succeeded: (run, spec) =>
		succeeded(run, spec, { at: AT, result, inline: null, followUps: nothing }),
	failed: (run, spec) => failed(run, spec, { ...ended, outcome: 'failed' }),
	expired: (run, spec) => expired(run, spec, ended),
	retryLater: (run) => retryLater(run, { at: AT, readyAt: AT + 1, error, outcome: 'failed' }),
	requeued: (run) => requeued(run, { at: AT }),
	released: (run) => released(run, { at: AT }),
	held: (run) => held(run, { at: AT, error }),
	unheld: (run) => unheld(run, { at: AT }),
	cancelled: (run) => cancelled(run, ended),
	progressed: (run) => progressed(run, { at: AT, progress: { done: 1 }, beatBy: null }),
	afterFailure: (run, spec) =>
		afterFailure(run, spec, { error, outcome: 'failed', retry: 'later' }, { at: AT, followUps }),
	afterTimeout: (run, spec) =>
		afterFailure(
			run,
			spec,
			{ error, outcome: 'timeout', retry: 'later', reason: 'timeout' },
			{ at: AT, followUps },
		),
	afterDeadline: (run, spec) => afterDeadline(run, spec, { at: AT, followUps }),
	afterLostLease: (run, spec) => afterLostLease(run, spec, { at: AT, followUps }),
};

function decided(name: string, run: Run, spec: RunSpec): RunSettlement {
	const decide = DECISIONS[name];
	if (decide === undefined) throw new Error(`no decision ${name}`);
	return decide(run, spec);
}

/** What a store does, in one line each: the claim, and a write behind its guard. */
function claim(run: Run): Run {
	if (run.state !== 'queued') return run;
	const { epoch, attempt } = run;
	return { ...run, state: 'running', epoch: epoch + 1, attempt: attempt + 1, owner: ENGINE };
}

function apply(run: Run, { from, epoch, set }: RunSettlement): Run {
	const matches = from.includes(run.state) && (epoch === null || epoch === run.epoch);
	return matches ? { ...run, ...set } : run;
}

/** A step is made on the run as it is, or on an older copy that somebody still holds. */
const steps = fc.array(
	fc.record({
		decision: fc.constantFrom('claim', 'claim', ...Object.keys(DECISIONS)),
		age: fc.nat(4),
	}),
	{ maxLength: 40 },
);
const specs = fc
	.record({ attempts: fc.integer({ min: 1, max: 5 }), onUnknown: fc.constantFrom(...ON_UNKNOWN) })
	.map(({ attempts, onUnknown }) =>
		aSpec({ policies: policiesSchema.parse({ retry: { attempts }, onUnknown }) }),
	);

describe('the life of a run', () => {
	it('ends once: nothing leaves a terminal state, and a stale epoch changes nothing', () => {
		fc.assert(
			fc.property(specs, steps, (spec, life) => {
				const history = [aRun()];
				for (const { decision, age } of life) {
					const now = history.at(-1)!;
					const seen = history.at(-1 - age) ?? now;
					const decide = DECISIONS[decision];
					const settlement = decide?.(seen, spec);
					const next = settlement === undefined ? claim(now) : apply(now, settlement);
					if (isOver(now.state)) expect(next).toBe(now);
					if (settlement && settlement.epoch !== null && seen.epoch !== now.epoch) {
						expect(next).toBe(now);
					}
					expect(next.epoch).toBeGreaterThanOrEqual(now.epoch);
					history.push(next);
				}
				const ends = new Set(history.map(({ state }) => state).filter(isOver));
				expect(ends.size).toBeLessThanOrEqual(1);
			}),
			{ numRuns: 2000 },
		);
	});

	it('holds a lease exactly while it runs, and has an end exactly when it is over', () => {
		fc.assert(
			fc.property(specs, steps, (spec, life) => {
				let run = aRun();
				for (const { decision } of life) {
					const settlement = DECISIONS[decision]?.(run, spec);
					run = settlement === undefined ? claim(run) : apply(run, settlement);
					expect(run.owner !== null).toBe(run.state === 'running');
					expect(run.endedAt !== null).toBe(isOver(run.state));
					expect(run.resultId !== null).toBe(run.state === 'succeeded');
					if (run.held) expect(run.state).toBe('waiting');
				}
			}),
		);
	});

	it('is written only with the states that are left, none of them terminal', () => {
		for (const state of RUN_STATES) {
			for (const decide of Object.values(DECISIONS)) {
				const { from } = decide(aRun({ state, epoch: 1, attempt: 1 }), aSpec());
				expect(from.length).toBeGreaterThan(0);
				expect(
					from.filter((left) => (TERMINAL_RUN_STATES as readonly string[]).includes(left)),
				).toEqual([]);
			}
		}
	});

	it('comes to an end from every state, when what can fail fails', () => {
		fc.assert(
			fc.property(
				specs,
				fc.constantFrom('afterFailure', 'afterTimeout', 'afterLostLease'),
				(spec, way) => {
					let run = aRun();
					for (let round = 0; round < 10 && !isOver(run.state); round++) {
						run = claim(run);
						run = apply(run, decided(way, run, spec));
						if (run.held) return;
						run = apply(run, requeued(run, { at: AT }));
					}
					expect(run.state).toBe('failed');
					const { attempts } = spec.policies.retry;
					const once = way === 'afterLostLease' && spec.policies.onUnknown === 'fail';
					expect(run.attempt).toBe(once ? 1 : attempts);
				},
			),
		);
	});

	it('expires when a call back does not come, and fails when an answer does not', () => {
		const spec = aSpec({ policies: policiesSchema.parse({ retry: { attempts: 1 } }) });
		const running = claim(aRun());
		expect(apply(running, decided('afterTimeout', running, spec)).state).toBe('failed');
		const waiting = apply(running, accepted(running, { at: AT, deadlineAt: AT + 1, beatBy: null }));
		expect(apply(waiting, afterDeadline(waiting, spec, { at: AT, followUps })).state).toBe(
			'expired',
		);
	});

	it('does not count an attempt that sent nothing', () => {
		const running = claim(aRun());
		expect(apply(running, released(running, { at: AT }))).toMatchObject({
			state: 'queued',
			attempt: 0,
			epoch: 1,
		});
	});
});
