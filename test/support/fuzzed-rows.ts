import fc from 'fast-check';

import type { Row } from '../../engine/contract/envelope.ts';
import type { JsonValue } from '../../engine/contract/json.ts';
import { NASTY_NUMBERS, NASTY_TEXTS } from './nasty-rows.ts';

/** So that a find can be repeated: `CAPSCHEDULER_TEST_SEED`, printed where it is not given. */
const SEED = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Date.now() % 2 ** 31);

/** `CAPSCHEDULER_TEST_FUZZ=20` looks twenty times as long. */
const TIMES = Number(process.env['CAPSCHEDULER_TEST_FUZZ'] ?? 1);

const name = fc.oneof(
	fc.constantFrom('a', 'b', 'a.b', ' ', '__proto__', 'constructor', '=1+1', '<b>', 'ü'),
	fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
);

const value = fc.oneof(
	fc.constantFrom<JsonValue>(...NASTY_TEXTS.slice(0, -1), ...NASTY_NUMBERS, null, true, false),
	fc.double({ noNaN: true, noDefaultInfinity: true }),
	fc.integer(),
	fc.string({ unit: 'binary', maxLength: 60 }),
	fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
	fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
);

/** Rows of whatever JSON can hold, a few names in most of them; the first has always a column. */
const rows: fc.Arbitrary<Row[]> = fc
	.array(fc.dictionary(name, value, { maxKeys: 6 }), { maxLength: 12 })
	.map((some) => [{ first: 1 }, ...some]);

function tellSeed(): void {
	process.stdout.write(`fuzzed rows: CAPSCHEDULER_TEST_SEED=${SEED}\n`);
}

/** Calls `check` with as many lists of rows. Bounded by `runs`, since a reader is started for each. */
export async function anyRows(
	{ runs }: { runs: number },
	check: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
	tellSeed();
	await fc.assert(fc.asyncProperty(rows, check), { numRuns: runs * TIMES, seed: SEED });
}

/** Many rows in one list, for readers that are slow to start. */
export function manyRows(count: number): readonly Row[] {
	tellSeed();
	return fc.sample(rows, { numRuns: count, seed: SEED }).flat().slice(0, count);
}
