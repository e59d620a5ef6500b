/**
 * Spreadsheets take text that begins with `= + - @` for a formula, even after blanks, and a cell of many
 * lines can be torn apart by a careless import. Such lines get an apostrophe in front, which spreadsheets
 * read as "this is text". Quoting does not help: it is gone before the cell is looked at.
 */

/** Also the wide and small forms that East Asian input methods give and spreadsheets fold. */
const SIGNS = '=+\\-@＝＋－＠﹦﹢﹣﹫';
/** What an import may drop before it looks: blanks, control and invisible characters. */
const IGNORED = '\\s\\p{Cc}\\p{Cf}\\p{Z}';
/** A beginning of a cell or line; the dangerous ones are tab, carriage return, or a sign after ignored characters. */
const DANGEROUS = new RegExp(`^(?:[\\t\\r]|[${IGNORED}]*[${SIGNS}])`, 'u');
/** Digits with what parts them in any language, a sign of a currency, an exponent, a per cent sign. */
const GAP = '[ \\u00a0\\u202f]';
const NUMBER = new RegExp(
	`^[ \\t]*[+-]?(?:\\p{Sc}${GAP}?)?(?:\\d+(?:[.,'\\u2019 \\u00a0\\u202f]\\d+)*|[.,]\\d+)` +
		`(?:[eE][+-]?\\d+)?${GAP}?(?:%|\\p{Sc})?[ \\t]*$`,
	'u',
);
const LINE_BREAK = /(\r\n|[\n\r\v\f\u0085\u2028\u2029])/;

const guardLine = (line: string): string =>
	DANGEROUS.test(line) && (!NUMBER.test(line) || /^[\t\r]/.test(line)) ? `'${line}` : line;

/** The cell with an apostrophe before each line that a spreadsheet could run. Plain numbers stay as they are. */
export function guardFormula(cell: string): string {
	if (!LINE_BREAK.test(cell)) return guardLine(cell);
	// a break at the very beginning is a leading character as well as a break
	const lines = cell
		.split(LINE_BREAK)
		.map((part, index) => (index % 2 === 0 ? guardLine(part) : part));
	const guarded = lines.join('');
	return guarded.startsWith('\r') ? `'${guarded}` : guarded;
}
