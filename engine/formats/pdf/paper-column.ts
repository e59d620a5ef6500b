import type { Row } from '../../contract/envelope.ts';
import { cellText } from '../shared/cell-text.ts';
import type { ReportColumn, ReportTable } from '../shared/report/tables.ts';
import { SUMMARY_HEADS, summaryOf } from '../shared/report/summary.ts';
import { planTable, type PaperColumn, type TablePlan } from './columns.ts';
import type { TextShaper } from './fonts/shaper.ts';
import { LINE_ENDS } from './fonts/text.ts';
import type { Look } from './look.ts';

/** Digits at most that a sample of a number shows. */
const MOST_DIGITS = 40;

/** A column of a report on paper. */
export function paperColumn(column: ReportColumn): PaperColumn {
	const { label, align, kind, plain, grouping, profile, read, write } = column;
	return {
		title: label,
		align,
		wraps: kind === 'text' || kind === 'nested',
		...(plain && { number: { grouping, decimals: profile.decimals } }),
		samples: samplesOf(column),
		text: (row) => write(read(row)),
	};
}

function samplesOf({ kind, plain, profile, write }: ReportColumn): string[] {
	if (kind === 'boolean') return ['false'];
	if (!plain)
		return [...profile.sample.split(LINE_ENDS), write(profile.least), write(profile.greatest)];
	const whole = Math.min(profile.longestWhole, MOST_DIGITS);
	// as wide as the widest digits; a gap for three of them
	const digits = '0'.repeat(whole) + ' '.repeat(Math.floor(whole / 6));
	const point = profile.decimals > 0 ? `.${'0'.repeat(profile.decimals)}` : '';
	return [digits + point, profile.sample.slice(0, MOST_DIGITS)];
}

const NUMBERS_FROM = 2;

/** The summary as a table of its own, whose rows are there already. */
export function summaryTable(
	table: ReportTable,
	{ shaper, look, width }: { shaper: TextShaper; look: Look; width: number },
): { plan: TablePlan; rows: Row[] } {
	const cells = table.columns.map((column) => summaryOf(column, table));
	const columns = SUMMARY_HEADS.map((title, at): PaperColumn => {
		const own = cells.map((row) => row[at] ?? { text: '', grouping: false });
		const longest = own.reduce(
			(found, { text }) => (text.length > found.length ? text : found),
			'',
		);
		return {
			title,
			align: at < NUMBERS_FROM ? 'left' : 'right',
			wraps: at === 0,
			number: { grouping: at >= NUMBERS_FROM, decimals: 0 },
			samples: [longest.slice(0, 200)],
			text: (row) => cellText(row[at]),
		};
	});
	const plan = planTable(columns, { shaper, size: look.text * 0.94, widths: { portrait: width } });
	const rows = cells.map((row): Row => Object.fromEntries(row.map(({ text }, at) => [at, text])));
	return { plan, rows };
}
