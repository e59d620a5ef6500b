import { create, type Font } from 'fontkit';

import { Face, type Glyph } from './face.ts';
import { EMOJI, fontSlices, type FontSlice } from './families.ts';
import { woff2ToTrueType } from './woff2.ts';

export type Weight = 'regular' | 'bold';

/** On the axis of weights, from 100 to 900. */
const WEIGHTS = { regular: 400, bold: 600 } as const satisfies Record<Weight, number>;
/** Pictures of control characters, for which few fonts have any: the sign of something unreadable. */
const CONTROL_PICTURES = 0x2400;
const REPLACEMENT = 0xfffd;
/** Different characters without a glyph that a document can name; more are only counted. */
const NAMED = 40;

/** Files that were read, while some document needs them or memory is not. */
const opened = new Map<string, WeakRef<Font>>();

function fontOf(slice: FontSlice): Font {
	const known = opened.get(slice.name)?.deref();
	if (known) return known;
	const font = create(woff2ToTrueType(slice.read())) as Font;
	opened.set(slice.name, new WeakRef(font));
	return font;
}

/** The fonts of one document. A file is opened when a character of it is first needed. */
export class FontLibrary {
	/** Every face that was opened, in that order. */
	readonly faces: Face[] = [];
	/** Characters without a glyph in any font, in order of their appearance, and how often. */
	readonly missing = new Map<string, number>();
	missingCount = 0;
	readonly #slices: readonly FontSlice[];
	/** Keeps them while this document is made. */
	readonly #fonts = new Set<Font>();
	readonly #byName = new Map<string, Face>();
	readonly #byCharacter = { regular: new Map<number, Face>(), bold: new Map<number, Face>() };

	constructor(language: string) {
		this.#slices = fontSlices(language);
	}

	/** The face of the running text. */
	main(weight: Weight): Face {
		return this.faceFor(0x20, weight)!;
	}

	faceFor(codePoint: number, weight: Weight): Face | undefined {
		const found = this.#byCharacter[weight].get(codePoint);
		if (found) return found;
		for (const slice of this.#slices) {
			const face = slice.has(codePoint) ? this.#open(slice, weight) : undefined;
			if (!face?.has(codePoint)) continue;
			this.#byCharacter[weight].set(codePoint, face);
			return face;
		}
		return undefined;
	}

	/** The face that has all of a cluster, such as a letter with its marks or a family of emoji. */
	faceForCluster(codePoints: readonly number[], weight: Weight): Face | undefined {
		const emoji = codePoints.some(isEmoji);
		const [first = 0] = codePoints;
		for (const slice of this.#slices) {
			if (emoji && slice.family !== EMOJI) continue;
			if (!slice.has(first)) continue;
			const face = this.#open(slice, weight);
			if (codePoints.every((codePoint) => face.has(codePoint))) return face;
		}
		return this.faceFor(first, weight);
	}

	/** A character by itself; one that no font has is a box, which stands for the character. */
	glyph(codePoint: number, weight: Weight): Glyph {
		const text = String.fromCodePoint(codePoint);
		const face = this.faceFor(codePoint, weight);
		if (face) return face.glyph(face.font.glyphForCodePoint(codePoint), text);
		// a letter of another style, such as those of mathematics, is shown as the plain one
		const plain = text.normalize('NFKC');
		const plainCode = plain.codePointAt(0) ?? 0;
		const plainFace =
			plainCode === codePoint || [...plain].length > 1
				? undefined
				: this.faceFor(plainCode, weight);
		if (plainFace) return plainFace.glyph(plainFace.font.glyphForCodePoint(plainCode), text);
		if (codePoint >= CONTROL_PICTURES && codePoint <= CONTROL_PICTURES + 0x21) {
			const sign = this.faceFor(REPLACEMENT, weight);
			if (sign) return sign.glyph(sign.font.glyphForCodePoint(REPLACEMENT), text);
		}
		this.missingCount += 1;
		const count = this.missing.get(text) ?? 0;
		if (count > 0 || this.missing.size < NAMED) this.missing.set(text, count + 1);
		const main = this.main(weight);
		return main.glyph(main.font.getGlyph(0), text);
	}

	#open(slice: FontSlice, weight: Weight): Face {
		const name = `${slice.name} ${weight}`;
		let face = this.#byName.get(name);
		if (!face) {
			const font = fontOf(slice);
			this.#fonts.add(font);
			// an instance of its own: glyphs remember for which characters they were first asked
			face = new Face(`F${this.faces.length + 1}`, font.getVariation({ wght: WEIGHTS[weight] }));
			this.#byName.set(name, face);
			this.faces.push(face);
		}
		return face;
	}
}

const EMOJI_PRESENTATION = /\p{Emoji_Presentation}/u;
const EMOJI_SELECTOR = 0xfe0f;

function isEmoji(codePoint: number): boolean {
	return (
		codePoint === EMOJI_SELECTOR ||
		(codePoint > 0x2300 && EMOJI_PRESENTATION.test(String.fromCodePoint(codePoint)))
	);
}
