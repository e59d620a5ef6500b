import type { FormatInput } from '../format.port.ts';
import { drawReportCharts, type ReportChart } from '../shared/report/charts.ts';
import { openReport, type ReportTable } from '../shared/report/tables.ts';
import { readLogo } from '../shared/report/theme.ts';
import { Flow } from './blocks.ts';
import { planTable, type TablePlan } from './columns.ts';
import { TextShaper } from './fonts/shaper.ts';
import { drawFront } from './front.ts';
import { lookOf, pageSize, type Look, type PageSize } from './look.ts';
import { tellMissing } from './missing.ts';
import type { PdfOptions } from './options.ts';
import { Pages } from './pages.ts';
import { drawPicture } from './picture.ts';
import { paperColumn, summaryTable } from './paper-column.ts';
import { TablePainter } from './table.ts';

/** What all parts of one document share. */
interface Report {
	input: FormatInput;
	options: PdfOptions;
	title: string;
	shaper: TextShaper;
	look: Look;
	pages: Pages;
	flow: Flow;
}

interface Section {
	table: ReportTable;
	plan: TablePlan;
	size: PageSize;
	charts: readonly ReportChart[];
}

/** The document, page by page: a page is handed out when it is full. */
export async function* renderPdf(
	input: FormatInput,
	options: PdfOptions,
): AsyncGenerator<Uint8Array> {
	const tables = await openReport(input, options, { format: 'pdf' });
	const report = begin(input, options);
	try {
		const sections = await plan(report, tables);
		for (const [index, section] of sections.entries()) {
			if (index === 0) drawFirst(report, section, tables);
			yield* drawSection(report, section, sections.length);
		}
		tellMissing(report);
		report.pages.end();
		yield* report.pages.take();
	} finally {
		report.pages.destroy();
	}
}

function begin(input: FormatInput, options: PdfOptions): Report {
	const shaper = new TextShaper(options.locale ?? 'en');
	const look = lookOf(options.theme);
	const title = options.title ?? input.meta.title;
	const pages = new Pages({ title, meta: input.meta, shaper, look });
	return { input, options, title, shaper, look, pages, flow: new Flow({ pages, shaper, look }) };
}

async function plan(report: Report, tables: readonly ReportTable[]): Promise<Section[]> {
	const { input, options, look, shaper } = report;
	const planned = tables.map((table) => {
		const columns = table.columns.map(paperColumn);
		const plan = planTable(columns, { shaper, size: look.text, widths: widthsOf(options, look) });
		const size = pageSize(options.paper, plan.landscape ? 'landscape' : 'portrait');
		return { table, plan, size };
	});
	const width = Math.min(...planned.map(({ size }) => size.width)) - look.margin * 2;
	const fontSize = look.text;
	const charts = await drawReportCharts(tables, {
		input,
		options,
		width,
		fontSize,
		pictures: true,
	});
	return planned.map((section) => ({
		...section,
		charts: charts.filter((chart) => chart.table === section.table),
	}));
}

function widthsOf(
	{ paper, orientation }: PdfOptions,
	{ margin }: Look,
): {
	portrait?: number;
	landscape?: number;
} {
	const portrait = pageSize(paper, 'portrait').width - margin * 2;
	const landscape = pageSize(paper, 'landscape').width - margin * 2;
	if (orientation === 'portrait') return { portrait };
	return orientation === 'landscape' ? { landscape } : { portrait, landscape };
}

function drawFirst(report: Report, { size }: Section, tables: readonly ReportTable[]): void {
	const { pages, shaper, look, title, input, options, flow } = report;
	const { logo } = options.theme;
	pages.begin(size);
	flow.y = drawFront({
		...{ pages, shaper, look, title, meta: input.meta },
		size: sizeOf(tables),
		logo: logo === undefined ? undefined : readLogo(logo),
	});
}

function sizeOf(tables: readonly ReportTable[]): string {
	const [only] = tables;
	if (tables.length === 1 && only) {
		return `${counted(only.rowCount, 'row', 'rows')}, ${counted(only.columns.length, 'column', 'columns')}`;
	}
	const rows = tables.reduce((sum, { rowCount }) => sum + rowCount, 0);
	return `${counted(tables.length, 'table', 'tables')}, ${counted(rows, 'row', 'rows')}`;
}

function counted(count: number, one: string, many: string): string {
	return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

async function* drawSection(
	report: Report,
	section: Section,
	sections: number,
): AsyncGenerator<Uint8Array> {
	const { flow, look, pages, options } = report;
	const { table, size, charts } = section;
	flow.need(0, size);
	if (sections > 1) {
		pages.outline(table.name);
		flow.heading(table.name);
		flow.paragraph(sizeOf([table]), { colour: look.colours.soft, size: look.text });
	}
	for (const chart of charts) drawChart(report, chart);
	if (table.rowCount === 0) {
		flow.paragraph('No rows. The run succeeded and returned nothing.', {
			colour: look.colours.soft,
			size: look.text,
		});
		return;
	}
	if (options.summary) {
		flow.heading('About the columns');
		const { plan, rows } = summaryTable(table, { shaper: report.shaper, look, width: flow.width });
		const painter = painterFor(report, { ...section, plan });
		for (const row of rows) if (painter.add(row)) yield* pages.take();
		flow.y = painter.end();
		yield* pages.take();
		flow.y += look.text;
		flow.heading('Rows');
	} else flow.y += look.text;
	yield* drawRows(report, section);
}

async function* drawRows(report: Report, section: Section): AsyncGenerator<Uint8Array> {
	const { table } = section;
	if (table.shown < table.rowCount) {
		const [shown, all] = [table.shown, table.rowCount].map((count) => count.toLocaleString('en'));
		report.flow.notice(
			`Not all rows are here: these are the first ${shown} of ${all}. The summary counts all of them, ` +
				'and the option maxRows shows more.',
		);
	}
	// rows that take several pages beside each other get whole ones
	const several = section.plan.groups.length > 1;
	report.flow.need(several ? Infinity : report.look.text * 8, section.size);
	const painter = painterFor(report, section);
	for await (const batch of table.rows()) {
		for (const row of batch) if (painter.add(row)) yield* report.pages.take();
	}
	report.flow.y = painter.end();
}

function painterFor(report: Report, { plan, table }: Section): TablePainter {
	const { pages, shaper, look, title, flow } = report;
	return new TablePainter({
		...{ pages, shaper, look, plan },
		pageSize: pages.size,
		runningTitle: table.name === '' ? title : `${title}: ${table.name}`,
		top: flow.y,
	});
}

function drawChart({ flow, look, pages, shaper }: Report, chart: ReportChart): void {
	const { picture, title, remarks } = chart;
	const width = Number(picture?.attributes['width'] ?? 0);
	const height = Number(picture?.attributes['height'] ?? 0);
	const least = look.heading * 3 + remarks.length * look.text * 2;
	const available = pages.size.height - look.margin * 2 - least;
	const scale = Math.min(1, flow.width / width, available / height);
	flow.need(least + (picture ? height * scale : 0));
	if (title !== '') flow.heading(title);
	if (picture) {
		drawPicture(picture, { pages, shaper, x: look.margin, y: flow.y, scale });
		flow.y += height * scale + look.text;
	}
	for (const remark of remarks) {
		if (picture) flow.paragraph(remark, { colour: look.colours.soft, size: look.small });
		else flow.notice(remark);
	}
	flow.y += look.text;
}
