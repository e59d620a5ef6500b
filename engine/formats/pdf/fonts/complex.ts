import bidiModule, { type Bidi } from 'bidi-js';
import type { GlyphRun } from 'fontkit';

import type { Face, Glyph } from './face.ts';
import type { FontLibrary, Weight } from './library.ts';
import type { Line, Run } from './text.ts';

/** Its types describe a default export; Node sees a CommonJS module that is the function itself. */
const bidi = (bidiModule as unknown as () => Bidi)();
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
const RIGHT_TO_LEFT =
	/[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802-\ud803\ud83a-\ud83b]/;
/** What is never seen: joiners, marks of direction, selectors of variants. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

/** Neighbours of one face and one direction. */
interface Piece {
	text: string;
	face: Face | undefined;
	level: number;
}

/**
 * A line of any script: ordered by the Unicode Bidirectional Algorithm, fonts chosen cluster by cluster,
 * joined, reordered and marked by the fonts' own tables.
 */
export function shapeComplex(text: string, weight: Weight, library: FontLibrary): Line {
	const pieces = piecesOf(text, weight, library);
	const runs = visualOrder(pieces).flatMap((piece) => shapePiece(piece, weight, library));
	return { runs, width: runs.reduce((sum, run) => sum + run.width, 0) };
}

function piecesOf(text: string, weight: Weight, library: FontLibrary): Piece[] {
	const levels = RIGHT_TO_LEFT.test(text) ? bidi.getEmbeddingLevels(text).levels : undefined;
	const pieces: Piece[] = [];
	for (const { segment, index } of clusters.segment(text)) {
		const level = levels?.[index] ?? 0;
		const before = pieces.at(-1);
		const visible = [...segment].flatMap((character) =>
			INVISIBLE.test(character) ? [] : [character.codePointAt(0) ?? 0],
		);
		const emoji = segment.includes('\ufe0f') || segment.includes('\u200d');
		const same = !emoji && visible.every((code) => before?.face?.has(code));
		const face =
			visible.length === 0 || same
				? before?.face
				: library.faceForCluster(emoji ? [...visible, ...joiners(segment)] : visible, weight);
		if (face && !visible.every((code) => face.has(code))) {
			// no font has all of it: a mark is then set by a font that has the mark
			for (const character of segment) {
				const own = library.faceFor(character.codePointAt(0) ?? 0, weight);
				pieces.push({ text: character, face: own, level });
			}
		} else if (before?.level === level && before.face === face) before.text += segment;
		else pieces.push({ text: segment, face, level });
	}
	return pieces;
}

function joiners(segment: string): number[] {
	return segment.includes('\u200d') ? [0x200d] : [];
}

/** Rule L2: from the highest level to the lowest odd one, whatever stands at it or above is reversed. */
function visualOrder(pieces: readonly Piece[]): readonly Piece[] {
	const ordered = [...pieces];
	const highest = Math.max(0, ...pieces.map(({ level }) => level));
	for (let level = highest; level > 0; level--) {
		for (let from = 0; from < ordered.length; from++) {
			let to = from;
			while (to < ordered.length && (ordered[to]?.level ?? 0) >= level) to++;
			if (to > from + 1) ordered.splice(from, to - from, ...ordered.slice(from, to).reverse());
			from = Math.max(from, to);
		}
	}
	return ordered;
}

function shapePiece({ text, face, level }: Piece, weight: Weight, library: FontLibrary): Run[] {
	if (!face) return boxes(text, weight, library);
	const backwards = level % 2 === 1;
	const source = backwards ? mirrored(text) : text;
	const run = face.font.layout(source, undefined, undefined, undefined, backwards ? 'rtl' : 'ltr');
	return drawRun(run, face, { text, backwards, weight, library });
}

/** Brackets in text from right to left open the other way. */
function mirrored(text: string): string {
	return [...text].map((character) => bidi.getMirroredCharacter(character) ?? character).join('');
}

function boxes(text: string, weight: Weight, library: FontLibrary): Run[] {
	return [...text].flatMap((character) => {
		if (INVISIBLE.test(character)) return [];
		const { face, hex, width } = library.glyph(character.codePointAt(0) ?? 0, weight);
		return [{ face, width, parts: [{ rise: 0, show: `<${hex}> Tj` }] }];
	});
}

interface DrawParts {
	text: string;
	backwards: boolean;
	weight: Weight;
	library: FontLibrary;
}

function drawRun(run: GlyphRun, face: Face, parts: DrawParts): Run[] {
	const { text: whole, backwards, weight, library } = parts;
	const scale = 1000 / face.font.unitsPerEm;
	const runs: Run[] = [];
	let writer = new RunWriter(face);
	run.glyphs.forEach((source, index) => {
		const position = run.positions[index];
		if (!position) return;
		const text = String.fromCodePoint(...source.codePoints);
		if (source.id === 0 && text !== '') {
			runs.push(...writer.end(), ...boxes(text, weight, library));
			writer = new RunWriter(face);
			return;
		}
		writer.add(face.glyph(source, backwards ? mirrored(text) : text), {
			x: position.xOffset * scale,
			y: position.yOffset * scale,
			advance: position.xAdvance * scale,
		});
	});
	runs.push(...writer.end());
	const found = run.glyphs.flatMap((glyph) => glyph.codePoints);
	return backwards || String.fromCodePoint(...found) === whole ? runs : runs.map(said(whole));
}

/** Glyphs that stand in another order than their letters say themselves which text they are. */
function said(text: string): (run: Run, index: number, all: readonly Run[]) => Run {
	const hex = Buffer.from(`\ufeff${text}`, 'utf16le').swap16().toString('hex');
	return (run, index, all) => {
		const [first, last] = [index === 0, index === all.length - 1];
		const parts = run.parts.map(({ rise, show }, at) => ({
			rise,
			show:
				(first && at === 0 ? `/Span <</ActualText <${hex}>>> BDC ` : '') +
				show +
				(last && at === run.parts.length - 1 ? ' EMC' : ''),
		}));
		return { ...run, parts };
	};
}

/** Gathers glyphs that are set to the right place, one after another. */
class RunWriter {
	readonly #face: Face;
	readonly #parts: { rise: number; show: string }[] = [];
	#items = '';
	#rise = 0;
	#width = 0;

	constructor(face: Face) {
		this.#face = face;
	}

	add({ hex, width }: Glyph, at: { x: number; y: number; advance: number }): void {
		const rise = round(at.y);
		if (rise !== this.#rise) this.#flush();
		this.#rise = rise;
		this.#items += `${adjust(at.x)}<${hex}>${adjust(at.advance - at.x - width)}`;
		this.#width += at.advance;
	}

	end(): Run[] {
		this.#flush();
		if (this.#parts.length === 0) return [];
		return [{ face: this.#face, width: this.#width, parts: this.#parts }];
	}

	#flush(): void {
		if (this.#items !== '') {
			this.#parts.push({ rise: this.#rise, show: `[${this.#items}] TJ` });
		}
		this.#items = '';
	}
}

/** In an array of glyphs, a positive number moves what follows back. */
function adjust(distance: number): string {
	const rounded = round(distance);
	return rounded === 0 ? '' : ` ${-rounded} `;
}

function round(value: number): number {
	return Math.round(value * 10) / 10;
}
