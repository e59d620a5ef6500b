import type { Outcome } from '../../contract/schedule.ts';
import { ON_TIME_WITHIN } from '../../contract/policies.ts';
import { formatDuration, toIso } from '../../contract/time.ts';
import { aheadOf } from '../schedule/ahead.ts';
import { planOfSchedule } from '../schedule/plan.ts';
import type { Explanation, Question, Step, Verdict } from './model.ts';
import { catchUpSteps, openSteps, overlapSteps, pauseSteps } from './policy-steps.ts';
import type { Asked } from './timing-steps.ts';
import { byHandSteps, exclusionSteps, jitterSteps, timingSteps } from './timing-steps.ts';

/**
 * Why an instant of a schedule became what it did, or what it will become, or why it is none: the rules in the
 * order in which they are asked, up to the one that decided, with the values that they used.
 */
export function explain(question: Question): Explanation {
	const { schedule, calendars, at } = question;
	const plan = planOfSchedule(schedule, calendars);
	const asked: Asked = { ...question, plan, isInstant: plan.next(at - 1) === at };
	const chain = upToStop(chainOf(asked));
	const verdict = verdictOf(asked, chain);
	const previous = plan.previous(at);
	return {
		verdict,
		summary: summaryOf(asked, verdict, chain),
		chain,
		previous: previous === undefined || previous < schedule.createdAt ? undefined : previous,
		next: plan.next(at),
	};
}

function chainOf(asked: Asked): Step[] {
	const { row, predicted } = asked;
	const timing = [
		...birthSteps(asked),
		...timingSteps(asked),
		...exclusionSteps(asked),
		...byHandSteps(asked),
		...limitSteps(asked),
		...pauseSteps(asked),
		...jitterSteps(asked),
	];
	const decided = row ?? predicted;
	if (decided === null) return [...timing, ...(asked.isInstant ? openSteps(asked) : [])];
	return [
		...timing,
		...catchUpSteps(asked, decided),
		...overlapSteps(asked, decided),
		...(row?.runId == null ? [] : [runStep(row.runId)]),
	];
}

const runStep = (runId: string): Step => ({
	rule: 'run',
	value: runId,
	result: 'passed',
	text: 'a run was made',
});

/** The rules after the one that stopped it were not asked. */
function upToStop(chain: Step[]): Step[] {
	const stop = chain.findIndex(({ result }) => result === 'stopped');
	return stop === -1 ? chain : chain.slice(0, stop + 1);
}

function birthSteps({ schedule, row, at }: Asked): Step[] {
	const { createdAt, timing } = schedule;
	if (row !== null || at > createdAt || (at === createdAt && timing.start === createdAt)) return [];
	return [
		{
			rule: 'schedule',
			value: toIso(createdAt),
			result: 'stopped',
			text: `the schedule was made at ${toIso(createdAt)}, and nothing is due before`,
		},
	];
}

function limitSteps(asked: Asked): Step[] {
	const { schedule, row, calendars, at, isInstant } = asked;
	const { limit } = schedule.timing;
	if (limit === undefined || row !== null || !isInstant) return [];
	const value = `${schedule.runsMade} of ${limit}`;
	const { nextAt } = schedule;
	if (nextAt !== null && at < nextAt) return [];
	const comes = aheadOf(schedule, calendars).next(at - 1) === at;
	const text = comes ? 'not all runs are made by then' : 'all runs are made before';
	return [{ rule: 'limit', value, result: comes ? 'passed' : 'stopped', text }];
}

function verdictOf({ row, schedule, isInstant, at, predicted }: Asked, chain: Step[]): Verdict {
	if (row !== null) return row.outcome;
	const stop = chain.at(-1)?.result === 'stopped' ? chain.at(-1) : undefined;
	const none: Step['rule'][] = ['schedule', 'timing', 'start', 'end', 'only', 'limit'];
	if (!isInstant || (stop !== undefined && none.includes(stop.rule))) return 'no_occurrence';
	const undecided = schedule.nextAt !== null && at >= schedule.nextAt;
	if (!undecided)
		return schedule.nextAt === null && at > (schedule.lastAt ?? 0) ? 'no_occurrence' : 'unknown';
	if (predicted !== null) return 'due';
	return stop === undefined ? 'will_run' : 'will_skip';
}

const WORDS: Readonly<Record<Outcome, string>> = {
	fired: 'It fired',
	coalesced: 'It was coalesced into a later occurrence',
	skipped_overlap: 'It was skipped because of an overlap',
	skipped_paused: 'It was skipped because of a pause',
	skipped_calendar: 'It was left out',
	skipped_limit: 'It was skipped because of a limit',
	skipped_by_user: 'It was taken out by hand',
	missed: 'It was missed',
};

function summaryOf(asked: Asked, verdict: Verdict, chain: Step[]): string {
	const { row, predicted, schedule } = asked;
	const because = chain.at(-1)?.text ?? '';
	switch (verdict) {
		case 'fired': {
			const late = row === null ? 0 : row.decidedAt - row.dueAt;
			const how = late > ON_TIME_WITHIN ? `late by ${formatDuration(late)}` : 'on time';
			return `It fired ${how}${row?.runId == null ? '' : `, as ${row.runId}`}.`;
		}
		case 'due':
			return `It is due and not decided yet; as things are, it becomes ${predicted?.outcome ?? 'unknown'}: ${because}.`;
		case 'will_run':
			return `It will run, unless ${unless(asked)}.`;
		case 'will_skip':
			return `It will not run: ${because}.`;
		case 'no_occurrence':
			return schedule.nextAt === null && chain.at(-1)?.result !== 'stopped'
				? 'It will not come: the schedule is completed.'
				: `It is no occurrence of the schedule: ${because}.`;
		case 'unknown':
			return 'It has no row in the ledger: the row is past its retention, or the timing was another one then.';
		default:
			return `${WORDS[verdict]}: ${because}.`;
	}
}

function unless({ spec }: Asked): string {
	return spec.policies.overlap === 'skip' || spec.policies.overlap === 'buffer_one'
		? 'an earlier run stands in its way or no engine is there in time'
		: 'no engine is there in time';
}
