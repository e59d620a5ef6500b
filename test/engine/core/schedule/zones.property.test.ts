import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import type { Timing } from '../../../../engine/contract/timing.ts';
import type { Plan } from '../../../../engine/core/schedule/plan.ts';
import { planOf } from '../../../../engine/core/schedule/plan.ts';
import { firstFrom, nextAfter } from '../../../../engine/core/schedule/timing.ts';
import { toInstant } from '../../../../engine/core/schedule/local-time.ts';
import { cronPattern } from '../../../support/cron-arbitrary.ts';
import type { Changes, Walk } from '../../../support/timing-oracle.ts';
import { changesInYear, dueInstants, walk, wallClock } from '../../../support/timing-oracle.ts';

const HOUR = 3_600_000;
const ZONES = [...Intl.supportedValuesOf('timeZone'), 'UTC'];
/** Offsets and jumps that are not whole hours, lost days, half-hour and two-hour clock changes. */
const ODD: readonly (readonly [string, number])[] = [
	['Australia/Lord_Howe', 2027],
	['Australia/Lord_Howe', 1984],
	['Pacific/Chatham', 2027],
	['Pacific/Apia', 2011],
	['Pacific/Kwajalein', 1993],
	['Antarctica/Troll', 2027],
	['Asia/Pyongyang', 2015],
	['Asia/Kathmandu', 1986],
	['America/Caracas', 2007],
	['Africa/Monrovia', 1972],
	['Africa/Casablanca', 2026],
	['Europe/Dublin', 2027],
	['America/Havana', 2027],
	['America/Santiago', 2027],
	['Asia/Beirut', 2027],
	['Atlantic/Azores', 2027],
	['America/Sao_Paulo', 2018],
	['America/Recife', 2000],
	['Pacific/Kiritimati', 1994],
	['Pacific/Kanton', 1994],
	['America/Danmarkshavn', 1996],
	['Antarctica/Vostok', 1994],
	['Antarctica/Casey', 2020],
	['Asia/Gaza', 2040],
];

const cron = (text: string, timeZone: string, dst?: Changes): Timing => ({
	kind: 'cron',
	cron: text,
	timeZone,
	...(dst === undefined ? {} : { dst }),
});

const policies = fc.record(
	{
		gap: fc.constantFrom('shift' as const, 'edge' as const, 'skip' as const),
		fold: fc.constantFrom('first' as const, 'last' as const, 'both' as const),
	},
	{ requiredKeys: [] },
);

function listFrom(timing: Timing, from: number, until: number): number[] {
	const list: number[] = [];
	for (
		let at = firstFrom(timing, from);
		at !== undefined && at <= until;
		at = nextAfter(timing, at)
	) {
		list.push(at);
		if (list.length > 100_000) throw new Error('the walk does not end');
	}
	return list;
}

/** Compares long lists, and shows what differs rather than the lists. */
function expectSame(timing: Timing, list: number[], expected: number[]): void {
	const [got, wanted] = [new Set(list), new Set(expected)];
	const show = (at: number): string => new Date(at).toISOString();
	const missing = expected.filter((at) => !got.has(at)).map(show);
	const extra = list.filter((at) => !wanted.has(at)).map(show);
	const difference = { missing: missing.slice(0, 5), extra: extra.slice(0, 5) };
	expect({ timing, ...difference }).toEqual({ timing, missing: [], extra: [] });
	expect(list).toHaveLength(expected.length);
}

interface Window {
	zone: string;
	change: number;
	width: number;
	tick: number;
	runs: number;
}

/** Random patterns around one instant: the engine's list is the oracle's, from wherever it starts. */
function compare({ zone, change, width, tick, runs }: Window): void {
	// A fold must have its first half in view, a lost day its day before.
	const seen = walk(
		zone,
		change - width - 26 * HOUR * (tick === 60_000 ? 1 : 0.15),
		change + width + 26 * HOUR * (tick === 60_000 ? 1 : 0.15),
		tick,
	);
	const from = change - width;
	const until = change + width;
	const day = new Date(wallClock(zone, change)).getUTCDate();
	const property = fc.property(
		cronPattern({ day, withSeconds: tick === 1000 }),
		fc.integer({ min: from, max: until }),
		policies,
		({ text, meaning }, start, changes) => {
			const timing = cron(text, zone, changes);
			const expected = dueInstants(meaning, seen, { from, until, changes });
			expectSame(timing, listFrom(timing, from, until), expected);
			const next = nextAfter(timing, start);
			const following = expected.find((at) => at > start);
			if (following === undefined) expect(next ?? Infinity).toBeGreaterThan(until);
			else expect(next).toBe(following);
			const plan = planOf({ timing, calendars: NO_CALENDARS, seed: '' });
			const previous = expected.findLast((at) => at < start);
			if (previous === undefined) expect(plan.previous(start) ?? 0).toBeLessThan(from);
			else expect(plan.previous(start)).toBe(previous);
			expectSkips({ timing, plan }, expected, seen);
		},
	);
	fc.assert(property, { numRuns: runs });
}

/** With `gap: skip`, what the wall clock never showed is skipped, and nothing else ever is. */
function expectSkips(
	{ timing, plan }: { timing: Timing; plan: Plan },
	list: number[],
	{ instants, walls, tick }: Walk,
): void {
	if (timing.dst?.gap !== 'skip') {
		expect(list.filter((at) => plan.skip(at) !== null)).toEqual([]);
		return;
	}
	const plain = planOf({
		timing: { ...timing, dst: { ...timing.dst, gap: 'edge' } },
		calendars: NO_CALENDARS,
		seed: '',
	});
	const jumps = instants.filter((_, i) => i > 0 && (walls[i] ?? 0) - (walls[i - 1] ?? 0) > tick);
	for (const at of list) {
		// `edge` gives the first instant after a gap for all that is missing, and the rest is shown by the clock.
		const shown = plain.next(at - 1) === at && !jumps.includes(at);
		if (shown) expect(plan.skip(at)).toBeNull();
		else if (!jumps.includes(at)) expect(plan.skip(at)?.outcome).toBe('skipped_calendar');
	}
}

function clockChange(zone: string, year: number, pick: number): number {
	const changes = changesInYear(zone, year);
	return changes[pick % Math.max(1, changes.length)] ?? Date.UTC(year, pick % 12, 1 + (pick % 28));
}

describe('cron in every IANA zone', () => {
	it('equals the oracle around a clock change of a random year, from wherever the walk starts', () => {
		const [seed = 0] = fc.sample(fc.integer({ min: 0, max: 2 ** 31 - 1 }), 1);
		const years = fc.sample(fc.tuple(fc.integer({ min: 1973, max: 2040 }), fc.nat(1000)), {
			numRuns: ZONES.length,
			seed,
		});
		ZONES.forEach((zone, index) => {
			const [year, pick] = years[index] ?? [2027, 0];
			const change = clockChange(zone, year, pick);
			compare({ zone, change, width: 9 * HOUR, tick: 60_000, runs: 3 });
		});
	});

	it.each(ODD)(
		'equals the oracle at the odd clock changes of %s in %i',
		(zone, year) => {
			// Liberia's offset had seconds, so only a walk in seconds meets its wall clock.
			const seconds = zone === 'Africa/Monrovia';
			for (const change of changesInYear(zone, year)) {
				const width = seconds ? 1.5 * HOUR : 30 * HOUR;
				compare({ zone, change, width, tick: seconds ? 1000 : 60_000, runs: 12 });
			}
		},
		60_000,
	);

	it('equals the oracle to the second', () => {
		for (const zone of fc.sample(fc.constantFrom(...ZONES), 12)) {
			const change = clockChange(zone, 2027, 1);
			compare({ zone, change, width: 1.5 * HOUR, tick: 1000, runs: 3 });
		}
	});

	it('equals the oracle over a whole year', () => {
		const [from, until] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)];
		const seen = walk('America/Santiago', from - 26 * HOUR, until, 10 * 60_000);
		fc.assert(
			fc.property(cronPattern({ day: 6 }), ({ text, meaning }) => {
				// Every ten minutes are asked for, so that a year's walk is quick.
				const minutes = meaning.minutes.filter((minute) => minute % 10 === 0);
				fc.pre(minutes.length > 0);
				const pattern = [minutes.join(','), ...text.split(' ').slice(1)].join(' ');
				const expected = dueInstants({ ...meaning, minutes }, seen, { from });
				const timing = cron(pattern, 'America/Santiago');
				expectSame(timing, listFrom(timing, from, until - 1), expected);
			}),
			{ numRuns: 8 },
		);
	});

	it('equals the oracle on a date that is months ahead, over the clock changes in between', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(...ZONES),
				fc.date({ min: new Date('1975-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
				fc.integer({ min: 3, max: 300 }),
				(zone, date, leadDays) => {
					const day = Math.min(date.getUTCDate(), 28);
					const month = date.getUTCMonth() + 1;
					const [hour, minute] = [date.getUTCHours(), date.getUTCMinutes()];
					const meaning = {
						seconds: [0],
						minutes: [minute],
						hours: [hour],
						days: [day],
						months: [month],
						weekdays: [0, 1, 2, 3, 4, 5, 6],
						eitherDay: false,
					};
					const midnight = Date.UTC(date.getUTCFullYear(), month - 1, day);
					const seen = walk(zone, midnight - 44 * HOUR, midnight + 40 * HOUR, 60_000);
					const [expected] = dueInstants(meaning, seen, { from: midnight - 16 * HOUR });
					const timing = cron(`${minute} ${hour} ${day} ${month} *`, zone);
					expect(nextAfter(timing, midnight - leadDays * 24 * HOUR)).toBe(expected);
				},
			),
			{ numRuns: 80 },
		);
	});

	it('goes strictly up, without an end, for any pattern in any zone', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(...ZONES),
				cronPattern({ day: 28, withSeconds: true }),
				fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
				(zone, { text }, start) => {
					let at = start;
					for (let i = 0; i < 20; i++) {
						const next = nextAfter(cron(text, zone), at);
						expect(next).toBeGreaterThan(at);
						at = next ?? at;
					}
				},
			),
			{ numRuns: 60 },
		);
	});
});

describe('local times', () => {
	it('become the instant at which the wall clock first shows them', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(...ZONES),
				fc.integer({ min: 1, max: Date.UTC(2060, 0) / 60_000 }).map((minute) => minute * 60_000),
				(zone, at) => {
					const wall = wallClock(zone, at);
					const found = toInstant(zone, wall);
					expect(wallClock(zone, found)).toBe(wall);
					expect(found).toBeLessThanOrEqual(at);
				},
			),
			{ numRuns: 400 },
		);
	});
});
