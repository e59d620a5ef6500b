import type { ReportChart } from '../shared/report/charts.ts';
import type { ReportTable } from '../shared/report/tables.ts';
import { factsOf } from './facts.ts';
import { counted, digits } from './numbers.ts';
import { pictureMarkup } from './picture.ts';
import type { Report } from './report.ts';
import { styleOf } from './style.ts';
import { aboutColumns } from './summary.ts';
import { Html, markup } from './template.ts';

/** Nothing may load or run, whatever else holds: a second lock behind the escaping. */
const policyOf = (withLogo: boolean): string =>
	`default-src 'none'; style-src 'unsafe-inline'; ${withLogo ? 'img-src data:; ' : ''}` +
	"base-uri 'none'; form-action 'none'";

export function opening(report: Report): Html {
	const { title, meta, options } = report;
	const { logo } = options.theme;
	const picture =
		logo === undefined
			? null
			: markup`<img class="logo" src="${logo}" alt="">
`;
	return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(logo !== undefined)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="CapScheduler">
<title>${title}</title>
<style>${Html.trusted(styleOf(report))}</style>
</head>
<body>
<header>
${picture}<p class="origin">${meta.capability} / ${meta.action}</p>
<h1>${title}</h1>
<p class="size">${sizeOf(report.tables)}</p>
${factsOf(meta)}</header>
<main>
`;
}

export function sizeOf(tables: readonly ReportTable[]): Html {
	const [only] = tables;
	if (only && tables.length === 1) {
		const rows = counted(only.rowCount, 'row', 'rows');
		return markup`${rows}, ${counted(only.columns.length, 'column', 'columns')}`;
	}
	const rows = tables.reduce((sum, { rowCount }) => sum + rowCount, 0);
	return markup`${counted(tables.length, 'table', 'tables')}, ${counted(rows, 'row', 'rows')}`;
}

export const closing = ({ meta }: Report): Html => markup`</main>
<footer>${meta.runId === null ? 'Made' : `Run ${meta.runId}, made`} by CapScheduler</footer>
</body>
</html>
`;

/** What stands before the rows of a table. */
export function sectionOpening(report: Report, table: ReportTable, number: number): Html {
	const { tables, charts, options } = report;
	const heading =
		tables.length === 1
			? null
			: markup`<h2>${table.name}</h2>
<p class="size">${sizeOf([table])}</p>
`;
	const pictures = charts.map((chart, at) =>
		chart.table === table ? figure(chart, at, report) : null,
	);
	const summary = options.summary && table.rowCount > 0 ? aboutColumns(table) : null;
	return markup`<section class="t${number}">
${heading}${pictures}${summary}${notice(table)}${table.rowCount === 0 ? NO_ROWS : tableHead(table)}`;
}

export const sectionClosing = (table: ReportTable): Html =>
	table.rowCount === 0
		? SECTION_END
		: markup`</tbody>
</table>
</div>
${SECTION_END}`;

const SECTION_END = markup`</section>
`;
const NO_ROWS = markup`<p class="none">No rows. The run succeeded and returned nothing.</p>
`;

function figure(chart: ReportChart, number: number, { options }: Report): Html {
	const { picture, title, remarks } = chart;
	const drawn = picture ? pictureMarkup(picture, { number, title, theme: options.theme }) : null;
	const kind = picture ? 'remark' : 'notice';
	return markup`<figure>
${
	title === ''
		? null
		: markup`<figcaption>${title}</figcaption>
`
}${drawn}${remarks.map(
		(remark) => markup`<p class="${kind}">${remark}</p>
`,
	)}</figure>
`;
}

function notice({ rowCount, shown }: ReportTable): Html | null {
	if (shown >= rowCount) return null;
	const [some, all] = [digits(String(shown)), digits(String(rowCount))];
	return markup`<p class="notice" role="note"><b>Not all rows are here.</b> This page shows the first ${some} of ${all} rows. The other formats hold all of them, and the option <code>maxRows</code> makes this page longer.</p>
`;
}

function tableHead({ columns, name }: ReportTable): Html {
	const heads = columns.map(({ label }) => markup`<th scope="col">${label}</th>`);
	return markup`<div class="scroll" tabindex="0" role="region" aria-label="${name === '' ? 'Rows' : name}">
<table class="rows">
<thead><tr>${heads}</tr></thead>
<tbody>
`;
}
