import { columnName } from '../shared/sheet-names.ts';
import { xmlAttribute, XML_DECLARATION } from '../shared/xml-text.ts';
import type { ZipEntry } from '../shared/zip.ts';
import { cellXml } from './text.ts';

/** A sheet that is written. */
export interface SheetPart {
	name: string;
	columns: number;
	rows: number;
	header: boolean;
	filter: boolean;
}

const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

const part = (name: string, xml: string): ZipEntry => ({
	name,
	content: () => Buffer.from(XML_DECLARATION + xml, 'utf8'),
});

export const sheetPath = (number: number): string => `xl/worksheets/sheet${number}.xml`;

/**
 * What stands before the sheets. How many there will be is not known yet, so a sheet is what any XML is
 * that is not named.
 */
export const firstParts = (): ZipEntry[] => [
	part(
		'[Content_Types].xml',
		`<Types xmlns="${PACKAGE}/content-types">` +
			'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
			`<Default Extension="xml" ContentType="${TYPE}.worksheet+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/>` +
			'<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>' +
			'<Override PartName="/docProps/app.xml" ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/>' +
			'</Types>',
	),
	part(
		'_rels/.rels',
		relationships([
			`${OFFICE}/relationships/officeDocument`,
			'xl/workbook.xml',
			`${PACKAGE}/relationships/metadata/core-properties`,
			'docProps/core.xml',
			`${OFFICE}/relationships/extended-properties`,
			'docProps/app.xml',
		]),
	),
];

export interface WorkbookFacts {
	sheets: readonly SheetPart[];
	stylesXml: string;
	title: string;
	/** ISO 8601, of the result and not of now. */
	createdAt: string;
}

/** What stands after the sheets: it names them. */
export function lastParts({ sheets, stylesXml, title, createdAt }: WorkbookFacts): ZipEntry[] {
	const targets = sheets.flatMap((_, at) => [
		`${OFFICE}/relationships/worksheet`,
		`worksheets/sheet${at + 1}.xml`,
	]);
	const moment = `${createdAt.slice(0, 19)}Z`;
	return [
		{ name: 'xl/styles.xml', content: () => Buffer.from(stylesXml, 'utf8') },
		part('xl/workbook.xml', workbook(sheets)),
		part(
			'xl/_rels/workbook.xml.rels',
			relationships([...targets, `${OFFICE}/relationships/styles`, 'styles.xml']),
		),
		part(
			'docProps/core.xml',
			`<cp:coreProperties xmlns:cp="${PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" ` +
				'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
				`<dc:title>${cellXml(title)}</dc:title><dc:creator>CapScheduler</dc:creator>` +
				`<dcterms:created xsi:type="dcterms:W3CDTF">${moment}</dcterms:created>` +
				`<dcterms:modified xsi:type="dcterms:W3CDTF">${moment}</dcterms:modified></cp:coreProperties>`,
		),
		part(
			'docProps/app.xml',
			`<Properties xmlns="${OFFICE}/extended-properties"><Application>CapScheduler</Application></Properties>`,
		),
	];
}

function relationships(typesAndTargets: readonly string[]): string {
	let xml = `<Relationships xmlns="${PACKAGE}/relationships">`;
	for (let at = 0; at < typesAndTargets.length; at += 2) {
		xml += `<Relationship Id="rId${at / 2 + 1}" Type="${typesAndTargets[at]}" Target="${typesAndTargets[at + 1]}"/>`;
	}
	return `${xml}</Relationships>`;
}

function workbook(sheets: readonly SheetPart[]): string {
	const list = sheets.map(
		({ name }, at) =>
			`<sheet name="${xmlAttribute(name)}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`,
	);
	const names = sheets.flatMap((sheet, at) => definedNames(sheet, at));
	return (
		`<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}/relationships"><bookViews><workbookView/></bookViews>` +
		`<sheets>${list.join('')}</sheets>` +
		(names.length > 0 ? `<definedNames>${names.join('')}</definedNames>` : '') +
		'</workbook>'
	);
}

/** The filter's range, and the header on each printed page. */
function definedNames({ name, columns, rows, header, filter }: SheetPart, at: number): string[] {
	if (!header || columns === 0) return [];
	const sheet = cellXml(`'${name.replaceAll("'", "''")}'`);
	const range = `$A$1:$${columnName(columns - 1)}$${rows}`;
	return [
		...(filter
			? [
					`<definedName name="_xlnm._FilterDatabase" localSheetId="${at}" hidden="1">${sheet}!${range}</definedName>`,
				]
			: []),
		`<definedName name="_xlnm.Print_Titles" localSheetId="${at}">${sheet}!$1:$1</definedName>`,
	];
}
