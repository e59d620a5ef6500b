import type { Glyph } from './face.ts';
import { FontLibrary, type Weight } from './library.ts';
import { shapeComplex } from './complex.ts';
import { NO_LINE, drawable, needsShaping, type Line, type Run } from './text.ts';

/** Lines of cells that come again and again, such as categories, are kept: so many, so long at most. */
const KEPT = 512;
const KEPT_LENGTH = 32;
/** Space between groups of digits, thousandths of the type size: seen, but no space when it is copied. */
const GROUP_GAP = 95;
const GROUPED = /^(-?)(\d{4,})(\.\d+)?$/;

/** Turns text into lines of glyphs. One for a document: what it used is what is embedded. */
export class TextShaper {
	readonly library: FontLibrary;
	readonly #kept = { regular: new Map<string, Line>(), bold: new Map<string, Line>() };
	readonly #glyphs = { regular: new Map<number, Glyph>(), bold: new Map<number, Glyph>() };

	constructor(language: string) {
		this.library = new FontLibrary(language);
	}

	/** One line, whatever the text holds. */
	line(text: string, weight: Weight): Line {
		if (text === '') return NO_LINE;
		const kept = this.#kept[weight];
		const known = kept.get(text);
		if (known) return known;
		const clean = drawable(text);
		const line = this.#simple(clean, weight) ?? shapeComplex(clean, weight, this.library);
		if (text.length <= KEPT_LENGTH) {
			if (kept.size >= KEPT) kept.clear();
			kept.set(text, line);
		}
		return line;
	}

	/** A title: with kerning, which a table does without. */
	title(text: string, weight: Weight): Line {
		return shapeComplex(drawable(text), weight, this.library);
	}

	/** A number with its digits in groups of three, parted by no character. */
	grouped(text: string, weight: Weight): Line {
		const [, sign = '', whole = '', fraction = ''] = GROUPED.exec(text) ?? [];
		if (whole === '') return this.line(text, weight);
		const head = whole.length % 3 || 3;
		const groups = [sign + whole.slice(0, head), ...(whole.slice(head).match(/\d{3}/g) ?? [])];
		groups.push((groups.pop() ?? '') + fraction);
		let width = 0;
		const pieces = groups.map((group) => {
			const line = this.line(group, weight);
			width += line.width;
			return line.runs[0]?.parts[0]?.show.slice(0, -3) ?? '';
		});
		const face = this.library.main(weight);
		width += (groups.length - 1) * GROUP_GAP;
		const show = `[${pieces.join(` -${GROUP_GAP} `)}] TJ`;
		return { width, runs: [{ face, width, parts: [{ rise: 0, show }] }] };
	}

	/** One glyph a character: what most text is. Nothing when it is not. */
	#simple(text: string, weight: Weight): Line | undefined {
		const glyphs = this.#glyphs[weight];
		const runs: Run[] = [];
		const shown = room(text.length);
		let face: Glyph['face'] | undefined;
		let [from, width, total] = [0, 0, 0];
		const end = (to: number): void => {
			if (face) runs.push({ face, width, parts: [{ rise: 0, show: `<${read(from, to)}> Tj` }] });
		};
		for (let at = 0; at < text.length; at++) {
			const code = text.charCodeAt(at);
			if (needsShaping(code)) return undefined;
			let glyph = glyphs.get(code);
			if (!glyph) {
				glyph = this.library.glyph(code, weight);
				if (this.library.faceFor(code, weight)) glyphs.set(code, glyph);
			}
			if (glyph.face !== face) {
				end(at);
				[face, from, width] = [glyph.face, at, 0];
			}
			shown[at] = glyph.packed;
			width += glyph.width;
			total += glyph.width;
		}
		end(text.length);
		return { runs, width: total };
	}
}

/** Where the glyphs of a line are put together: texts that grow by four characters leave much garbage. */
let scratch = new Uint32Array(1024);
let bytes = Buffer.from(scratch.buffer);

function room(glyphs: number): Uint32Array {
	if (scratch.length < glyphs) {
		scratch = new Uint32Array(glyphs * 2);
		bytes = Buffer.from(scratch.buffer);
	}
	return scratch;
}

const read = (from: number, to: number): string => bytes.toString('latin1', from * 4, to * 4);
