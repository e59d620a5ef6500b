import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import type { JsonValue } from '../../../engine/contract/json.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { cutText, firstRows, refuseBeyond } from '../../../engine/formats/shared/limits.ts';
import { limitOption } from '../../../engine/formats/shared/table-options.ts';
import { kindOfCell } from '../../../engine/formats/shared/values.ts';
import { inputOf } from '../../support/format-input.ts';

describe('limits', () => {
	it('offer the choices that a format has, and say what they mean', () => {
		const option = limitOption(['error', 'truncate'], 'truncate');
		expect(option.parse(undefined)).toBe('truncate');
		expect(option.safeParse('split').success).toBe(false);
		expect(z.toJSONSchema(option)).toMatchObject({
			default: 'truncate',
			description: expect.stringMatching(/`error`: .*`truncate`: /) as unknown,
		});
	});

	it.each([0, 1, 2, 3, 4, 99])('take the first %i rows and read no further', async (count) => {
		const input = inputOf([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }], { batchSize: 2 });
		const rows = [];
		for await (const batch of firstRows(input.rows(), count)) rows.push(...batch);
		expect(rows).toHaveLength(Math.min(count, 4));
		expect(input.readers.given).toBe(count === 0 ? 0 : Math.min(4, Math.ceil(count / 2) * 2));
		expect(input.readers.closed).toBe(input.readers.opened);
	});

	it('cut no character in two', () => {
		expect(cutText('abc', 3)).toBe('abc');
		expect(cutText('abc', 2)).toBe('ab');
		expect(cutText('a😀b', 2)).toBe('a');
		expect(cutText('a😀b', 3)).toBe('a😀');
	});

	it('are refused by name', () => {
		expect(() => refuseBeyond('xlsx', { what: 'rows', limit: 5 })).toThrow(
			/xlsx holds at most 5 rows/,
		);
	});
});

it('tells what a cell of several kinds is', () => {
	const exact = parseJson('9007199254740993');
	const cells = [1, 'a', true, [1], { a: 1 }, exact] as NonNullable<JsonValue>[];
	expect(cells.map(kindOfCell)).toEqual(['number', 'string', 'boolean', 'json', 'json', 'exact']);
});
