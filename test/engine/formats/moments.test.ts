import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { plainDigits, scaledDecimal } from '../../../engine/formats/shared/decimal.ts';
import {
	dayMicros,
	dayNumber,
	epochMicros,
	epochMillis,
	momentKind,
} from '../../../engine/formats/shared/moments.ts';

describe('moments', () => {
	it('are read as Date reads them, to the millisecond, from year 1 to 9999', () => {
		fc.assert(
			fc.property(
				fc.date({
					min: new Date('0001-01-01T00:00:00Z'),
					max: new Date('9999-12-31T23:59:59.999Z'),
					noInvalidDate: true,
				}),
				(date) => {
					const text = date.toISOString();
					expect(momentKind(text)).toBe('instant');
					expect(epochMillis(text)).toBe(date.getTime());
					expect(dayNumber(text)).toBe(Math.floor(date.getTime() / 86_400_000));
				},
			),
		);
	});

	it('are days just where Date finds the same day', () => {
		const two = (value: number): string => String(value).padStart(2, '0');
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 9999 }),
				fc.integer({ min: 0, max: 13 }),
				fc.integer({ min: 0, max: 32 }),
				(year, month, day) => {
					const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
					const date = new Date(0);
					date.setUTCFullYear(year, month - 1, day);
					const same = month >= 1 && month <= 12 && date.getUTCDate() === day;
					expect(momentKind(text)).toBe(same ? 'date' : undefined);
				},
			),
		);
	});

	it.each([
		['2026-11-23T08:00:00.123456789+05:30', 1_795_401_000_123_456n],
		['2026-11-23 08:00:00.123456789-0130', 1_795_426_200_123_456n],
		['1969-12-31T23:59:59.999999Z', -1n],
		['1900-03-01T00:00:00Z', -2_203_891_200_000_000n],
		['2026-11-23T08:00', 1_795_420_800_000_000n],
	])('are exact to the microsecond, and tell what they cut off: %s', (text, micros) => {
		let cut = 0;
		expect(epochMicros(text, () => (cut += 1))).toBe(micros);
		expect(cut).toBe(text.includes('.123456789') ? 1 : 0);
	});

	it('knows times of day', () => {
		let cuts = 0;
		const cut = (): number => (cuts += 1);
		expect(dayMicros('23:59:59.999999', cut)).toBe(86_399_999_999);
		expect(dayMicros('08:00', cut)).toBe(28_800_000_000);
		expect(cuts).toBe(0);
		expect(dayMicros('08:00:00.0000019', cut)).toBe(28_800_000_001);
		expect(cuts).toBe(1);
	});

	it.each([
		'2026-11-23T08',
		'2026-11-23T08:00:00.',
		'2026-11-23T08:00:00.1234567890Z',
		'2026-11-23T08:00:00+24:00',
		'2026-11-23T08:00:00z',
		'2026-11-23 ',
		'20261123',
		'0000-01-01',
		'12026-11-23',
	])('are not %j', (text) => {
		expect(momentKind(text)).toBeUndefined();
	});
});

describe('digits of numbers', () => {
	it.each([
		['1e21', '1000000000000000000000'],
		['1.5e-3', '0.0015'],
		['-12.5E+1', '-125'],
		['-12.25E+1', '-122.5'],
		['5e-324', `0.${'0'.repeat(323)}5`],
		['0e5', '0'],
		['0.10', '0.10'],
		['123', '123'],
	])('%s is %s', (text, plain) => {
		expect(plainDigits(text)).toBe(plain);
	});

	it('say the same number as before', () => {
		fc.assert(
			fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
				const plain = plainDigits(String(value));
				expect(plain).toMatch(/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/);
				expect(Number(plain)).toBe(value === 0 ? 0 : value);
			}),
		);
	});

	it('are scaled without loss, or not at all', () => {
		expect(scaledDecimal('12.5', 2)).toBe(1250n);
		expect(scaledDecimal('-0.05', 2)).toBe(-5n);
		expect(scaledDecimal('-0.5', 0)).toBeUndefined();
		expect(scaledDecimal('1.500', 1)).toBe(15n);
		expect(scaledDecimal('1e3', 2)).toBe(100_000n);
		expect(scaledDecimal('7', 0)).toBe(7n);
	});
});
