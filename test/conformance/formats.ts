import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { exerciseFormat as exercise, FormatBench } from '../../engine/conformance/index.ts';
import type { FormatUnderTest } from '../../engine/conformance/index.ts';
import type { Row } from '../../engine/contract/envelope.ts';
import type { Format } from '../../engine/formats/format.port.ts';
import { NASTY_TEXTS } from '../support/nasty-rows.ts';

/** Rows of whatever JSON can hold, under names of whatever a key can be. */
const anyRows = fc.array(
	fc.oneof(
		fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 }),
		fc.dictionary(
			fc.constantFrom('a', 'b', '__proto__', 'constructor'),
			fc.oneof(
				fc.constantFrom(...NASTY_TEXTS.slice(0, -1)),
				fc.double({ noNaN: true, noDefaultInfinity: true }),
				fc.string({ unit: 'binary' }),
			),
		),
	),
	{ maxLength: 8 },
) as fc.Arbitrary<Row[]>;

/** The promises of every format, as plug-ins are held to them, and what fuzzing finds beside. */
export function exerciseFormat(format: Format, about: FormatUnderTest): void {
	const bench = new FormatBench(format, about);
	exercise({ describe, it }, bench);
	describe(`format ${format.name}, fuzzed`, () => {
		it.each([{}, ...(about.options ?? [])].map((given) => [JSON.stringify(given), given] as const))(
			'writes what may come in any value, and any name of a column, readably: %s',
			async (_, given) => {
				await fc.assert(
					fc.asyncProperty(anyRows, async (some) => {
						// a table without a column has no rows to see
						const rows = [{ first: 1 }, ...some];
						expect(await bench.count(rows, given)).toBe(rows.length);
					}),
					{ numRuns: 60 },
				);
			},
		);
	});
}
