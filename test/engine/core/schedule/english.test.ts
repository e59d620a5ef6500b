import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';

import { CapError } from '../../../../engine/contract/errors.ts';
import type { Rule, Timing } from '../../../../engine/contract/timing.ts';
import { formatLocal } from '../../../../engine/core/schedule/local-time.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';
import { nextAfter } from '../../../../engine/core/schedule/timing.ts';

const acceptedAt = Date.parse('2027-01-13T12:00:00Z');
const docs = readFileSync(new URL('../../../../docs/timing-english.md', import.meta.url), 'utf8');

function understand(frequency: string): Timing {
	return resolveTiming({ frequency }, { acceptedAt, smallestInterval: 1000 });
}

/** The rows of the table under a heading, as cells. */
function rows(heading: string): string[][] {
	const [, part = ''] = docs.split(`## ${heading}\n`);
	const lines = part.split('\n## ')[0]?.split('\n') ?? [];
	return lines
		.filter((line) => line.startsWith('|'))
		.slice(2)
		.map((line) =>
			line
				.split('|')
				.slice(1, -1)
				.map((cell) => cell.trim()),
		);
}

function firstTwo(timing: Timing): string {
	const first = nextAfter(timing, acceptedAt) ?? 0;
	return [first, nextAfter(timing, first) ?? 0]
		.map((at) => formatLocal(timing.timeZone, at).slice(0, 16).replace('T', ' '))
		.join(', ');
}

function written(rule: Rule): string {
	if (rule.kind === 'any') return rule.rules.map(written).join(' + ');
	if (rule.kind === 'cron') return rule.cron;
	if (rule.kind === 'rrule') return rule.rrule.replace('\n', ' ');
	if (rule.kind === 'every') return `every ${rule.every / 60_000} min`;
	return rule.kind === 'months' ? `every ${rule.months} months` : rule.kind;
}

describe('plain English', () => {
	it('has a table of many examples', () => {
		expect(rows('Understood').length).toBeGreaterThanOrEqual(40);
		expect(rows('Refused').length).toBeGreaterThanOrEqual(15);
	});

	it.each(rows('Understood'))('understands "%s"', (sentence, is, first) => {
		const timing = understand(sentence ?? '');
		expect(`\`${written(timing)}\``).toBe(is);
		expect(firstTwo(timing)).toBe(first);
		if (timing.written === undefined) return;
		const loud = sentence?.toUpperCase() ?? '';
		expect(understand(loud)).toEqual({ ...timing, written: loud });
	});

	it.each(rows('Refused'))('refuses "%s" and says what to write', (sentence, asks) => {
		expect(() => understand(sentence ?? '')).toThrow(asks);
	});

	it('offers readings that are understood', () => {
		const readings = rows('Refused').flatMap(([, asks = '']) =>
			asks.startsWith('one of two readings') ? [...asks.matchAll(/"([^"]+)"/g)] : [],
		);
		expect(readings.length).toBeGreaterThanOrEqual(12);
		for (const [, reading = ''] of readings) expect(() => understand(reading)).not.toThrow();
	});

	it('refuses whatever else with the field, and never fails otherwise', () => {
		const words =
			'every each other at on of the and in between from to 9 9:00 6pm 1st 3rd last first second Monday weekday day days month quarter year week hour minutes noon January 24 twice a except working :15 weekends daily monthly until'.split(
				' ',
			);
		const sentence = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 9 });
		fc.assert(
			fc.property(sentence, (list) => {
				try {
					const timing = understand(list.join(' '));
					expect(nextAfter(timing, acceptedAt)).toBeGreaterThan(acceptedAt);
				} catch (error) {
					if (!(error instanceof CapError)) throw error;
					expect(error.issues[0]?.path).toMatch(/^frequency|^timing/);
				}
			}),
			{ numRuns: 1000 },
		);
	});
});
