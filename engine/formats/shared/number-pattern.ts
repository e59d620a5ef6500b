/** A number's look, as the tables of CLDR and spreadsheets write it: `#,##0.00`, `0.0%`, `€ #,##0.00`. */
export interface NumberPattern {
	prefix: string;
	suffix: string;
	grouping: boolean;
	percent: boolean;
	minInteger: number;
	minFraction: number;
	maxFraction: number;
}

const LITERAL = `(?:[^#0.,'";%\\p{Cc}]|'[^'\\p{Cc}]*')*`;
const PATTERN = new RegExp(
	`^(${LITERAL})(#,##0|#,###|#*0{1,20}|#+)(?:\\.(0{0,20})(#{0,20}))?(%?)(${LITERAL})$`,
	'u',
);

const unquoted = (text: string): string => text.replaceAll("'", '');

/** @returns undefined for what is no pattern */
export function readNumberPattern(text: string): NumberPattern | undefined {
	const match = PATTERN.exec(text);
	if (!match) return undefined;
	const [, prefix = '', whole = '', zeros = '', optional = '', percent = '', suffix = ''] = match;
	return {
		prefix: unquoted(prefix),
		suffix: unquoted(suffix),
		grouping: whole.includes(','),
		percent: percent !== '',
		minInteger: Math.max(1, whole.replace(/[^0]/g, '').length),
		minFraction: zeros.length,
		maxFraction: zeros.length + optional.length,
	};
}

/** Takes the digits of a number, of any size: nothing is rounded but by the pattern. */
export type WriteNumber = (digits: string) => string;

export function numberWriter(pattern: NumberPattern, locale: string): WriteNumber {
	const format = new Intl.NumberFormat(locale, {
		style: pattern.percent ? 'percent' : 'decimal',
		numberingSystem: 'latn',
		useGrouping: pattern.grouping,
		minimumIntegerDigits: pattern.minInteger,
		minimumFractionDigits: pattern.minFraction,
		maximumFractionDigits: pattern.maxFraction,
		signDisplay: 'negative',
	});
	const { prefix, suffix } = pattern;
	if (prefix === '' && suffix === '') return (digits) => format.format(digits as `${number}`);
	return (digits) => {
		const text = format.format(digits as `${number}`);
		// the sign stands before what the pattern puts in front
		return text.startsWith('-') ? `-${prefix}${text.slice(1)}${suffix}` : prefix + text + suffix;
	};
}

/** Every digit that there is, with the locale's decimal mark. */
export function plainNumberWriter(locale: string): WriteNumber {
	const parts = new Intl.NumberFormat(locale, { numberingSystem: 'latn' }).formatToParts(1.5);
	const mark = parts.find(({ type }) => type === 'decimal')?.value ?? '.';
	return mark === '.' ? (digits) => digits : (digits) => digits.replace('.', mark);
}
