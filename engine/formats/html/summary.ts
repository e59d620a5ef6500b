import { digits, rounded } from './numbers.ts';
import type { ColumnProfile, Kind, Profile } from './profile.ts';
import { markup, type Html } from './template.ts';

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
const HEADS = ['Column', 'Kind', 'Values', 'Empty', 'Least', 'Greatest', 'Mean', 'Sum'];

/** What is in the columns, over all rows, also those that the page leaves out. */
export function aboutColumns(profile: Profile, titles: ReadonlyMap<string, string>): Html {
	const rows = profile.columns.map((column) => {
		const cells = [titles.get(column.name) ?? column.name, ...aboutColumn(column, profile.rows)];
		return markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>
`;
	});
	return markup`<details open>
<summary>About the columns</summary>
<div class="scroll">
<table class="about">
<thead><tr>${HEADS.map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>
</details>
`;
}

function aboutColumn(column: ColumnProfile, rows: number): (string | Html | null)[] {
	const ordered = column.kind === 'number' || column.kind === 'date';
	const bound = (text: string | undefined): string | Html | null =>
		text === undefined || !ordered ? null : column.grouping ? digits(text) : text;
	const empty = rows - column.filled;
	const totals = column.totals();
	const decimals = Math.min(column.decimals, MAX_DECIMALS);
	return [
		KIND_WORDS[column.kind],
		digits(String(column.filled)),
		empty === 0 ? null : digits(String(empty)),
		bound(column.least),
		bound(column.greatest),
		totals ? digits(rounded(totals.mean, decimals + 2)) : null,
		totals ? digits(rounded(totals.sum, decimals)) : null,
	];
}
