import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { guardFormula } from '../../../engine/formats/shared/formula-guard.ts';

const SIGNS = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
const BLANKS = [' ', '\t', '\u00a0', '\u3000', '\u200b', '\ufeff', '\u0000'];

describe('the formula guard', () => {
	it.each([
		['=1+1'],
		['+cmd'],
		['-2+3'],
		['@SUM(A1)'],
		['\tx'],
		['\t5'],
		['\rx'],
		['  =1'],
		['\u00a0=1'],
		['\u200b=1'],
		['\u0000=1'],
		['＝1'],
		['－5'],
		['-'],
		['+-5'],
		['-5-'],
		['=5'],
		['@5'],
		['-1e5e5'],
	])('puts an apostrophe before %j', (cell) => {
		expect(guardFormula(cell)).toBe(`'${cell}`);
	});

	it.each([
		['a\n=1', `a\n'=1`],
		['a\r\n +b', `a\r\n' +b`],
		['a\r=b', `a\r'=b`],
		['\n=b', `\n'=b`],
		['a\n-5\n-b', `a\n-5\n'-b`],
		['a\u2028=b', `a\u2028'=b`],
	])('guards the lines of %j', (cell, guarded) => {
		expect(guardFormula(cell)).toBe(guarded);
	});

	it.each([
		['-5'],
		['+3.2'],
		['1e-5'],
		['-1.5E+10'],
		['-.5'],
		['-1,234.56'],
		['-1.234,56'],
		[' -5 '],
		['-5 %'],
		['a=b'],
		['a@b.example'],
		['x-1'],
		['{"a":"=1"}'],
		[''],
		["'=1"],
	])('leaves %j alone', (cell) => {
		expect(guardFormula(cell)).toBe(cell);
	});

	const hostile = fc
		.array(fc.constantFrom(...SIGNS, ...BLANKS, '\n', '\r', '1', '5', '.', 'e', 'A', '(', '"'), {
			maxLength: 12,
		})
		.map((parts) => parts.join(''));
	const anything = fc.oneof(hostile, fc.string({ unit: 'binary' }));

	it('leaves no line that begins with a sign unless it is a number', () => {
		fc.assert(
			fc.property(anything, (cell) => {
				for (const line of guardFormula(cell).split(/[\r\n]/)) {
					let at = 0;
					while (BLANKS.includes(line[at] ?? '')) at++;
					const begins = SIGNS.includes(line[at] ?? '');
					const number = line.trim() !== '' && Number.isFinite(Number(line.replace(/[%,]/g, '')));
					if (begins && !number) throw new Error(`unguarded: ${JSON.stringify(line)}`);
				}
			}),
			{ numRuns: 2000 },
		);
	});

	it('adds apostrophes and changes nothing else; guarding twice is guarding once', () => {
		fc.assert(
			fc.property(anything, (cell) => {
				const guarded = guardFormula(cell);
				let at = 0;
				for (const unit of guarded) if (cell.startsWith(unit, at)) at += unit.length;
				expect(at).toBe(cell.length);
				expect(guardFormula(guarded)).toBe(guarded);
			}),
			{ numRuns: 2000 },
		);
	});

	it('leaves every number alone', () => {
		fc.assert(
			fc.property(
				fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()),
				(n) => {
					expect(guardFormula(String(n))).toBe(String(n));
				},
			),
		);
	});
});
