import type { Format } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { firstRows } from '../shared/limits.ts';
import { demandRows } from '../shared/suitable.ts';
import { DEFAULT_MAX_ROWS, HIGHEST_MAX_ROWS, htmlOptionsSchema } from './options.ts';
import { closing, opening, tableRow, type Report } from './page.ts';
import { profileOf } from './profile.ts';

/** A page that a person likes to read. The rows are read twice: to know what they are, and to write them. */
export function createHtmlFormat(): Format {
	return {
		name: 'html',
		title: 'Web page',
		contentType: 'text/html; charset=utf-8',
		extension: 'html',
		abilities: { rows: true, binary: false, tables: 'untouched' },
		limits: { rows: HIGHEST_MAX_ROWS, rowsByDefault: DEFAULT_MAX_ROWS },
		options: htmlOptionsSchema,
		async *render(input, given) {
			demandRows(input, 'html');
			const options = htmlOptionsSchema.parse(given);
			const profile = await profileOf(input, options.columns);
			const report: Report = {
				title: options.title ?? input.meta.title,
				meta: input.meta,
				profile,
				shown: Math.min(profile.rows, options.maxRows),
				withSummary: options.summary,
				titles: new Map(
					input.columns?.flatMap(({ name, title }) => (title === undefined ? [] : [[name, title]])),
				),
			};
			yield* encodeText(firstRows(input.rows(), report.shown), {
				opening: String(opening(report)),
				each: (row) => String(tableRow(row, profile.columns)),
				closing: () => String(closing(report)),
			});
		},
	};
}
