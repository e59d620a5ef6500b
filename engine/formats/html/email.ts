import type { Row } from '../../contract/envelope.ts';
import { encodeText } from '../shared/encode-text.ts';
import type { ReportChart } from '../shared/report/charts.ts';
import { SUMMARY_HEADS, summaryOf } from '../shared/report/summary.ts';
import { CATEGORIES } from '../shared/chart/config.ts';
import type { ReportColumn, ReportTable } from '../shared/report/tables.ts';
import type { Align } from '../shared/table.ts';
import { barsOf, type Bar } from './bars.ts';
import { textFacts } from './facts.ts';
import { sizeOf } from './page.ts';
import type { Report } from './report.ts';
import { Html, markup } from './template.ts';

/*
 * Mail programs know tables and styles inside elements; some know the style sheet in the head, which here
 * only makes the dark bearable, and none need it.
 */

const FONT = 'font-family:Segoe UI,Roboto,Helvetica,Arial,sans-serif';
const SOFT = '#59636e';
const DARK = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.paper{background:#14171b!important}
.ink{color:#e4e8ec!important}
.soft{color:#a2acb6!important}
.stripe{background:#1e2329!important}
.note{background:#2b2412!important;color:#f3d48c!important}
}`;

export async function* renderEmail(report: Report): AsyncGenerator<Uint8Array> {
	yield Buffer.from(String(head(report)));
	for (const table of report.tables) {
		yield* encodeText(table.rows(), {
			opening: String(sectionHead(report, table)),
			each: (row, index) => String(tableRow(row, index, table.columns)),
			closing: () => String(table.rowCount === 0 ? SECTION_END : markup`</table>${SECTION_END}`),
		});
	}
	yield Buffer.from(String(foot(report)));
}

const style = (text: string): Html => markup` style="${text}"`;

function head(report: Report): Html {
	const { title, meta, options, tables } = report;
	const { accent, ink, logo } = options.theme;
	const facts = textFacts(meta).map(
		({ name, text }) =>
			markup`<tr><td class="soft"${style(`padding:2px 16px 2px 0;color:${SOFT};font-size:12px;white-space:nowrap;vertical-align:top`)}>${name}</td><td class="ink"${style(`padding:2px 0;color:${ink};font-size:13px`)}>${text}</td></tr>
`,
	);
	return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="generator" content="CapScheduler">
<title>${title}</title>
<style>${Html.trusted(DARK)}</style>
</head>
<body class="paper"${style('margin:0;padding:0;background:#ffffff')}>
<table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" border="0"${style('background:#ffffff;border-collapse:collapse')}>
<tr><td${style(`height:4px;line-height:4px;font-size:4px;background:${accent}`)}>&nbsp;</td></tr>
<tr><td${style(`padding:24px 20px;${FONT}`)}>
${
	logo === undefined
		? null
		: markup`<img src="${logo}" alt="" height="44"${style('display:block;height:44px;border:0;margin:0 0 16px')}>
`
}<p class="soft"${style(`margin:0;color:${accent};font-size:13px;font-weight:600`)}>${meta.capability} / ${meta.action}</p>
<h1 class="ink"${style(`margin:4px 0;color:${ink};font-size:24px;line-height:30px;font-weight:600`)}>${title}</h1>
<p class="soft"${style(`margin:0 0 16px;color:${SOFT};font-size:15px`)}>${sizeOf(tables)}</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0"${style('border-collapse:collapse;margin:0 0 20px')}>
${facts}</table>
`;
}

function sectionHead(report: Report, table: ReportTable): Html {
	const { tables, charts, options } = report;
	const { ink } = options.theme;
	const heading =
		tables.length === 1
			? null
			: markup`${title(table.name, ink)}<p class="soft"${style(`margin:0 0 12px;color:${SOFT};font-size:13px`)}>${sizeOf([table])}</p>
`;
	const pictures = charts.map((chart) => (chart.table === table ? figure(chart, report) : null));
	if (table.rowCount === 0) {
		return markup`${heading}${pictures}<p class="soft"${style(`color:${SOFT};font-size:14px`)}>No rows. The run succeeded and returned nothing.</p>
`;
	}
	const summary = options.summary ? about(table, ink) : null;
	return markup`${heading}${pictures}${summary}${notice(table)}${tableHead(table.columns, ink)}`;
}

const SECTION_END = markup`
`;

const title = (text: string, ink: string): Html =>
	markup`<h2 class="ink"${style(`margin:20px 0 8px;color:${ink};font-size:16px;font-weight:600`)}>${text}</h2>
`;

function notice({ rowCount, shown }: ReportTable): Html | null {
	if (shown >= rowCount) return null;
	return note(
		`Not all rows are here: these are the first ${shown} of ${rowCount}. The other formats hold all of them.`,
	);
}

const note = (text: string): Html =>
	markup`<p class="note"${style('margin:12px 0;padding:10px 14px;background:#fff6e0;color:#7a4d00;font-size:13px')}>${text}</p>
`;

/** Said once a table: a hundred rows are to fit into what mail programs show of a message. */
const gridStyle = (ink: string): string =>
	`border-collapse:collapse;color:${ink};font-size:13px;text-align:left;margin:0 0 20px`;

function tableHead(columns: readonly ReportColumn[], ink: string): Html {
	const heads = columns.map(({ label, align }) => headCell(label, align));
	return markup`<table class="ink" cellpadding="5" cellspacing="0" border="0"${style(gridStyle(ink))}>
<tr>${heads}</tr>
`;
}

function headCell(label: string, align: Align): Html {
	return markup`<th class="soft"${style(`border-bottom:2px solid #b4bdc6;color:${SOFT};font-weight:600;text-align:${align}`)}>${label}</th>`;
}

const STRIPE = markup` class="stripe"${style('background:#f4f6f8')}`;

function tableRow(row: Row, index: number, columns: readonly ReportColumn[]): Html {
	const cells = columns.map(({ read, write, align }) => bodyCell(write(read(row)), align));
	return markup`<tr valign="top"${index % 2 === 1 ? STRIPE : null}>${cells}</tr>
`;
}

/** Longer words than this make a table wider than a window, unless they may be broken. */
const LONG_WORD = /\S{30}/;

function bodyCell(text: string, align: Align): Html {
	const breaks = LONG_WORD.test(text) ? ';word-break:break-word' : '';
	if (align === 'left' && breaks === '') return markup`<td>${text}</td>`;
	return markup`<td${style(`text-align:${align}${breaks}`)}>${text}</td>`;
}

const TEXTS = 2;

function about(table: ReportTable, ink: string): Html {
	const alignOf = (at: number): Align => (at < TEXTS ? 'left' : 'right');
	const rows = table.columns.map((column, index) => {
		const cells = summaryOf(column, table).map(({ text }, at) => bodyCell(text, alignOf(at)));
		return markup`<tr valign="top"${index % 2 === 1 ? STRIPE : null}>${cells}</tr>
`;
	});
	return markup`${title('About the columns', ink)}<table class="ink" cellpadding="5" cellspacing="0" border="0"${style(gridStyle(ink))}>
<tr>${SUMMARY_HEADS.map((text, at) => headCell(text, alignOf(at)))}</tr>
${rows}</table>
`;
}

function figure(chart: ReportChart, { options }: Report): Html {
	const { accent, ink } = options.theme;
	const drawn = barsOf(chart);
	const remarks = [...chart.remarks];
	if (!drawn && chart.plan) {
		remarks.push(
			'This chart is in the page and in the PDF: mail programs show no pictures of its kind.',
		);
	}
	if (drawn && drawn.step > 1) remarks.push(`One of ${drawn.step} places is shown.`);
	const table =
		drawn &&
		markup`<table cellpadding="0" cellspacing="0" border="0" width="100%"${style('border-collapse:collapse;max-width:640px')}>
${drawn.bars.map((bar) => barRow(bar, accent, ink))}</table>
`;
	return markup`${title(chart.title, ink)}${table}${remarks.map((text) => (drawn ? small(text) : note(text)))}`;
}

const small = (text: string): Html =>
	markup`<p class="soft"${style(`margin:6px 0 0;color:${SOFT};font-size:12px`)}>${text}</p>
`;

function barRow({ label, series, colour, value, length }: Bar, accent: string, ink: string): Html {
	const fill = [accent, ...CATEGORIES][colour % (CATEGORIES.length + 1)] ?? accent;
	const bar =
		length === 0
			? null
			: markup`<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="${length}%"><tr><td${style(`height:12px;line-height:12px;font-size:1px;background:${fill}`)}>&nbsp;</td></tr></table>`;
	const text = 'padding:2px 10px 2px 0;font-size:12px';
	const name =
		series === ''
			? null
			: markup`<td class="soft" width="16%"${style(`${text};color:${SOFT}`)}>${series}</td>`;
	return markup`<tr><td class="soft" width="20%"${style(`${text};color:${SOFT}`)}>${label}</td>${name}<td>${bar}</td><td class="ink" width="14%"${style(`${text};color:${ink};text-align:right`)}>${value}</td></tr>
`;
}

function foot({ meta }: Report): Html {
	return markup`<p class="soft"${style(`margin:24px 0 0;color:${SOFT};font-size:11px`)}>${meta.runId === null ? 'Made' : `Run ${meta.runId}, made`} by CapScheduler</p>
</td></tr>
</table>
</body>
</html>
`;
}
