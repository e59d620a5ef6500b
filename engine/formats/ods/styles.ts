import type { MomentPattern } from '../shared/moment-pattern.ts';
import type { NumberPattern } from '../shared/number-pattern.ts';
import { xmlAttribute, xmlText } from '../shared/xml-text.ts';

/** How a cell looks; what is left out is the sheet's default. */
export interface CellLook {
	number?: NumberPattern;
	moment?: MomentPattern;
	/** A reading of clocks only: it is no date. */
	isTime?: boolean;
	/** Stays text when a person edits the cell. */
	isText?: boolean;
	header?: boolean;
	align?: 'left' | 'right' | 'center';
}

const literal = (text: string): string =>
	text === '' ? '' : `<number:text>${xmlText(text, () => '\ufffd')}</number:text>`;

/** The looks of a workbook, named as they are asked for, and written behind the cells that name them. */
export class Looks {
	readonly #names = new Map<string, string>();
	readonly #xml: string[] = [];

	/** The attribute of a cell that names its look; none for the default. */
	attribute(look: CellLook): string {
		const xml = [dataStyle(look), cellStyle(look)];
		if (xml[0] === '' && xml[1] === PLAIN) return '';
		const key = xml.join('\n');
		let name = this.#names.get(key);
		if (name === undefined) {
			name = `cell${this.#names.size + 1}`;
			this.#names.set(key, name);
			this.#xml.push(
				xml[0]!.replace('NAME', `${name}data`) +
					`<style:style style:name="${name}" style:family="table-cell" style:parent-style-name="Default"` +
					(xml[0] === '' ? '' : ` style:data-style-name="${name}data"`) +
					`>${xml[1]}</style:style>`,
			);
		}
		return ` table:style-name="${name}"`;
	}

	xml(): string {
		return this.#xml.join('');
	}
}

const PLAIN = '';

function cellStyle({ header = false, align }: CellLook): string {
	const sides = { left: 'start', right: 'end', center: 'center' } as const;
	return (
		(header
			? '<style:table-cell-properties fo:background-color="#e4ecf4" fo:border-bottom="0.75pt solid #829ab1"/>'
			: '') +
		(align === undefined
			? ''
			: `<style:paragraph-properties fo:text-align="${sides[align]}" fo:margin-left="0cm"/>`) +
		(header ? '<style:text-properties fo:font-weight="bold" fo:color="#102a43"/>' : '')
	);
}

function dataStyle({ number, moment, isTime = false, isText = false }: CellLook): string {
	if (number) return numberStyle(number);
	if (moment) {
		const element = isTime ? 'time-style' : 'date-style';
		return `<number:${element} style:name="NAME">${momentParts(moment)}</number:${element}>`;
	}
	return isText
		? '<number:text-style style:name="NAME"><number:text-content/></number:text-style>'
		: '';
}

function numberStyle(pattern: NumberPattern): string {
	const { prefix, suffix, percent, grouping, minInteger, minFraction, maxFraction } = pattern;
	const element = percent ? 'percentage-style' : 'number-style';
	return (
		`<number:${element} style:name="NAME">${literal(prefix)}` +
		`<number:number number:decimal-places="${maxFraction}" number:min-decimal-places="${minFraction}"` +
		` number:min-integer-digits="${minInteger}"${grouping ? ' number:grouping="true"' : ''}/>` +
		`${literal((percent ? '%' : '') + suffix)}</number:${element}>`
	);
}

const PARTS: Readonly<Record<string, string>> = {
	yyyy: '<number:year number:style="long"/>',
	yy: '<number:year/>',
	MMMM: '<number:month number:style="long" number:textual="true"/>',
	MMM: '<number:month number:textual="true"/>',
	MM: '<number:month number:style="long"/>',
	M: '<number:month/>',
	dd: '<number:day number:style="long"/>',
	d: '<number:day/>',
	EEEE: '<number:day-of-week number:style="long"/>',
	EEE: '<number:day-of-week/>',
	HH: '<number:hours number:style="long"/>',
	hh: '<number:hours number:style="long"/>',
	H: '<number:hours/>',
	h: '<number:hours/>',
	mm: '<number:minutes number:style="long"/>',
	a: '<number:am-pm/>',
	// a cell has no zone: it is named in the header
	XXX: '',
};

function momentParts(pattern: MomentPattern): string {
	let xml = '';
	for (let at = 0; at < pattern.length; at++) {
		const token = pattern[at]!;
		if (token === 'ss') {
			// digits of a second belong to it, with the point before them
			const digits = pattern[at + 1] === '.' && /^S+$/.test(pattern[at + 2] ?? '');
			const places = digits
				? ` number:decimal-places="${Math.min(3, pattern[at + 2]!.length)}"`
				: '';
			xml += `<number:seconds number:style="long"${places}/>`;
			if (digits) at += 2;
		} else if (/^S+$/.test(token)) {
			continue;
		} else if (/^[A-Za-z]/.test(token)) {
			xml += PARTS[token] ?? '';
		} else {
			xml += literal(
				token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") || "'" : token,
			);
		}
	}
	return xml;
}

export const columnStyleName = (width: number): string => `co${width}`;

/** Of all widths that there are: which are wanted is not known when they have to be written. */
export function columnStyles(most: number): string {
	let xml = '';
	for (let width = 1; width <= most; width++) {
		const name = xmlAttribute(columnStyleName(width));
		xml +=
			`<style:style style:name="${name}" style:family="table-column">` +
			`<style:table-column-properties style:column-width="${(width * 0.22 + 0.2).toFixed(2)}cm"/></style:style>`;
	}
	return xml;
}
