import type { ReportMeta } from '../format.port.ts';
import type { ReportChart } from '../shared/report/charts.ts';
import type { ReportTable } from '../shared/report/tables.ts';
import type { HtmlOptions } from './options.ts';

/** What a page or a mail shows. */
export interface Report {
	title: string;
	meta: ReportMeta;
	tables: readonly ReportTable[];
	charts: readonly ReportChart[];
	options: HtmlOptions;
}
