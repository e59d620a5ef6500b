import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { ResultEncoding } from '../../../engine/contract/result.ts';
import { createCsvFormat } from '../../../engine/formats/csv/index.ts';
import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { inChunks, inputOf, renderToText } from '../../support/format-input.ts';

const csv = createCsvFormat();

async function headOf(
	text: string,
	{ encoding, chunk = 64 * 1024 }: { encoding: ResultEncoding; chunk?: number },
): Promise<string> {
	const rows = createRowReader({ encoding, open: () => inChunks(Buffer.from(text), chunk) });
	const input = { ...inputOf([]), rows };
	const options = csv.options.parse({ formulaGuard: false, quote: 'all' });
	return (await renderToText(csv.render(input, options))).split('\r\n')[0]!;
}

const name = fc.oneof(
	fc.integer({ min: 0, max: 3000 }).map(String),
	fc.constantFrom('a', '007', '-1', '1.5', '4294967295', '"', '{', '[', ',', ':', 'é'),
	// V8 of Node 24 takes the key `"` for `\` where an object before had that one
	fc.string({ minLength: 1, maxLength: 4 }).filter((text) => !/[\r\n\\]/.test(text)),
);
const value = fc.oneof(
	fc.constantFrom('1', '"x"', '"{\\"9\\":1}"', '{"5":1,"b":2}', '[{"6":1},"7"]', 'null', '[]'),
	fc.json({ maxDepth: 2 }),
);
/** Objects as text, since JavaScript itself would put their keys in another order. */
const row = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 5 });

describe('columns that nobody declared', () => {
	it.each<[ResultEncoding, string]>([
		['ndjson', '{"region":"EU","2026":1,"2025":2}\n{"2024":3,"note":"x","2023":4}\n'],
		['json', '[{"region":"EU","2026":1,"2025":2},\n{"2024":3,"note":"x","2023":4}]'],
		['json', '{"rows":[{"region":"EU","2026":1,"2025":2},{"2024":3,"note":"x","2023":4}]}'],
	])('stand in the order of the keys of %s, also where these are years', async (encoding, text) => {
		expect(await headOf(text, { encoding })).toBe('"region","2026","2025","2024","note","2023"');
	});

	it('stand in the order in which any keys are first seen, wherever chunks end', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(row, { minLength: 1, maxLength: 5 }),
				fc.integer({ min: 1, max: 40 }),
				async (rows, chunk) => {
					const texts = rows.map(
						(cells) =>
							`{${cells.map(([key, text]) => `${JSON.stringify(key)}: ${text}`).join(', ')}}`,
					);
					const keys = [...new Set(rows.flatMap((cells) => cells.map(([key]) => key)))];
					const expected = keys.map((key) => `"${key.replaceAll('"', '""')}"`).join(',');
					const ndjson = texts.join('\n');
					expect(await headOf(ndjson, { encoding: 'ndjson', chunk })).toBe(expected);
					const json = `[${texts.join(',')}]`;
					expect(await headOf(json, { encoding: 'json', chunk })).toBe(expected);
				},
			),
		);
	});
});
