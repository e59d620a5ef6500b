import { SUMMARY_HEADS, summaryOf } from '../shared/report/summary.ts';
import type { ReportTable } from '../shared/report/tables.ts';
import { digits } from './numbers.ts';
import { markup, type Html } from './template.ts';

/** What is in the columns, over all rows, also those that the page leaves out. */
export function aboutColumns(table: ReportTable): Html {
	const rows = table.columns.map((column) => {
		const cells = summaryOf(column, table).map(({ text, grouping }) =>
			grouping ? digits(text) : text,
		);
		return markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>
`;
	});
	return markup`<details open>
<summary>About the columns</summary>
<div class="scroll">
<table class="about">
<thead><tr>${SUMMARY_HEADS.map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>
</details>
`;
}
