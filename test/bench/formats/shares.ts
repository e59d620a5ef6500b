import { join } from 'node:path';

import { markdown, median } from '../report.ts';
import { runChild } from './run-child.ts';

const CHILD = join(import.meta.dirname, 'share-child.ts');
const FORMATS: readonly string[] = [
	'csv',
	'json',
	'html',
	'pdf',
	'xlsx',
	'ods',
	'parquet',
	'arrow',
];

interface Part {
	cpu: number;
	bytes: number;
	passes: number;
}

/** Where the processor time of a format goes, seconds. */
export interface Shares {
	format: string;
	rows: number;
	passes: number;
	parsing: number;
	formatting: number;
	compression: number;
}

/**
 * What rows of NDJSON cost in each format: the time to read them alone, as often as the format reads them; the time
 * to compress what it compresses; and the rest, which is the format's own.
 */
export function shares(options: {
	rowsOf: (format: string) => number;
	rounds: number;
	say: (text: string) => void;
}): Shares[] {
	const { rowsOf, rounds, say } = options;
	const found = FORMATS.map((format): Shares => {
		const rows = rowsOf(format);
		const parts = Array.from({ length: rounds }, () => {
			const cpuOf = (part: string): Part => runChild<Part>(CHILD, [format, String(rows), part]);
			const whole = cpuOf('whole');
			const reading = cpuOf('reading').cpu * whole.passes;
			return { ...whole, reading, compression: cpuOf('compression').cpu };
		});
		const of = (value: (part: (typeof parts)[number]) => number): number =>
			median(parts.map(value));
		const [whole, parsing] = [of(({ cpu }) => cpu), of(({ reading }) => reading)];
		const compression = of((part) => part.compression);
		const formatting = Math.max(0, whole - parsing - compression);
		return { format, rows, passes: parts[0]!.passes, parsing, formatting, compression };
	});
	say(sharesTable(found));
	return found;
}

function sharesTable(found: readonly Shares[]): string {
	return markdown([
		['of NDJSON', 'rows', 'read', 'CPU s', 'JSON parsing', 'formatting', 'compression'],
		...found.map(({ format, rows, passes, parsing, formatting, compression }) => {
			const whole = parsing + formatting + compression;
			const share = (part: number): string => `${Math.round((100 * part) / whole)}%`;
			return [
				format,
				rows.toLocaleString('en'),
				passes === 1 ? 'once' : `${passes} times`,
				whole.toFixed(1),
				...[share(parsing), share(formatting), share(compression)],
			];
		}),
	]);
}
