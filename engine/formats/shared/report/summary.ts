import type { Kind, ReportColumn, ReportTable } from './tables.ts';

const KIND_WORDS = {
	empty: 'empty',
	number: 'number',
	date: 'date',
	boolean: 'yes or no',
	nested: 'nested',
	text: 'text',
} as const satisfies Record<Kind, string>;

/** More decimals than these in a sum or mean are noise. */
const MAX_DECIMALS = 6;

export const SUMMARY_HEADS = [
	'Column',
	'Kind',
	'Values',
	'Empty',
	'From',
	'To',
	'Mean',
	'Sum',
] as const;

/** One cell of a summary: text, or a number that may be shown with its digits in groups. */
export interface SummaryCell {
	text: string;
	grouping: boolean;
}

/** What is in a column, over all rows, also those that the report leaves out; as SUMMARY_HEADS says. */
export function summaryOf(column: ReportColumn, { rowCount }: ReportTable): SummaryCell[] {
	const { kind, profile, label, write, plain, grouping } = column;
	const ordered = kind === 'number' || kind === 'date';
	const bound = (value: ReportColumn['profile']['least']): SummaryCell =>
		cell(ordered ? write(value) : '', grouping);
	const empty = rowCount - profile.filled;
	const totals = kind === 'number' ? profile.totals : undefined;
	const decimals = Math.min(profile.decimals, MAX_DECIMALS);
	const total = (value: number | undefined, digits: number): SummaryCell => {
		if (value === undefined) return cell('', false);
		const text = rounded(value, digits);
		return plain ? cell(text, true) : cell(write(Number(text)), false);
	};
	return [
		cell(label, false),
		cell(KIND_WORDS[kind], false),
		cell(String(profile.filled), true),
		cell(empty === 0 ? '' : String(empty), true),
		bound(profile.least),
		bound(profile.greatest),
		total(totals?.mean, decimals + 2),
		total(totals?.sum, decimals),
	];
}

function cell(text: string, grouping: boolean): SummaryCell {
	return { text, grouping };
}

/** A computed number with at most so many decimals, without trailing zeros. */
export function rounded(value: number, decimals: number): string {
	const text = value.toFixed(Math.min(decimals, 20));
	return text.includes('e') || !text.includes('.') ? text : text.replace(/\.?0+$/, '');
}
