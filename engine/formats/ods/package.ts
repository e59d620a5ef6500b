import { xmlAttribute, xmlText, XML_DECLARATION } from '../shared/xml-text.ts';
import type { ZipEntry } from '../shared/zip.ts';
import type { SheetPart } from './content.ts';
import { columnStyles } from './styles.ts';

export const ODS_TYPE = 'application/vnd.oasis.opendocument.spreadsheet';

const OASIS = 'urn:oasis:names:tc:opendocument:xmlns';
const NAMESPACES = [
	['office', `${OASIS}:office:1.0`],
	['style', `${OASIS}:style:1.0`],
	['text', `${OASIS}:text:1.0`],
	['table', `${OASIS}:table:1.0`],
	['fo', `${OASIS}:xsl-fo-compatible:1.0`],
	['number', `${OASIS}:datastyle:1.0`],
	['config', `${OASIS}:config:1.0`],
	['meta', `${OASIS}:meta:1.0`],
	['dc', 'http://purl.org/dc/elements/1.1/'],
]
	.map(([name, uri]) => `xmlns:${name}="${uri}"`)
	.join(' ');
const VERSION = 'office:version="1.3"';
const WIDEST = 60;

const file = (name: string, xml: string): ZipEntry => ({
	name,
	content: () => Buffer.from(XML_DECLARATION + xml, 'utf8'),
});

const document = (element: string, inner: string): string =>
	`<office:${element} ${NAMESPACES} ${VERSION}>${inner}</office:${element}>`;

/** Has to be the first file, as it is, so that programs know the type by the first bytes. */
export const mimetype = (): ZipEntry => ({
	name: 'mimetype',
	content: () => Buffer.from(ODS_TYPE, 'ascii'),
	method: 'store',
});

export const contentOpening = (): string =>
	`${XML_DECLARATION}<office:document-content ${NAMESPACES} ${VERSION}>` +
	`<office:automatic-styles>${columnStyles(WIDEST)}</office:automatic-styles><office:body><office:spreadsheet>`;
export const contentClosing = '</office:spreadsheet></office:body></office:document-content>';

export interface DocumentFacts {
	sheets: readonly SheetPart[];
	/** XML of the looks of cells. */
	looks: string;
	title: string;
	/** ISO 8601, of the result and not of now. */
	createdAt: string;
	freeze: boolean;
}

/** What stands after the content: it tells of it. */
export function lastFiles({ sheets, looks, title, createdAt, freeze }: DocumentFacts): ZipEntry[] {
	const moment = createdAt.slice(0, 19);
	return [
		file('styles.xml', document('document-styles', styles(looks))),
		file('settings.xml', document('document-settings', freeze ? frozen(sheets) : '')),
		file(
			'meta.xml',
			document(
				'document-meta',
				`<office:meta><meta:generator>CapScheduler</meta:generator><dc:title>${xmlText(title, () => '\ufffd')}</dc:title>` +
					`<meta:creation-date>${moment}</meta:creation-date><dc:date>${moment}</dc:date></office:meta>`,
			),
		),
		file('META-INF/manifest.xml', MANIFEST),
	];
}

const MANIFEST =
	`<manifest:manifest xmlns:manifest="${OASIS}:manifest:1.0" manifest:version="1.3">` +
	`<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="${ODS_TYPE}"/>` +
	['content.xml', 'styles.xml', 'settings.xml', 'meta.xml']
		.map(
			(name) =>
				`<manifest:file-entry manifest:full-path="${name}" manifest:media-type="text/xml"/>`,
		)
		.join('') +
	'</manifest:manifest>';

const styles = (looks: string): string =>
	'<office:styles><style:default-style style:family="table-cell"><style:table-cell-properties style:vertical-align="top"/><style:text-properties style:font-name="Calibri" fo:font-family="Calibri, Carlito, sans-serif" fo:font-size="11pt" fo:color="#1f2933"/></style:default-style>' +
	`<style:style style:name="Default" style:family="table-cell"><style:table-cell-properties style:vertical-align="top"/></style:style>${looks}</office:styles>` +
	'<office:automatic-styles><style:page-layout style:name="page"><style:page-layout-properties style:print-orientation="landscape" fo:page-width="29.7cm" fo:page-height="21cm" fo:margin="1.3cm" style:scale-to-X="1" style:scale-to-Y="0"/></style:page-layout></office:automatic-styles>' +
	'<office:master-styles><style:master-page style:name="Default" style:page-layout-name="page"/></office:master-styles>';

/** The first row of each sheet stays in sight. */
function frozen(sheets: readonly SheetPart[]): string {
	const item = (name: string, type: string, value: string | number): string =>
		`<config:config-item config:name="${name}" config:type="${type}">${value}</config:config-item>`;
	const entries = sheets
		.filter(({ columns }) => columns > 0)
		.map(
			({ name }) =>
				`<config:config-item-map-entry config:name="${xmlAttribute(name)}">` +
				item('VerticalSplitMode', 'short', 2) +
				item('VerticalSplitPosition', 'int', 1) +
				item('ActiveSplitRange', 'short', 2) +
				item('PositionBottom', 'int', 1) +
				'</config:config-item-map-entry>',
		);
	return (
		'<office:settings><config:config-item-set config:name="ooo:view-settings"><config:config-item-map-indexed config:name="Views">' +
		`<config:config-item-map-entry>${item('ViewId', 'string', 'view1')}` +
		`<config:config-item-map-named config:name="Tables">${entries.join('')}</config:config-item-map-named>` +
		'</config:config-item-map-entry></config:config-item-map-indexed></config:config-item-set></office:settings>'
	);
}
