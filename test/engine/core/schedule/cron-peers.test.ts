import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { differencesOf, isStepOfStar } from '../../../support/cron-differences.ts';
import { cronPattern } from '../../../support/cron-arbitrary.ts';
import type { Peer, PeerQuestion } from '../../../support/cron-peers.ts';
import { askPeer, iso, ourAnswer, PEERS } from '../../../support/cron-peers.ts';

const ZONES = [...Intl.supportedValuesOf('timeZone'), 'UTC'];
const HOUR = 3_600_000;
/** Creating a walk of another library takes milliseconds. */
const RUNS = process.env['CI'] === undefined ? 120 : 600;

/**
 * What `docs/timing-differences.md` lists is left out; anything else that differs is a fault, theirs or ours.
 * @returns whether the two were compared
 */
function compare(peer: Peer, question: PeerQuestion): boolean {
	const theirs = askPeer(peer, question);
	const ours = ourAnswer(question);
	if (differencesOf(peer, question, { theirs, ours }).length > 0) return false;
	expect({ ...question, next: theirs === 'refused' ? theirs : iso(theirs) }).toEqual({
		...question,
		next: iso(ours),
	});
	return true;
}

describe.each(PEERS)('%s', (peer) => {
	it('gives the same instants for random patterns in every zone, but for what is listed', () => {
		let compared = 0;
		const property = fc.property(
			cronPattern({ day: 28 }),
			fc.constantFrom(...ZONES),
			fc.integer({ min: Date.UTC(2026, 0) / 1000, max: Date.UTC(2035, 0) / 1000 }),
			(pattern, zone, second) => {
				const question = { pattern: pattern.text, zone, from: second * 1000, count: 6 };
				if (compare(peer, question)) compared++;
			},
		);
		fc.assert(property, { numRuns: RUNS });
		// Not everything may be an exception.
		expect(compared).toBeGreaterThan(RUNS / 2);
	});

	it('gives the same instants over the clock changes of Berlin, but for what is listed', () => {
		const times = fc.record({
			minute: fc.constantFrom('0', '30', '*/15', '10,50', '*'),
			hour: fc.constantFrom('*', '1', '2', '3', '1-3', '0,2', '*/2', '9'),
			change: fc.constantFrom(Date.UTC(2027, 2, 28, 1), Date.UTC(2027, 9, 31, 1)),
			ahead: fc.integer({ min: 1, max: 30 }),
		});
		fc.assert(
			fc.property(times, ({ minute, hour, change, ahead }) => {
				const pattern = `${minute} ${hour} * * *`;
				const from = change - ahead * HOUR;
				compare(peer, { pattern, zone: 'Europe/Berlin', from, count: 12 });
			}),
			{ numRuns: RUNS },
		);
	});
});

describe('what is listed', () => {
	it.each<[Peer, string, string, string]>([
		['croner', '0 0 */2 * 1', '2027-01-01T00:00:00Z', 'a step of "*" in a day field'],
		['cron-parser', '0 0 */2 * 1', '2027-01-01T00:00:00Z', 'a step of "*" in a day field'],
		['croner', '30 2 * * *', '2027-03-27T12:00:00Z', 'a time that does not exist'],
		['croner', '*/30 2 * * *', '2027-10-30T12:00:00Z', 'a time that comes twice'],
		['croner', '0 0 L-3 * *', '2027-01-01T00:00:00Z', 'refused there'],
		['cron-parser', '0 0 LW * *', '2027-01-01T00:00:00Z', 'refused there'],
		['cron-parser', '5,5 0 * * *', '2027-01-01T00:00:00Z', 'refused there'],
	])('is still so: %s, %s', (peer, pattern, from, what) => {
		const question = { pattern, zone: 'Europe/Berlin', from: Date.parse(from), count: 6 };
		const theirs = askPeer(peer, question);
		const ours = ourAnswer(question);
		expect(theirs).not.toEqual(ours);
		expect(differencesOf(peer, question, { theirs, ours })).toContain(what);
	});

	it('knows a step of a star from a star', () => {
		expect(isStepOfStar('*/2')).toBe(true);
		expect(isStepOfStar('*')).toBe(false);
		expect(isStepOfStar('1-5/2')).toBe(false);
	});
});
