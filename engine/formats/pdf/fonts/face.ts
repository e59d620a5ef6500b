import type { Font, Glyph as FontkitGlyph } from 'fontkit';

import type { OutlineGlyph } from './true-type.ts';

/** A glyph as a page shows it. */
export interface Glyph {
	face: Face;
	/** Four hexadecimal digits: its place in the embedded font. */
	hex: string;
	/** The four characters of `hex` in one number, in the order in which this machine lays out bytes. */
	packed: number;
	/** Thousandths of the type size. */
	width: number;
}

/** The glyphs of one font file in one weight that a document uses; numbered as they are first used. */
export class Face {
	/** The name of the font in the pages' resources. */
	readonly id: string;
	readonly font: Font;
	readonly #glyphs = new Map<string, Glyph>();
	readonly #outlines: OutlineGlyph[] = [];
	readonly #texts: string[] = [];
	readonly #scale: number;

	constructor(id: string, font: Font) {
		this.id = id;
		this.font = font;
		this.#scale = 1000 / font.unitsPerEm;
		this.glyph(font.getGlyph(0), '');
	}

	has(codePoint: number): boolean {
		return this.font.hasGlyphForCodePoint(codePoint);
	}

	/** @param text what the glyph stands for: what is found when the document is searched */
	glyph(source: FontkitGlyph, text: string): Glyph {
		const key = `${source.id} ${text}`;
		let glyph = this.#glyphs.get(key);
		if (!glyph) {
			const { advanceWidth } = source;
			const hex = this.#outlines.length.toString(16).padStart(4, '0');
			glyph = { face: this, hex, packed: packed(hex), width: advanceWidth * this.#scale };
			this.#glyphs.set(key, glyph);
			this.#outlines.push({ advanceWidth, commands: source.path.commands });
			this.#texts.push(text);
		}
		return glyph;
	}

	/** What is embedded: outlines, widths and texts by number. */
	get contents(): {
		outlines: readonly OutlineGlyph[];
		widths: number[];
		texts: readonly string[];
	} {
		const widths = this.#outlines.map(({ advanceWidth }) => round(advanceWidth * this.#scale));
		return { outlines: this.#outlines, widths, texts: this.#texts };
	}
}

function round(width: number): number {
	return Math.round(width * 100) / 100;
}

function packed(hex: string): number {
	return new Uint32Array(Uint8Array.from(Buffer.from(hex, 'latin1')).buffer)[0]!;
}
