import type { Calendars } from '../../contract/calendar.ts';
import { formatDuration, toIso } from '../../contract/time.ts';
import type { Exclusion, Timing } from '../../contract/timing.ts';
import { formatLocal } from '../schedule/local-time.ts';
import { notesAt } from '../schedule/notes.ts';
import type { Plan } from '../schedule/plan.ts';
import { planOf } from '../schedule/plan.ts';
import { movedTo } from '../schedule/timing.ts';
import { misfit, ruleText } from './misfit.ts';
import type { Question, Step } from './model.ts';

/*
 * Which part of the timing lets an instant through is found by leaving parts out and asking the plan again: so
 * an explanation cannot disagree with what the engine does.
 */

export interface Asked extends Question {
	plan: Plan;
	/** Whether the timing, and what people did to it, give this instant. */
	isInstant: boolean;
}

/** Whether the timing alone gives the instant, skipped or not. */
function gives(timing: Timing, { at, calendars }: Question): boolean {
	return planOf({ timing, calendars, seed: '' }).next(at - 1) === at;
}

export function timingSteps(asked: Asked): Step[] {
	const { schedule, at } = asked;
	const { timing } = schedule;
	const step = (rule: Step['rule'], result: Step['result'], text: string, value: string): Step => ({
		rule,
		value,
		result,
		text,
	});
	const { start: _, end: __, only: ___, exclude: ____, ...rule } = timing;
	const moved = schedule.overrides.moved.some(({ to }) => to === at);
	const byRule = gives(rule, asked) || gives(timing, asked);
	const rowStands = asked.row !== null && !asked.isInstant;
	const steps = [
		step(
			'timing',
			byRule || moved ? 'passed' : rowStands ? 'noted' : 'stopped',
			moved
				? 'somebody moved an occurrence here'
				: byRule
					? 'the rule gives this instant'
					: rowStands
						? `the timing has been changed since: as it is now, ${misfit(timing, timing.timeZone, at)}`
						: misfit(timing, timing.timeZone, at),
			timing.written ?? ruleText(timing),
		),
		step('clock', 'noted', clockWords(timing, at, asked.calendars), timing.timeZone),
	];
	if (!byRule || moved) return steps;
	const only = onlySteps(timing, asked);
	return [...steps, ...only, ...movedSteps(asked), ...boundSteps(timing, at)];
}

/** A calendar took the instant of the rule to another day, so that it is none here. */
function movedSteps({ schedule: { timing }, row, isInstant, at, calendars }: Asked): Step[] {
	const target = row === null && !isInstant ? movedTo(timing, at, calendars) : undefined;
	if (target === undefined) return [];
	const by = timing.exclude?.find((each) => 'calendar' in each && each.rule !== 'skip');
	const value = by === undefined ? '' : exclusionText(by, calendars);
	const to = formatLocal(timing.timeZone, target.to);
	return [{ rule: 'exclude', value, result: 'stopped', text: `moved to ${to}: ${target.reason}` }];
}

function clockWords(timing: Timing, at: number, calendars: Calendars): string {
	const notes = notesAt(timing, at, calendars);
	const shows = `the clock shows ${formatLocal(timing.timeZone, at)}`;
	return notes.length === 0 ? shows : `${shows}; ${notes.join('; ')}`;
}

function boundSteps({ start, end }: Timing, at: number): Step[] {
	const steps: Step[] = [];
	if (start !== undefined) {
		steps.push({
			rule: 'start',
			value: toIso(start),
			result: at >= start ? 'passed' : 'stopped',
			text: at >= start ? 'it is not before the start' : 'it is before the start',
		});
	}
	if (end !== undefined) {
		steps.push({
			rule: 'end',
			value: toIso(end),
			result: at <= end ? 'passed' : 'stopped',
			text: at <= end ? 'it is not after the end' : 'it is after the end',
		});
	}
	return steps;
}

function onlySteps(timing: Timing, asked: Asked): Step[] {
	if (timing.only === undefined) return [];
	const { start: _, end: __, ...unbounded } = timing;
	const { exclude: ___, ...unmoved } = unbounded;
	const passed = gives(unmoved, asked) || gives(unbounded, asked);
	return [
		{
			rule: 'only',
			value: timing.only.map((each) => JSON.stringify(each)).join(' or '),
			result: passed ? 'passed' : 'stopped',
			text: passed ? 'it is within what is allowed' : 'it is outside what is allowed',
		},
	];
}

/** Exclusions and clock changes that drop it; by the row where there is one, since those do not change. */
export function exclusionSteps(asked: Asked): Step[] {
	const { schedule, row, plan, at, calendars } = asked;
	const { timing } = schedule;
	const skip = plan.skip(at);
	const dropped =
		row === null ? skip?.outcome === 'skipped_calendar' : row.outcome === 'skipped_calendar';
	const reason = row?.reason ?? skip?.reason ?? '';
	const by = (timing.exclude ?? []).filter((each) => takesOut(timing, each, asked));
	if (!dropped) {
		return (timing.exclude ?? []).map((each) => ({
			rule: 'exclude',
			value: exclusionText(each, calendars),
			result: 'passed',
			text: 'it is not left out',
		}));
	}
	const [first] = by;
	if (first !== undefined || timing.exclude !== undefined) {
		const value = first === undefined ? '' : exclusionText(first, calendars);
		return [{ rule: 'exclude', value, result: 'stopped', text: reason }];
	}
	return [{ rule: 'dst', value: timing.dst?.gap ?? 'skip', result: 'stopped', text: reason }];
}

function takesOut(timing: Timing, exclusion: Exclusion, { at, calendars }: Asked): boolean {
	const alone = planOf({ timing: { ...timing, exclude: [exclusion] }, calendars, seed: '' });
	return alone.skip(at) !== null;
}

function exclusionText(exclusion: Exclusion, calendars: Calendars): string {
	if (!('calendar' in exclusion)) return JSON.stringify(exclusion);
	const calendar = calendars.get(exclusion.calendar);
	const name =
		calendar === undefined ? exclusion.calendar : `${calendar.name}, version ${calendar.version}`;
	return `calendar ${name} (${exclusion.rule})`;
}

export function byHandSteps({ schedule, row, at }: Asked): Step[] {
	const { skipped, moved } = schedule.overrides;
	if (row?.outcome === 'skipped_by_user') {
		return [
			{ rule: 'by_hand', value: '', result: 'stopped', text: row.reason ?? 'skipped by hand' },
		];
	}
	if (row !== null) return [];
	const act = skipped.find((each) => each.at === at);
	if (act !== undefined) {
		return [{ rule: 'by_hand', value: act.by, result: 'stopped', text: `skipped by ${act.by}` }];
	}
	const move = moved.find(({ from }) => from === at);
	if (move === undefined) return [];
	const text = `moved to ${toIso(move.to)} by ${move.by}`;
	return [{ rule: 'by_hand', value: move.by, result: 'stopped', text }];
}

export function jitterSteps({ schedule, row, plan, at, isInstant }: Asked): Step[] {
	const { jitter } = schedule.timing;
	const dueAt = row?.dueAt ?? (isInstant ? plan.dueAt(at) : at);
	if (jitter === undefined && dueAt === at) return [];
	const value = jitter === undefined ? '' : `up to ${formatDuration(jitter.max)} per ${jitter.per}`;
	const text = `due ${formatDuration(dueAt - at)} later, at ${toIso(dueAt)}`;
	return [{ rule: 'jitter', value, result: 'noted', text }];
}
