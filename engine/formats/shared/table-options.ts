import { z } from 'zod';

import { COLUMN_TYPES } from './column-type.ts';
import { readMomentPattern } from './moment-pattern.ts';
import { readNumberPattern } from './number-pattern.ts';
import { isTimeZone } from './zone.ts';

/*
 * Options that formats share. A format spreads the groups that mean something to it into its own strict
 * object, so that the same wish has the same name everywhere: see README.md one folder up.
 */

const MAX_COLUMNS = 2000;
const name = z.string().min(1).max(500);

const isSet = (names: readonly string[]): boolean => new Set(names).size === names.length;

export const numberPattern = z
	.string()
	.max(60)
	.refine((text) => readNumberPattern(text) !== undefined, {
		error: 'a number pattern such as #,##0.00 or 0.0%',
	});

export const momentPattern = z
	.string()
	.max(100)
	.refine((text) => readMomentPattern(text) !== undefined, {
		error: 'a date pattern such as dd.MM.yyyy HH:mm',
	});

const columnSchema = z.strictObject({
	name: name.describe('The key in the rows'),
	label: z
		.string()
		.max(500)
		.optional()
		.describe('What it is called in the file; its name otherwise, or its title where people read'),
	type: z
		.enum(COLUMN_TYPES)
		.optional()
		.describe('What its values are; refused when one of them is no such thing'),
	pattern: z
		.string()
		.max(100)
		.refine((text) => readNumberPattern(text) ?? readMomentPattern(text), {
			error: 'a number or date pattern',
		})
		.optional()
		.describe('How its numbers or dates are written, in place of the patterns for all columns'),
	align: z.enum(['left', 'right', 'center']).optional().describe('Where it is seen; numbers right'),
});

/** Which columns and tables, in what order, and how far values are read. */
export const columnOptions = {
	columns: z
		.array(
			z.union([
				name.transform((text): z.output<typeof columnSchema> => ({ name: text })),
				columnSchema,
			]),
		)
		.min(1)
		.max(MAX_COLUMNS)
		.refine((columns) => isSet(columns.map((column) => column.name)), {
			error: 'each column once',
		})
		.optional()
		.describe(
			'Which columns, in this order, by name or with label, type and pattern; all when omitted',
		),
	omit: z
		.array(name)
		.max(MAX_COLUMNS)
		.default([])
		.describe('Columns to leave out, where `columns` does not choose'),
	rename: z
		.record(name, z.string().min(1).max(500))
		.default({})
		.describe('What columns are called in the file: `{ "amount": "Amount in EUR" }`'),
	tables: z
		.array(name)
		.min(1)
		.max(500)
		.refine(isSet, { error: 'each table once' })
		.optional()
		.describe('Of a result with several result sets: which, in this order; all when omitted'),
	nested: z
		.enum(['json', 'flatten'])
		.default('json')
		.describe(
			'Objects in a row: one cell of JSON, or a column for each of their fields: `address.city`',
		),
	readText: z
		.enum(['auto', 'none', 'moments', 'all'])
		.default('auto')
		.describe(
			'Texts that are dates or instants (`moments`), or also numbers and booleans (`all`), all down a column, ' +
				'count as such. `auto`: `all` for results that came as CSV, `moments` otherwise',
		),
};

/** How values are written where people read them. Without any of these nothing is changed. */
export const textOptions = {
	nullText: z.string().max(100).default('').describe('What stands where there is no value'),
	locale: z
		.string()
		.max(35)
		.refine(isLocale, { error: 'a language tag such as de or en-GB' })
		.optional()
		.describe('Whose decimal marks, digits in groups and names of months; `de`, `en-GB`'),
	numberFormat: numberPattern
		.optional()
		.describe('A pattern for numbers: `#,##0.00`, `0.0%`; every digit when omitted'),
	dateFormat: momentPattern.optional().describe('A pattern for dates: `dd.MM.yyyy`'),
	dateTimeFormat: momentPattern
		.optional()
		.describe('A pattern for instants, and dates with a time: `dd.MM.yyyy HH:mm`'),
	timeZone: z
		.string()
		.max(60)
		.refine((zone) => zone === 'schedule' || isTimeZone(zone), {
			error: 'an IANA time zone, or `schedule`',
		})
		.optional()
		.describe(
			"By whose clocks instants are written; `schedule`: the schedule's zone. Omitted: as they came, " +
				"and by the schedule's zone where a pattern is given",
		),
};

export type LimitChoice = 'error' | 'split' | 'truncate';

/** What happens beyond a limit of the format, of the choices that it offers. */
export function limitOption<const C extends LimitChoice>(
	choices: readonly [C, ...C[]],
	otherwise: C,
) {
	const words: Record<LimitChoice, string> = {
		error: '`error`: the delivery fails and says why',
		split: '`split`: several sheets or files',
		truncate: '`truncate`: the file shows what fits, and says so, as do the receipt and an event',
	};
	return z
		.enum(choices)
		.default(otherwise as never)
		.describe(`Beyond a limit of the format. ${choices.map((choice) => words[choice]).join('; ')}`);
}

function isLocale(tag: string): boolean {
	try {
		return Intl.NumberFormat.supportedLocalesOf(tag).length > 0;
	} catch {
		return false;
	}
}

export type ColumnOptions = z.output<z.ZodObject<typeof columnOptions>>;
export type TextOptions = z.output<z.ZodObject<typeof textOptions>>;
