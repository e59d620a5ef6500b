import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { CapError } from '../../../engine/contract/errors.ts';
import { nearest } from '../../../engine/contract/nearest.ts';
import { scheduleInputSchema } from '../../../engine/contract/schedule.ts';
import { parseInput, pathText } from '../../../engine/contract/zod-issues.ts';

function issuesOf(schema: z.ZodType, input: unknown) {
	try {
		parseInput(schema, input);
	} catch (error) {
		if (error instanceof CapError) return error.issues;
	}
	throw new Error('accepted');
}

describe('what is wrong with an input', () => {
	it.each([
		[
			{ timing: { crn: '* * * * *' } },
			'timing.crn',
			'a known field, perhaps "cron"',
			'a field that is not known',
		],
		[
			{ policies: { retry: { attempt: 3 } } },
			'policies.retry.attempt',
			'a known field, perhaps "attempts"',
			undefined,
		],
		[
			{ delivery: { targets: [{ chanel: 'x' }] } },
			'delivery.targets[0].chanel',
			'a known field, perhaps "channel"',
			undefined,
		],
		[{ policies: { timeout: true } }, 'policies.timeout', 'a string or a number', 'true'],
		[
			{ policies: { overlap: 'drop' } },
			'policies.overlap',
			'one of "skip", "buffer_one", "buffer_all", "cancel_other", "allow_all"',
			'"drop"',
		],
		[{ action: 7 }, 'action', 'a string', '7'],
		[{ action: 'No' }, 'action', 'a name of 1 to 63 characters', '"No"'],
		[{ name: '' }, 'name', 'at least 1 characters', '""'],
		[
			{ notify: Array(11).fill({ url: 'https://example.org' }) },
			'notify',
			'at most 10 items',
			'a list of 11',
		],
		[{ labels: { 'a b': 'x' } }, 'labels["a b"]', 'a key with', '"x"'],
		[{}, 'action', 'a string', 'nothing'],
	])('%j: %s, expected %s', (input, path, expected, received) => {
		const issue = issuesOf(scheduleInputSchema, input).find((each) => each.path === path);
		expect(issue?.expected).toContain(expected);
		if (received !== undefined) expect(issue?.received).toBe(received);
	});

	it.each([[{ alert: {} }, 'alert']])(
		'%j: says that %s is not built yet, and what to send',
		(input, path) => {
			const complete = { action: 'go', timing: { in: '1h' }, ...input };
			expect(() => parseInput(scheduleInputSchema, complete)).toThrow(
				expect.objectContaining({
					code: 'UNSUPPORTED_FIELD',
					issues: [
						{ path, expected: 'it in "delivery"', received: 'a field that is not built yet' },
					],
				}),
			);
			expect(() => parseInput(scheduleInputSchema, { ...complete, action: 7 })).toThrow(
				expect.objectContaining({ code: 'INVALID_REQUEST' }),
			);
		},
	);

	it.each([
		[{ time: 'in 1h', frequency: '@daily' }, '"time" and "frequency"'],
		[{}, 'none'],
	])('%j: names the timings that came', (input, received) => {
		expect(issuesOf(scheduleInputSchema, { action: 'go', ...input })).toEqual([
			expect.objectContaining({ path: 'timing', received }),
		]);
	});

	it('names all fields when none is near', () => {
		const [issue] = issuesOf(
			z.strictObject({ from: z.string().optional(), to: z.string().optional() }),
			{ zzz: 1 },
		);
		expect(issue?.expected).toBe('one of the fields from, to');
	});

	it('never shows what sounds secret', () => {
		const schema = z.strictObject({
			secret: z.number(),
			auth: z.strictObject({ apiKey: z.number() }),
		});
		const text = JSON.stringify(issuesOf(schema, { secret: 'hush', auth: { apiKey: 'hush' } }));
		expect(text).not.toContain('hush');
	});

	it('stays short, however much is wrong', () => {
		const input = { items: Array.from({ length: 1000 }, () => 'x'.repeat(1000)) };
		const issues = issuesOf(z.strictObject({ items: z.array(z.number()) }), input);
		expect(issues).toHaveLength(20);
		expect(JSON.stringify(issues).length).toBeLessThan(5000);
	});
});

it('paths quote odd keys and cut long ones', () => {
	expect(pathText(['a', 0, 'b c', 'd'])).toBe('a[0]["b c"].d');
	expect(pathText(['x'.repeat(1000)]).length).toBeLessThan(100);
	expect(pathText([])).toBe('body');
});

it.each([
	['crn', 'cron'],
	['corn', 'cron'],
	['timezone', 'timeZone'],
	['parameter', 'parameters'],
	['zone', undefined],
	['x', undefined],
])('the nearest of the known to %s is %s', (name, known) => {
	expect(nearest(name, ['cron', 'timeZone', 'parameters', 'every'])).toBe(known);
});
