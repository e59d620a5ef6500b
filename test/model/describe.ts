import type { Run } from '../../engine/contract/run.ts';
import { T0 } from '../support/store-records.ts';
import type { Engine, World } from './world.ts';
import { isSafe } from './world.ts';

/** The rows and the hands, in one line, for the paths that the checker prints. */
export function describeWorld(world: World): string {
	const { now, schedule, ledger, runs, engines } = world;
	const next = schedule.nextAt === null ? schedule.state : `next ${seconds(schedule.nextAt - T0)}`;
	return [
		`at ${seconds(now - T0)}`,
		`ledger ${ledger.length}, ${next}`,
		...runs.map((run, at) => describeRun(run, { at, now })),
		...engines.map((engine, at) => describeEngine(engine, { at, now })),
	].join(' | ');
}

function seconds(ms: number): string {
	return `${ms / 1000} s`;
}

function describeRun(run: Run, { at, now }: { at: number; now: number }): string {
	const { state, epoch, attempt, leaseUntil, held } = run;
	const lease =
		state !== 'running' || leaseUntil === null
			? ''
			: leaseUntil < now
				? ', lease ended'
				: `, leased for ${seconds(leaseUntil - now)}`;
	return `run ${at + 1} ${held ? 'held' : state}, epoch ${epoch}, attempt ${attempt}${lease}`;
}

function describeEngine(
	{ mode, hands, sweeping, occurring }: Engine,
	{ at, now }: { at: number; now: number },
): string {
	const has = hands.flatMap((hand, run) =>
		hand === undefined
			? []
			: [
					`run ${run + 1} epoch ${hand.run.epoch} ${hand.stage}${isSafe(hand, now) ? '' : ' (lease too old)'}`,
				],
	);
	if (sweeping !== null) has.push(`read: ${sweeping.what}`);
	if (occurring !== null) has.push('read: what is due');
	const what = has.length === 0 ? '' : `: ${has.join(', ')}`;
	return `engine ${at + 1} ${mode}${what}`;
}
