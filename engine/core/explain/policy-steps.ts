import { ON_TIME_WITHIN } from '../../contract/policies.ts';
import type { LedgerRow } from '../../contract/schedule.ts';
import { formatDuration, toIso } from '../../contract/time.ts';
import type { Step } from './model.ts';
import type { Asked } from './timing-steps.ts';

/** What the reasons of the ledger begin with, by the rule that gives them. */
const OF_OVERLAP = 'a later occurrence would cancel it at once';
const OF_PAUSE = 'the last occurrence of the pause runs for it';

export function pauseSteps({ schedule, row, plan, at, isInstant }: Asked): Step[] {
	if (row !== null) {
		const stopped = row.outcome === 'skipped_paused' || row.reason === OF_PAUSE;
		if (!stopped) return [];
		return [{ rule: 'pause', value: '', result: 'stopped', text: row.reason ?? 'it was paused' }];
	}
	if (!isInstant) return [];
	const dueAt = plan.dueAt(at);
	const pause = schedule.pauses.find(
		({ from, to }) => dueAt >= from && (to === null || dueAt < to),
	);
	const runsLater = pause?.to !== null && (pause?.backlog ?? 'skip') !== 'skip';
	if (pause === undefined || runsLater) return [];
	const value = `${toIso(pause.from)} to ${pause.to === null ? 'now' : toIso(pause.to)}`;
	const text = pause.to === null ? 'the schedule is paused' : 'the schedule was paused';
	return [{ rule: 'pause', value, result: 'stopped', text }];
}

/** Lateness, mode and window, as they were when it was decided. */
export function catchUpSteps({ spec, into }: Asked, row: LedgerRow): Step[] {
	const { mode, window } = spec.policies.catchUp;
	const late = row.decidedAt - row.dueAt;
	const value = `${mode}, window ${formatDuration(window)}`;
	const lateness = `decided ${formatDuration(Math.max(0, late))} after it was due`;
	if (row.outcome === 'missed') {
		return [
			{ rule: 'catch_up', value, result: 'stopped', text: `${lateness}: ${row.reason ?? ''}` },
		];
	}
	if (row.outcome === 'coalesced' && row.reason !== OF_OVERLAP) {
		const run = into === null ? 'a later one' : `the one of ${toIso(into.nominalAt)}`;
		const text = `${lateness}: ${row.reason ?? ''}; ${run} runs for it`;
		return [{ rule: 'catch_up', value, result: 'stopped', text }];
	}
	const onTime = late <= ON_TIME_WITHIN;
	const text = onTime ? `${lateness}: on time` : `${lateness}: late, but within what is caught up`;
	return [{ rule: 'catch_up', value, result: 'passed', text }];
}

export function overlapSteps({ spec, into }: Asked, row: LedgerRow): Step[] {
	const value = spec.policies.overlap;
	if (row.outcome === 'skipped_overlap') {
		return [{ rule: 'overlap', value, result: 'stopped', text: row.reason ?? '' }];
	}
	if (row.outcome === 'coalesced') {
		const run = into === null ? '' : `, the one of ${toIso(into.nominalAt)}`;
		return [{ rule: 'overlap', value, result: 'stopped', text: `${row.reason ?? ''}${run}` }];
	}
	return [{ rule: 'overlap', value, result: 'passed', text: 'no run stood in its way' }];
}

/** What nobody can know before it is due. */
export function openSteps({ spec }: Asked): Step[] {
	const { overlap, catchUp } = spec.policies;
	return [
		{
			rule: 'catch_up',
			value: `${catchUp.mode}, window ${formatDuration(catchUp.window)}`,
			result: 'open',
			text: 'asked only if no engine is there in time',
		},
		{ rule: 'overlap', value: overlap, result: 'open', text: OVERLAP_WORDS[overlap] },
	];
}

const OVERLAP_WORDS = {
	skip: 'skipped if a run of the schedule is not over then',
	buffer_one: 'skipped if two runs of the schedule are not over then',
	buffer_all: 'waits for the runs of the schedule that are not over then',
	cancel_other: 'ends the run of the schedule that is not over then',
	allow_all: 'runs beside whatever is not over then',
} as const;
