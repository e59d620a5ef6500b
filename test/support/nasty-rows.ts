import type { Row } from '../../engine/contract/envelope.ts';

/** Values that have broken somebody's export. */
export const NASTY_TEXTS: readonly string[] = [
	'',
	' leading and trailing ',
	'"quoted", and "more"',
	'one\ntwo\r\nthree\rfour',
	'tab\tsemicolon;pipe|comma,',
	'nul \u0000 and bell \u0007',
	'👩‍👩‍👧‍👦 🇨🇭 𝒳',
	'e\u0301 combining, \u0300 alone',
	'שלום עולם \u202e abc \u2066x\u2069',
	'\u2028 line and \u2029 paragraph separators',
	'\ufeffmark',
	'<script>alert(1)</script>',
	`"><img src=x onerror=alert(1)> ' onmouseover='`,
	'</style></title></table><!-- --> ]]> &amp; &#60;',
	'=HYPERLINK("http://example.com")',
	'9007199254740993',
	'null',
	'constructor',
	'x'.repeat(10_000),
];

export const NASTY_ROWS: readonly Row[] = [
	{ first: null, text: null, number: 1e308, nested: null },
	...NASTY_TEXTS.map((text, index) => ({
		first: index,
		text,
		number: -index / 3,
		nested: { text },
	})),
	{ first: -0, text: 'late', number: 5e-324, nested: [[1, [2]], {}], late: true },
	JSON.parse('{"__proto__":"own","constructor":"own","toString":null,"first":7}') as Row,
	{},
];
