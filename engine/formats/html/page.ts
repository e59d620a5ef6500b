import type { Row } from '../../contract/envelope.ts';
import type { ReportMeta } from '../format.port.ts';
import { cellText } from '../shared/cell-text.ts';
import { factsOf } from './facts.ts';
import { counted, digits } from './numbers.ts';
import { decimalsOf, type ColumnProfile, type Profile } from './profile.ts';
import { styleOf } from './style.ts';
import { aboutColumns } from './summary.ts';
import { Html, markup } from './template.ts';

/** Nothing may load or run, whatever else holds: a second lock behind the escaping. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export interface Report {
	title: string;
	meta: ReportMeta;
	profile: Profile;
	/** How many rows the page shows. */
	shown: number;
	/** Titles of columns that were declared with one, by name. */
	titles: ReadonlyMap<string, string>;
	withSummary: boolean;
}

export function opening(report: Report): Html {
	const { title, meta, profile } = report;
	const rows = counted(profile.rows, 'row', 'rows');
	const columns = counted(profile.columns.length, 'column', 'columns');
	return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="CapScheduler">
<title>${title}</title>
<style>${Html.trusted(styleOf(profile.columns))}</style>
</head>
<body>
<header>
<p class="origin">${meta.capability} / ${meta.action}</p>
<h1>${title}</h1>
<p class="size">${rows}, ${columns}</p>
${factsOf(meta)}</header>
<main>
${notice(report)}${profile.rows === 0 ? NO_ROWS : tableHead(report)}`;
}

const NO_ROWS = markup`<p class="none">No rows. The run succeeded and returned nothing.</p>
`;

export function tableRow(row: Row, columns: readonly ColumnProfile[]): Html {
	return markup`<tr>${columns.map((column) => cell(row, column))}</tr>
`;
}

export function closing({ profile, meta, withSummary, titles }: Report): Html {
	const end = markup`</tbody>
</table>
</div>
${withSummary ? aboutColumns(profile, titles) : null}`;
	return markup`${profile.rows > 0 ? end : null}</main>
<footer>${meta.runId === null ? 'Made' : `Run ${meta.runId}, made`} by CapScheduler</footer>
</body>
</html>
`;
}

function notice({ profile, shown }: Report): Html | null {
	if (shown >= profile.rows) return null;
	const [some, all] = [digits(String(shown)), digits(String(profile.rows))];
	return markup`<p class="notice" role="note"><b>Not all rows are here.</b> This page shows the first ${some} of ${all} rows. The other formats hold all of them, and the option <code>maxRows</code> makes this page longer.</p>
`;
}

function tableHead({ profile, titles }: Report): Html {
	const heads = profile.columns.map(
		({ name }) => markup`<th scope="col">${titles.get(name) ?? name}</th>`,
	);
	return markup`<div class="scroll" tabindex="0" role="region" aria-label="Rows">
<table class="rows">
<thead><tr>${heads}</tr></thead>
<tbody>
`;
}

function cell(row: Row, column: ColumnProfile): Html {
	const value = column.read(row);
	const text = cellText(value);
	if (text === '') return EMPTY;
	if (column.kind === 'number') return numberCell(text, column);
	if (typeof value === 'object') return markup`<td><code>${text}</code></td>`;
	return markup`<td>${text}</td>`;
}

const EMPTY = markup`<td></td>`;

/** The points stand below each other: what a number lacks in decimals is added invisibly by the style. */
function numberCell(text: string, { decimals, grouping }: ColumnProfile): Html {
	const shown = grouping ? digits(text) : text;
	const own = decimalsOf(text);
	if (own >= decimals || text.includes('e')) return markup`<td>${shown}</td>`;
	const filler = (own === 0 ? '.' : '') + '0'.repeat(decimals - own);
	return markup`<td data-z="${filler}">${shown}</td>`;
}
