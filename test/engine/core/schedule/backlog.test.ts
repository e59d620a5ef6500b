import { describe, expect, it } from '@jest/globals';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import { policiesSchema } from '../../../../engine/contract/policies.ts';
import type { Run } from '../../../../engine/contract/run.ts';
import type { Backlog, LedgerRow, Schedule } from '../../../../engine/contract/schedule.ts';
import { decideOccurrences } from '../../../../engine/core/schedule/occurrences.ts';
import { aRun, aSchedule, aSpec } from '../../../support/core-records.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const T0 = Date.UTC(2027, 0, 1);

/** Every minute; paused from minute 3 on, until minute 7, and looked at then. */
function resumed(
	backlog: Backlog | undefined,
	more: { policies?: object; batch?: number; active?: Run[]; schedule?: Partial<Schedule> } = {},
): { ledger: LedgerRow[]; runs: Run[]; cancelled: number } {
	const spec = aSpec({ policies: policiesSchema.parse(more.policies ?? {}) });
	let schedule = aSchedule({
		lastAt: T0 + 2 * MINUTE,
		windowFrom: T0 + 2 * MINUTE,
		nextAt: T0 + 3 * MINUTE,
		pauses: [
			{
				from: T0 + 3 * MINUTE,
				to: T0 + 7 * MINUTE + 1,
				...(backlog === undefined ? {} : { backlog }),
			},
		],
		...more.schedule,
	});
	const now = T0 + 7 * MINUTE + 1;
	const lived = { ledger: [] as LedgerRow[], runs: [] as Run[], cancelled: 0 };
	let active = more.active ?? [];
	let ids = 0;
	while (schedule.state === 'active' && (schedule.dueAt ?? Infinity) <= now) {
		const decision = decideOccurrences(
			{ schedule, spec, active, calendars: NO_CALENDARS },
			{
				now,
				batch: more.batch ?? 1000,
				newId: ((kind: string) => `${kind}_${ids++}`) as never,
				cancel: () => {
					lived.cancelled++;
					return undefined as never;
				},
			},
		);
		lived.ledger.push(...decision.ledger);
		lived.runs.push(...decision.runs);
		active = [...active, ...decision.runs];
		schedule = { ...schedule, ...decision.set };
	}
	return lived;
}
const outcomes = ({ ledger }: { ledger: LedgerRow[] }): string[] =>
	ledger.map(({ outcome }) => outcome);

describe('what a pause becomes when it is over', () => {
	it('is skipped unless something else was said', () => {
		const skipped = Array<string>(5).fill('skipped_paused');
		expect(outcomes(resumed(undefined))).toEqual(skipped);
		expect(outcomes(resumed('skip'))).toEqual(skipped);
	});

	it.each([1, 2, 1000])(
		'latest: the last fires for all, over one window (passes of %i)',
		(batch) => {
			const lived = resumed('latest', { batch });
			expect(outcomes(lived)).toEqual([
				'coalesced',
				'coalesced',
				'coalesced',
				'coalesced',
				'fired',
			]);
			expect(lived.runs).toMatchObject([
				{ nominalAt: T0 + 7 * MINUTE, windowStart: T0 + 2 * MINUTE, trigger: 'catch_up' },
			]);
		},
	);

	it.each([1, 2, 1000])('all: each fires over its own window (passes of %i)', (batch) => {
		const lived = resumed('all', { batch });
		expect(outcomes(lived)).toEqual(Array<string>(5).fill('fired'));
		expect(lived.runs.map(({ windowStart }) => windowStart)).toEqual(
			[2, 3, 4, 5, 6].map((n) => T0 + n * MINUTE),
		);
		expect(new Set(lived.runs.map(({ serialKey }) => serialKey))).toEqual(new Set(['sch_1']));
	});

	it('is what was asked for whatever overlap and catch-up say', () => {
		for (const overlap of ['skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow_all']) {
			for (const catchUp of [{ mode: 'none' }, { mode: 'all', window: 0 }]) {
				const policies = { overlap, catchUp };
				const active = [aRun({ id: 'run_busy' })];
				expect(outcomes(resumed('all', { policies, active }))).toEqual(
					Array<string>(5).fill('fired'),
				);
				const latest = resumed('latest', { policies, active });
				expect(outcomes(latest).at(-1)).toBe('fired');
				expect(latest.cancelled).toBe(0);
			}
		}
	});

	it('leaves out what a person skipped, and the limit counts', () => {
		const overrides = { skipped: [{ at: T0 + 7 * MINUTE, by: 'me' }], moved: [] };
		const latest = resumed('latest', { schedule: { overrides } });
		expect(outcomes(latest)).toEqual([
			'coalesced',
			'coalesced',
			'coalesced',
			'fired',
			'skipped_by_user',
		]);
		const limited = resumed('all', {
			schedule: {
				timing: { kind: 'every', every: MINUTE, anchor: T0, timeZone: 'UTC', limit: 2 },
			},
		});
		expect(outcomes(limited)).toEqual(['fired', 'fired']);
	});

	it.each([
		['every second', 1000, T0 + 7 * MINUTE],
		['200 days', 200 * DAY, T0 - 100 * DAY],
	])('finds the last of a pause of a year without walking through it: %s', (_, every, last) => {
		let steps = 0;
		const lived = resumed('latest', {
			batch: 10,
			schedule: {
				timing: {
					kind: 'every',
					get every() {
						if (++steps > 1000) throw new Error('it walks through the pause');
						return every;
					},
					anchor: last,
					timeZone: 'UTC',
				},
				lastAt: null,
				windowFrom: null,
				nextAt: last,
				dueAt: last,
				pauses: [{ from: T0 - 365 * DAY, to: T0 + 7 * MINUTE + 1, backlog: 'latest' }],
			},
		});
		expect(outcomes(lived)).toEqual(['fired']);
		expect(steps).toBeGreaterThan(0);
	});
});
