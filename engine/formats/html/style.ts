import type { ReportColumn } from '../shared/report/tables.ts';
import type { Paper } from '../shared/report/options.ts';
import type { Report } from './report.ts';

/** Columns beyond which a printed page lies on its side, and beyond which it grows. */
const WIDE = 7;
const WIDER = 12;
/** Millimetres of paper for a column of a growing page, and for its margins. */
const COLUMN_WIDTH = 24;
const MARGINS = 26;
/** Points of paper that are one rem of a screen. */
const PAGE_SIZE = 9.7;
/** Characters up to which a column's cells stay on one line, and from which they get room to wrap. */
const SHORT = 28;
const LONG = 70;

const BASE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#59636e;--faint:#9aa4ae;--line:#e3e7eb;--strong:#cfd6dc;--stripe:#f7f8fa;--head:#f1f3f6;--accent:#0b6e5f;--warn:#7a4d00;--warnbg:#fff6e0;--warnline:#f0d48a}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e4e8ec;--soft:#a2acb6;--faint:#67717b;--line:#262c33;--strong:#39414a;--stripe:#191d22;--head:#1e2329;--accent:#5cc8b4;--warn:#f3d48c;--warnbg:#2b2412;--warnline:#574718}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;padding:clamp(1.25rem,4vw,3rem) clamp(1rem,4vw,3.5rem) 2rem;background:var(--paper);color:var(--ink);font:400 15px/1.5 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif}
header,.notice,footer{max-width:76rem}
.origin{margin:0;color:var(--accent);font-size:.8125rem;font-weight:600;letter-spacing:.02em}
h1{margin:.15rem 0 .35rem;font-size:clamp(1.6rem,3.4vw,2.25rem);line-height:1.15;font-weight:650;letter-spacing:-.018em;overflow-wrap:anywhere;text-wrap:balance}
.size{margin:0;color:var(--soft);font-size:1.0625rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,max-content));gap:1rem 2.75rem;margin:1.6rem 0 2rem;padding:1.1rem 0;border-block:1px solid var(--line)}
.facts div{min-width:0;max-width:30rem}
.facts .wide{grid-column:1/-1;max-width:none}
.wide dd{display:flex;flex-wrap:wrap;gap:.1rem 1.6rem}
dt{color:var(--soft);font-size:.75rem;line-height:1.4}
dd{margin:.1rem 0 0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dd span{display:block}
dd u{color:var(--soft);text-decoration:none}
dd b{font-weight:400;color:var(--soft)}
code{font:.86em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.notice{margin:0 0 1.5rem;padding:.75rem 1rem;border:1px solid var(--warnline);border-radius:8px;background:var(--warnbg);color:var(--warn)}
.notice b{font-weight:650}
.scroll{overflow:auto;max-height:calc(100vh - 2rem);width:fit-content;min-width:min(100%,24rem);max-width:100%;border:1px solid var(--strong);border-radius:10px}
table{border-collapse:separate;border-spacing:0;min-width:100%;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums lining-nums}
th,td{padding:.45rem .95rem;text-align:left;vertical-align:top;unicode-bidi:plaintext;overflow-wrap:break-word}
td{border-top:1px solid var(--line);white-space:pre-wrap;max-width:44rem}
tbody tr:first-child td{border-top:0}
tbody tr:nth-child(even){background:var(--stripe)}
@media (hover:hover){tbody tr:hover{background:var(--head)}}
th{background:var(--head);border-bottom:1px solid var(--strong);color:var(--soft);font-weight:600;font-size:.8125rem;white-space:nowrap;vertical-align:bottom}
thead th{position:sticky;top:0;z-index:1}
td:empty::before{content:"\\2013";color:var(--faint)}
td[data-z]::after{content:attr(data-z);visibility:hidden}
i{font-style:normal;margin-left:.19em}
details{margin:0 0 2rem}
h2{margin:2.75rem 0 .25rem;font-size:1.375rem;line-height:1.25;font-weight:650;overflow-wrap:anywhere}
h2+.size{margin:0 0 1.25rem;font-size:1rem}
figure{margin:0 0 2rem;max-width:60rem}
figcaption{margin:0 0 .6rem;font-weight:600}
svg{display:block;overflow:visible;max-width:100%;height:auto;font-family:inherit}
.remark{margin:.4rem 0 0;color:var(--soft);font-size:.8125rem}
.logo{float:right;max-width:12rem;max-height:3.75rem;margin:0 0 1rem 1.5rem}
summary{cursor:pointer;width:fit-content;margin:0 0 .75rem;font-weight:600;color:var(--ink)}
summary::marker{color:var(--faint)}
.about td+td,.about th+th{text-align:right}
.about td:nth-child(2),.about th:nth-child(2){text-align:left;color:var(--soft)}
.about td{white-space:nowrap}
.about td:first-child{white-space:normal;font-weight:500}
.none{margin:0;padding:2.5rem 1rem;border:1px dashed var(--strong);border-radius:10px;color:var(--soft);text-align:center}
footer{margin-top:2.5rem;color:var(--faint);font-size:.75rem;overflow-wrap:anywhere}
@media print{
:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--faint:#777;--line:#ddd;--strong:#999;--stripe:#f6f7f8;--head:#fff;--accent:#000;--warn:#000;--warnbg:#fff;--warnline:#999}
body{padding:0;font-size:9.5pt}
h1{font-size:18pt}
.size{font-size:10.5pt}
.facts{margin:10pt 0 12pt;padding:8pt 0;gap:6pt 24pt;grid-template-columns:repeat(3,max-content)}
.scroll{overflow:visible;max-height:none;width:auto;border:0;border-radius:0}
table{font-size:8.5pt}
th,td{padding:3pt 6pt}
header,.notice,footer{max-width:none}
th:first-child,td:first-child{padding-left:2pt}
th{white-space:normal;border-bottom:1pt solid #000;color:#000;font-size:8pt}
thead{display:table-header-group}
thead th{position:static}
tr{break-inside:avoid}
tbody tr:nth-child(even){print-color-adjust:exact;-webkit-print-color-adjust:exact}
details:not([open]){display:none}
details{break-inside:avoid}
summary{list-style:none}
footer{margin-top:14pt}
figure{break-inside:avoid;margin:0 0 12pt}
h2{break-after:avoid}
}`;

/** Paper cuts off what does not fit: very wide tables get a larger page, which printing scales down. */
function paperOf({ tables, options: { paper, orientation } }: Report): string {
	const columns = Math.max(...tables.map((table) => table.columns.length));
	if (orientation !== 'auto') return `${KEYWORDS[paper]} ${orientation}`;
	if (columns <= WIDER) return `${KEYWORDS[paper]} ${columns > WIDE ? 'landscape' : 'portrait'}`;
	const width = columns * COLUMN_WIDTH + MARGINS;
	return `${width}mm ${Math.round(width / Math.SQRT2)}mm`;
}

/** As CSS calls them. */
const KEYWORDS = {
	A3: 'A3',
	A4: 'A4',
	A5: 'A5',
	Letter: 'letter',
	Legal: 'legal',
	Tabloid: 'ledger',
} as const satisfies Record<Paper, string>;

const page = (report: Report): string =>
	`\n@page{size:${paperOf(report)};margin:14mm 13mm 16mm;` +
	'@bottom-right{content:counter(page) " / " counter(pages);font:8pt sans-serif;color:#777}}';

/** Colours and sizes of the theme; in the dark, its colour becomes lighter. */
function themed({ options: { theme } }: Report): string {
	const { accent, ink, fontSize } = theme;
	const size = fontSize === undefined ? '' : `\ntable{font-size:${fontSize / PAGE_SIZE}rem}`;
	const print = fontSize === undefined ? '' : `\n@media print{table{font-size:${fontSize}pt}}`;
	return (
		`\n@media screen and (prefers-color-scheme:light){:root{--accent:${accent};--ink:${ink}}}` +
		`\n@media screen and (prefers-color-scheme:dark){:root{--accent:color-mix(in srgb,${accent} 55%,#fff)}}` +
		`\n@media print{:root{--accent:${accent}}}` +
		size +
		print
	);
}

/** The style sheet. Alignment goes by the column's position, which keeps it out of every single cell. */
export function styleOf(report: Report): string {
	const columns = report.tables.map((table, number) => columnsStyle(table.columns, number));
	return `${BASE}${page(report)}${themed(report)}${columns.join('')}\n`;
}

interface Rule {
	matches: (column: ReportColumn) => boolean;
	cells: readonly string[];
	body: string;
	media: 'all' | 'screen' | 'print';
}

const RULES: readonly Rule[] = [
	{
		matches: ({ align }) => align === 'right',
		cells: ['td', 'th'],
		body: 'text-align:right',
		media: 'all',
	},
	{
		matches: ({ align }) => align === 'center',
		cells: ['td', 'th'],
		body: 'text-align:center',
		media: 'all',
	},
	{
		matches: ({ profile, kind }) => profile.longest <= SHORT && kind !== 'nested',
		cells: ['td'],
		body: 'white-space:pre',
		media: 'screen',
	},
	{
		matches: ({ profile, kind }) => kind === 'text' && profile.longest > SHORT,
		cells: ['td'],
		body: 'min-width:15rem',
		media: 'screen',
	},
	{
		matches: ({ profile }) => profile.longest > LONG,
		cells: ['td'],
		body: 'min-width:22rem',
		media: 'screen',
	},
	{
		matches: ({ kind }) => kind === 'number' || kind === 'date',
		cells: ['td'],
		body: 'white-space:nowrap',
		media: 'print',
	},
	{
		matches: ({ profile }) => profile.longest > SHORT,
		cells: ['td'],
		body: 'overflow-wrap:anywhere',
		media: 'print',
	},
	{
		matches: ({ label }) => label.length > SHORT,
		cells: ['th'],
		body: 'overflow-wrap:anywhere',
		media: 'print',
	},
];

function columnsStyle(columns: readonly ReportColumn[], number: number): string {
	return RULES.map(({ matches, cells, body, media }) => {
		const selectors = columns.flatMap((column, index) =>
			matches(column)
				? cells.map((cell) => `.t${number} .rows ${cell}:nth-child(${index + 1})`)
				: [],
		);
		return selectors.length === 0 ? '' : `\n@media ${media}{${selectors.join(',')}{${body}}}`;
	}).join('');
}
