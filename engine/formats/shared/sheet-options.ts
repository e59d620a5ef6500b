import { z } from 'zod';

import { columnOptions, limitOption, textOptions } from './table-options.ts';

export const MAX_SHEET_ROWS = 1_048_576;
export const MAX_SHEET_COLUMNS = 16_384;

/** zlib's levels: twice the work makes the file a fifth smaller. */
export const DEFLATE_LEVELS = { fast: 2, small: 7 } as const;

/** What the formats of spreadsheet programs have in common. */
export const sheetOptions = {
	...columnOptions,
	numberFormat: textOptions.numberFormat.describe(
		'How numbers look: `#,##0.00`, `0.0%`. The cell holds the number itself, every digit of it',
	),
	dateFormat: textOptions.dateFormat.describe(
		'How dates look: `dd.MM.yyyy`; ISO 8601 when omitted',
	),
	dateTimeFormat: textOptions.dateTimeFormat.describe(
		'How instants, and dates with a time, look: `dd.MM.yyyy HH:mm`',
	),
	timeZone: textOptions.timeZone
		.unwrap()
		.default('schedule')
		.describe(
			"By whose clocks instants are written, since a cell knows no zone: a name, or `schedule` for the schedule's",
		),
	zoneInHeader: z
		.boolean()
		.default(true)
		.describe('Name that zone in the header of columns of instants: `at (Europe/Berlin)`'),
	exactNumbers: z
		.enum(['auto', 'text'])
		.default('auto')
		.describe(
			'Spreadsheets keep 15 digits. `auto`: exact decimals are numbers where all of a column fit into that, ' +
				'and text otherwise; `text`: always text. Integers of 16 digits and more are text anyway',
		),
	sheet: z
		.string()
		.min(1)
		.max(200)
		.optional()
		.describe(
			"The sheet's name; default the report's title. Several result sets have names of their own",
		),
	header: z.boolean().default(true).describe('Whether the first row names the columns'),
	freeze: z.boolean().default(true).describe('Whether the header stays in sight'),
	filter: z.boolean().default(true).describe('Whether the header has buttons to filter and sort'),
	rowsPerSheet: z
		.number()
		.int()
		.min(2)
		.max(MAX_SHEET_ROWS)
		.default(MAX_SHEET_ROWS)
		.describe('Rows in a sheet, the header among them; `onLimit` says what becomes of others'),
	onLimit: limitOption(['split', 'error', 'truncate'], 'split'),
	onLongText: limitOption(['error', 'truncate'], 'error').describe(
		'Text longer than a cell holds: `error`: the delivery fails and says why; `truncate`: it is cut, ' +
			'and the file, the receipt and an event say so',
	),
	compression: z
		.enum(['fast', 'small'])
		.default('fast')
		.describe('`small` takes about twice the time for a file a fifth smaller'),
};

export type SheetOptions = z.output<z.ZodObject<typeof sheetOptions>>;
