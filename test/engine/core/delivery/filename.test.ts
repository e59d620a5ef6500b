import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { parseFilename, renderFilename } from '../../../../engine/core/delivery/filename.ts';
import type { FilenameValues } from '../../../../engine/core/delivery/filename.ts';
import { DEFAULT_FILENAME } from '../../../../engine/contract/delivery.ts';

const values: FilenameValues = {
	capability: 'reports',
	action: 'daily-sales',
	runId: 'run_1',
	scheduleId: 'sch_1',
	scheduleName: 'Daily sales',
	tenant: 'default',
	format: 'csv',
	name: 'sales',
	ext: 'csv',
	nominalAt: Date.UTC(2027, 0, 31, 23, 5, 9),
	windowStart: Date.UTC(2027, 0, 30, 23, 5, 9),
	windowEnd: null,
};

function render(template: string, over: Partial<FilenameValues> = {}, timeZone = 'UTC'): string {
	const parsed = parseFilename(template, 'filename');
	return renderFilename(parsed, { values: { ...values, ...over }, timeZone });
}

describe('templates', () => {
	it.each([
		[DEFAULT_FILENAME, 'reports-daily-sales-2027-01-31-230509.csv'],
		['{{capability}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}', 'reports-2027-01-31.csv'],
		['{{ capability }}.{{ ext }}', 'reports.csv'],
		['{{nominalAt:yyyyMMddTHHmmss}}.x', '20270131T230509.x'],
		['{{windowStart}}_{{windowEnd:yyyy}}.x', '2027-01-30-230509_none.x'],
		[
			'{{scheduleName}} {{tenant}} {{format}} {{runId}} {{scheduleId}}',
			'Daily sales default csv run_1 sch_1',
		],
		['plain.txt', 'plain.txt'],
		['{{nominalAt:HH.mm}}', '23.05'],
	])('%s is %s', (template, expected) => {
		expect(render(template)).toBe(expected);
	});

	it('write times in the zone of the schedule', () => {
		const template = '{{nominalAt:yyyy-MM-dd-HH}}';
		expect(render(template, {}, 'Europe/Berlin')).toBe('2027-02-01-00');
		expect(render(template, {}, 'America/Los_Angeles')).toBe('2027-01-31-15');
		expect(render(template, {}, 'Asia/Kathmandu')).toBe('2027-02-01-04');
		expect(render(template, { nominalAt: 0 })).toBe('1970-01-01-00');
		expect(render(template, { nominalAt: Date.UTC(9999, 11, 31, 23) })).toBe('9999-12-31-23');
	});

	it.each([
		"{{constructor.constructor('return process')()}}",
		'{{constructor}}',
		'{{__proto__}}',
		'{{toString}}',
		'{{capability}',
		'{capability}',
		'{{{capability}}}',
		'{{}}',
		'{{#if x}}',
		'{{capability:yyyy}}',
		'{{nominalAt:}}',
		'{{nominalAt:YYYY}}',
		'{{nominalAt:yyyy/MM}}',
		'{{nominalAt:..}}',
		'{{nominalAt:yyyy..MM}}',
		'}}',
		'{{Capability}}',
	])('refuse %s', (template) => {
		expect(() => parseFilename(template, 'delivery.targets[0].filename')).toThrow(
			expect.objectContaining({
				code: 'TEMPLATE_INVALID',
				status: 422,
				issues: [expect.objectContaining({ path: 'delivery.targets[0].filename' })],
			}),
		);
	});

	it.each([
		'',
		'..',
		'.',
		'../x',
		'/etc/x',
		'a/b',
		'a\\b',
		'.hidden',
		'a..b',
		'a\nb',
		'a\0',
		'a\u202eb',
		'a\u2028',
		'\ud800',
	])('refuse what could leave a folder: %j', (template) => {
		expect(() => parseFilename(template, 'filename')).toThrow(
			expect.objectContaining({ code: 'PATH_INVALID', status: 422 }),
		);
	});
});

describe('names', () => {
	it('are one safe segment of a path, whatever the values are', () => {
		const parsed = parseFilename('{{scheduleName}}{{capability}}.{{ext}}', 'filename');
		fc.assert(
			fc.property(
				fc.string({ unit: 'binary', maxLength: 300 }),
				fc.string({ unit: 'grapheme', maxLength: 300 }),
				(scheduleName, capability) => {
					const name = renderFilename(parsed, {
						values: { ...values, scheduleName, capability },
						timeZone: 'UTC',
					});
					expect(name).not.toMatch(/[/\\\p{Cc}]|^\.|\.\./u);
					expect(name).not.toBe('');
					expect(name.isWellFormed()).toBe(true);
					expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(255);
				},
			),
		);
	});

	it.each([
		['../../etc/passwd', '__._etc_passwd.csv'],
		['a/b\\c:d', 'a_b_c_d.csv'],
		['', '_csv'],
		['..', '_csv'],
	])('from the schedule name %j: %s', (scheduleName, expected) => {
		expect(render('{{scheduleName}}.{{ext}}', { scheduleName })).toBe(expected);
	});

	it('keep their extension when they are shortened', () => {
		const name = render('{{scheduleName}}.{{ext}}', { scheduleName: '報'.repeat(200) });
		expect(name).toMatch(/^報+\.csv$/u);
		expect(new TextEncoder().encode(name).length).toBe(255 - ((255 - 4) % 3));
	});
});
