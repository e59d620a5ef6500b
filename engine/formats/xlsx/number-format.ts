import type { MomentPattern } from '../shared/moment-pattern.ts';
import type { NumberPattern } from '../shared/number-pattern.ts';

/** Excel's format codes read letters as orders: text that only stands there goes in quotes. */
const literal = (text: string): string =>
	text
		.split('"')
		.map((part) => (part === '' ? '' : `"${part}"`))
		.join('\\"');

export function numberCode(pattern: NumberPattern): string {
	const { grouping, minInteger, minFraction, maxFraction, percent } = pattern;
	const zeros = '0'.repeat(minInteger);
	const whole = grouping ? grouped(zeros) : zeros;
	const fraction = '0'.repeat(minFraction) + '#'.repeat(maxFraction - minFraction);
	const digits = whole + (fraction === '' ? '' : `.${fraction}`) + (percent ? '%' : '');
	return literal(pattern.prefix) + digits + literal(pattern.suffix);
}

/** `0` becomes `#,##0`, `00000` becomes `00,000`. */
const grouped = (zeros: string): string =>
	zeros.padStart(4, '#').replace(/(?=(?:.{3})+$)(?!^)/g, ',');

/** A decimal's digits after the point, all of them. */
export const decimalCode = (scale: number): string =>
	scale === 0 ? '0' : `0.${'0'.repeat(Math.min(scale, 30))}`;

const CODES: Readonly<Record<string, string>> = {
	yyyy: 'yyyy',
	yy: 'yy',
	MMMM: 'mmmm',
	MMM: 'mmm',
	MM: 'mm',
	M: 'm',
	dd: 'dd',
	d: 'd',
	EEEE: 'dddd',
	EEE: 'ddd',
	mm: 'mm',
	ss: 'ss',
	a: 'AM/PM',
	// a cell has no zone: it is named in the header
	XXX: '',
};

export function momentCode(pattern: MomentPattern): string {
	const codes = pattern.map((token, at) => {
		if (/^[Hh]+$/.test(token)) return token.toLowerCase();
		// Excel goes no further than milliseconds
		if (/^S+$/.test(token)) return '0'.repeat(Math.min(token.length, 3));
		if (/^[A-Za-z]/.test(token)) return CODES[token] ?? '';
		if (token.startsWith("'")) return literal(token.slice(1, -1).replaceAll("''", "'") || "'");
		if (token === '.' && pattern[at + 1]?.startsWith('S')) return token;
		if (token === '.' || token === '-') return `\\${token}`;
		return /[/:, ]/.test(token) ? token : literal(token);
	});
	return codes.join('').trim();
}

/** Excel shows booleans by itself; LibreOffice shows 1 and 0 unless it is told. */
export const BOOLEAN_CODE = '"TRUE";"TRUE";"FALSE"';
export const DATE_CODE = 'yyyy\\-mm\\-dd';
export const TIME_CODE = 'hh:mm:ss';
export const MOMENT_CODE = 'yyyy\\-mm\\-dd hh:mm:ss';
export const MILLIS = '.000';
