import type { Face } from './face.ts';
import { writeTrueType } from './true-type.ts';

/** What of a pdfkit document is needed to write objects of one's own. */
export interface ObjectWriter {
	ref(data?: object): PdfObject;
}

export interface PdfObject {
	data: Record<string, unknown>;
	end(chunk?: string | Uint8Array): void;
}

const TAG_LETTERS = 6;
const CMAP_CHUNK = 100;
const SYMBOLIC = 4;

/** Writes a font with the glyphs that were used, and what they stand for, as the object `target`. */
export function embedFace(face: Face, target: PdfObject, document: ObjectWriter): void {
	const { font, contents } = face;
	const scale = 1000 / font.unitsPerEm;
	const name = `${tagOf(face.id)}+${font.postscriptName.replaceAll(/[^A-Za-z0-9-]/g, '')}`;
	const file = document.ref();
	const bytes = writeTrueType(contents.outlines, font);
	file.data['Length1'] = bytes.length;
	file.end(bytes);
	const { minX, minY, maxX, maxY } = font.bbox;
	const descriptor = document.ref({
		Type: 'FontDescriptor',
		FontName: name,
		Flags: SYMBOLIC,
		FontBBox: [minX, minY, maxX, maxY].map((value) => Math.round(value * scale)),
		ItalicAngle: 0,
		Ascent: Math.round(font.ascent * scale),
		Descent: Math.round(font.descent * scale),
		CapHeight: Math.round((font.capHeight || font.ascent) * scale),
		StemV: 80,
		FontFile2: file,
	});
	descriptor.end();
	const descendant = document.ref({
		Type: 'Font',
		Subtype: 'CIDFontType2',
		BaseFont: name,
		// pdfkit writes String objects as texts, and plain strings as names
		CIDSystemInfo: { Registry: text('Adobe'), Ordering: text('Identity'), Supplement: 0 },
		FontDescriptor: descriptor,
		DW: 1000,
		W: [0, contents.widths],
		CIDToGIDMap: 'Identity',
	});
	descendant.end();
	const cmap = document.ref();
	cmap.end(toUnicode(contents.texts));
	target.data = {
		Type: 'Font',
		Subtype: 'Type0',
		BaseFont: name,
		Encoding: 'Identity-H',
		DescendantFonts: [descendant],
		ToUnicode: cmap,
	};
	target.end();
}

function text(value: string): object {
	return Object(value) as object;
}

/** Six letters that differ from face to face, as subsets have to have (ISO 32000-1, 9.6.4). */
function tagOf(id: string): string {
	let number = Number(id.slice(1));
	let tag = '';
	for (let count = 0; count < TAG_LETTERS; count++) {
		tag = String.fromCharCode(0x41 + (number % 26)) + tag;
		number = Math.floor(number / 26);
	}
	return tag;
}

function toUnicode(texts: readonly string[]): string {
	const entries = texts.flatMap((text, code) =>
		text === ''
			? []
			: [
					`<${hex(code)}> <${Array.from({ length: text.length }, (_, at) => hex(text.charCodeAt(at))).join('')}>`,
				],
	);
	let body = '';
	for (let at = 0; at < entries.length; at += CMAP_CHUNK) {
		const chunk = entries.slice(at, at + CMAP_CHUNK);
		body += `${chunk.length} beginbfchar\n${chunk.join('\n')}\nendbfchar\n`;
	}
	return `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
${body}endcmap
CMapName currentdict /CMap defineresource pop
end
end`;
}

function hex(code: number): string {
	return code.toString(16).padStart(4, '0');
}
