import type { Run, RunState } from '../../engine/contract/run.ts';
import { isOver } from '../../engine/core/run/transitions.ts';
import { T0 } from '../support/store-records.ts';
import type { Step } from './steps.ts';
import type { Model, World } from './world.ts';
import { isSafe, TICK } from './world.ts';

/** The ways of a run: see core/run/transitions.ts. */
const WAYS: Record<RunState, readonly RunState[]> = {
	queued: ['running', 'cancelled'],
	running: ['waiting', 'succeeded', 'failed', 'retrying', 'queued', 'cancelled'],
	waiting: ['succeeded', 'failed', 'expired', 'retrying', 'queued', 'cancelled'],
	retrying: ['queued', 'cancelled'],
	succeeded: [],
	failed: [],
	cancelled: [],
	expired: [],
};

/** What a step broke, or undefined. */
export function brokenBy(model: Model, before: World, step: Step): string | undefined {
	const { next } = step;
	return (
		step.broke ??
		first(next.runs, (run, at) => brokenInRun(run, before.runs[at])) ??
		(next.ledger === before.ledger ? undefined : brokenInLedger(model, next)) ??
		brokenBetween(next)
	);
}

function first<T>(
	items: readonly T[],
	broken: (item: T, at: number) => string | undefined,
): string | undefined {
	for (const [at, item] of items.entries()) {
		const message = broken(item, at);
		if (message !== undefined) return message;
	}
	return undefined;
}

function brokenInRun(run: Run, before: Run | undefined): string | undefined {
	if (before === undefined || before === run) return undefined;
	const { state, epoch } = run;
	if (isOver(before.state)) {
		return `${run.id} is ${before.state} for good, and became ${state}: terminal states absorb`;
	}
	if (state !== before.state && !WAYS[before.state].includes(state)) {
		return `${run.id} went from ${before.state} to ${state}, which is no way of a run`;
	}
	const claimed = before.state !== 'running' && state === 'running';
	if (epoch < before.epoch || (claimed && epoch === before.epoch)) {
		return `${run.id} went from epoch ${before.epoch} to ${epoch}: epochs rise with every claim`;
	}
	return undefined;
}

/** The oracle is the list of instants that the model was made with. */
function brokenInLedger({ sizes }: Model, { ledger, runs, schedule }: World): string | undefined {
	const instants = ledger.map(({ nominalAt }) => (nominalAt - T0) / TICK);
	if (new Set(instants).size !== instants.length) {
		return `the ledger has ${instants.join(', ')}: an occurrence has one outcome`;
	}
	if (schedule.state === 'completed' && instants.join() !== sizes.occurrences.join()) {
		return `the ledger has ${instants.join(', ')}, and ${sizes.occurrences.join(', ')} were due`;
	}
	const fired = ledger.filter(({ outcome }) => outcome === 'fired').length;
	return fired === runs.length
		? undefined
		: `${fired} occurrences fired, and ${runs.length} runs are there`;
}

function brokenBetween({ runs, engines, now, worked }: World): string | undefined {
	const going = runs.filter(({ state }) => state === 'running' || state === 'waiting');
	if (going.length > 1) {
		return `${going.map(({ id }) => id).join(' and ')} go at once: one run of a schedule at a time`;
	}
	return first(runs, (run, at) => {
		const senders = engines.filter(({ hands }) => {
			const hand = hands[at];
			return hand?.stage === 'claimed' && isSafe(hand, now);
		});
		if (senders.length > 1) {
			return `${senders.length} engines hold ${run.id} under a lease that lasts: one at a time`;
		}
		if (run.state === 'succeeded' && (worked[at] ?? 0) === 0) {
			return `${run.id} succeeded, and its work was never done`;
		}
		return (run.state === 'succeeded') === (run.resultId !== null)
			? undefined
			: `${run.id} is ${run.state}, and its result is ${run.resultId ?? 'missing'}`;
	});
}

/** Every occurrence has its outcome and every run its end, or waits for an operator. */
export function isOverAll({ schedule, runs }: World): boolean {
	return schedule.state === 'completed' && runs.every(({ state, held }) => isOver(state) || held);
}
