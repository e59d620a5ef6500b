import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { drawReportCharts, type ReportChart } from '../shared/report/charts.ts';
import { DEFAULT_MAX_ROWS, EMAIL_MAX_ROWS, HIGHEST_MAX_ROWS } from '../shared/report/options.ts';
import { openReport } from '../shared/report/tables.ts';
import { barsOf } from './bars.ts';
import { renderEmail } from './email.ts';
import { htmlOptionsSchema, type HtmlOptions } from './options.ts';
import { closing, opening, sectionClosing, sectionOpening } from './page.ts';
import type { Report } from './report.ts';
import { rowWriter } from './rows.ts';

/** Of a chart: points of a screen, and of its labels. */
const CHART = { width: 760, fontSize: 11 };

/** A page that a person likes to read. The rows are read twice: to know what they are, and to write them. */
export function createHtmlFormat(): Format {
	return {
		name: 'html',
		title: 'Web page',
		contentType: 'text/html; charset=utf-8',
		extension: 'html',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {
			rows: HIGHEST_MAX_ROWS,
			rowsByDefault: DEFAULT_MAX_ROWS,
			rowsByDefaultInEmail: EMAIL_MAX_ROWS,
		},
		options: htmlOptionsSchema,
		async *render(input, given) {
			const options = htmlOptionsSchema.parse(given);
			const report = await open(input, options);
			yield* options.email ? renderEmail(report) : renderPage(report);
		},
	};
}

async function open(input: FormatInput, options: HtmlOptions): Promise<Report> {
	const maxRows = options.email ? EMAIL_MAX_ROWS : DEFAULT_MAX_ROWS;
	const tables = await openReport(input, options, { format: 'html', maxRows });
	const pictures = !options.email;
	const charts = await drawReportCharts(tables, { input, options, ...CHART, pictures });
	if (options.email) tellBars(charts, input);
	return { title: options.title ?? input.meta.title, meta: input.meta, tables, charts, options };
}

async function* renderPage(report: Report): AsyncGenerator<Uint8Array> {
	yield Buffer.from(String(opening(report)));
	for (const [number, table] of report.tables.entries()) {
		yield* encodeText(table.rows(), {
			opening: String(sectionOpening(report, table, number)),
			each: rowWriter(table.columns),
			closing: () => String(sectionClosing(table)),
		});
	}
	yield Buffer.from(String(closing(report)));
}

/** A mail shows bars of some charts, and not of others: the receipt says so too. */
function tellBars(charts: readonly ReportChart[], input: FormatInput): void {
	const less = charts.filter((chart) => chart.plan && (barsOf(chart)?.step ?? 0) !== 1).length;
	if (less === 0) return;
	input.notice?.({
		code: 'chart_reduced',
		message: 'Charts are not in the email, or with fewer bars: mail programs show no vectors.',
		count: less,
	});
}
