import { xmlAttribute, XML_DECLARATION } from '../shared/xml-text.ts';

/** How a cell looks; what is left out is the sheet's default. */
export interface CellStyle {
	/** A number format in Excel's code. */
	format?: string;
	header?: boolean;
	/** Lines are shown as lines. */
	wrap?: boolean;
	/** Stays text when a person edits the cell: what begins like a formula, or looks like a number. */
	quoted?: boolean;
	align?: 'left' | 'right' | 'center';
}

const FIRST_OWN_FORMAT = 164;
const GENERAL = 0;

/** The looks of a workbook, numbered as they are asked for: a cell refers to its look by number. */
export class Styles {
	readonly #ids = new Map<string, number>([[JSON.stringify(canonical({})), 0]]);
	readonly #styles: CellStyle[] = [{}];
	readonly #formats = new Map<string, number>();

	id(style: CellStyle): number {
		const key = JSON.stringify(canonical(style));
		const known = this.#ids.get(key);
		if (known !== undefined) return known;
		const id = this.#styles.length;
		this.#ids.set(key, id);
		this.#styles.push(style);
		return id;
	}

	xml(): string {
		const looks = this.#styles.map((style) => this.#look(style)).join('');
		const formats = [...this.#formats]
			.map(([code, id]) => `<numFmt numFmtId="${id}" formatCode="${xmlAttribute(code)}"/>`)
			.join('');
		return (
			`${XML_DECLARATION}<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
			(formats && `<numFmts count="${this.#formats.size}">${formats}</numFmts>`) +
			FONTS_FILLS_BORDERS +
			`<cellXfs count="${this.#styles.length}">${looks}</cellXfs>` +
			'<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>' +
			'</styleSheet>'
		);
	}

	#look({ format, header = false, wrap = false, quoted = false, align }: CellStyle): string {
		const id = format === undefined ? GENERAL : this.#formatId(format);
		const kind = header ? 1 : 0;
		// beside a cell of several lines, the others begin where it does
		const alignment =
			(align === undefined ? '' : ` horizontal="${align}"`) +
			` vertical="top"${wrap ? ' wrapText="1"' : ''}`;
		return (
			`<xf numFmtId="${id}" fontId="${kind}" fillId="${header ? 2 : 0}" borderId="${kind}" xfId="0"` +
			(id === GENERAL ? '' : ' applyNumberFormat="1"') +
			(header ? ' applyFont="1" applyFill="1" applyBorder="1"' : '') +
			(quoted ? ' quotePrefix="1"' : '') +
			` applyAlignment="1"><alignment${alignment}/></xf>`
		);
	}

	#formatId(code: string): number {
		const id = this.#formats.get(code) ?? FIRST_OWN_FORMAT + this.#formats.size;
		this.#formats.set(code, id);
		return id;
	}
}

/** The same key whatever the order in which the properties were named. */
const canonical = ({ format, header, wrap, quoted, align }: CellStyle): unknown[] => [
	format ?? '',
	header ?? false,
	wrap ?? false,
	quoted ?? false,
	align ?? '',
];

const FONTS_FILLS_BORDERS =
	'<fonts count="2"><font><sz val="11"/><color rgb="FF1F2933"/><name val="Calibri"/><family val="2"/></font>' +
	'<font><b/><sz val="11"/><color rgb="FF102A43"/><name val="Calibri"/><family val="2"/></font></fonts>' +
	'<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>' +
	'<fill><patternFill patternType="solid"><fgColor rgb="FFE4ECF4"/><bgColor indexed="64"/></patternFill></fill></fills>' +
	'<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>' +
	'<border><left/><right/><top/><bottom style="thin"><color rgb="FF829AB1"/></bottom><diagonal/></border></borders>' +
	'<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"><alignment vertical="top"/></xf></cellStyleXfs>';
