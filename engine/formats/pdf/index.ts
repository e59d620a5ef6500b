import type { Format } from '../format.port.ts';
import { DEFAULT_MAX_ROWS, HIGHEST_MAX_ROWS } from '../shared/report/options.ts';
import { pdfOptionsSchema } from './options.ts';

/**
 * A report on paper. The rows are read twice: to know what they are, and to draw them. What draws is
 * loaded with the first document: its libraries and fonts cost an engine that makes none nothing.
 */
export function createPdfFormat(): Format {
	return {
		name: 'pdf',
		title: 'PDF',
		contentType: 'application/pdf',
		extension: 'pdf',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: { rows: HIGHEST_MAX_ROWS, rowsByDefault: DEFAULT_MAX_ROWS },
		options: pdfOptionsSchema,
		async *render(input, given) {
			const { renderPdf } = await import('./render.ts');
			yield* renderPdf(input, pdfOptionsSchema.parse(given));
		},
	};
}
