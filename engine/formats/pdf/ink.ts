import type { Face } from './fonts/face.ts';
import type { Line } from './fonts/text.ts';

/** Red, green and blue from 0 to 1, as PDF writes them. */
export type Colour = string;

/** Where a line of text stands: points from the left and the top of the page, `y` on its base line. */
export interface TextPlace {
	x: number;
	y: number;
	/** Of the type, points. */
	size: number;
	colour: Colour;
}

export interface Box {
	x: number;
	y: number;
	width: number;
	height: number;
}

/** What is drawn on one page, as operators of PDF. The page's origin is its upper left corner. */
export class Ink {
	/** The faces that the page needs. */
	readonly faces = new Set<Face>();
	readonly #operators: string[] = [];
	#inText = false;
	#font = '';
	#colour = '';

	text({ runs }: Line, { x, y, size, colour }: TextPlace): void {
		if (runs.length === 0) return;
		const out = this.#operators;
		if (!this.#inText) {
			out.push('BT');
			this.#inText = true;
		}
		this.#fill(colour);
		out.push(`1 0 0 -1 ${short(x)} ${short(y)} Tm`);
		for (const { face, parts } of runs) {
			const font = `/${face.id} ${short(size)} Tf`;
			if (font !== this.#font) {
				out.push(font);
				this.#font = font;
				this.faces.add(face);
			}
			for (const { rise, show } of parts) {
				if (rise === 0) out.push(show);
				else out.push(`${short((rise * size) / 1000)} Ts`, show, '0 Ts');
			}
		}
	}

	fill({ x, y, width, height }: Box, colour: Colour): void {
		this.#endText();
		this.#fill(colour);
		this.#operators.push(`${short(x)} ${short(y)} ${short(width)} ${short(height)} re f`);
	}

	/** Anything else. It has to leave the state of the page as it was. */
	raw(operators: string): void {
		this.#endText();
		this.#operators.push(`q\n${operators}\nQ`);
	}

	/** All operators; nothing can be drawn after. */
	end(): string {
		this.#endText();
		return this.#operators.join('\n');
	}

	#fill(colour: Colour): void {
		if (colour === this.#colour) return;
		this.#operators.push(`${colour} rg`);
		this.#colour = colour;
	}

	#endText(): void {
		if (this.#inText) this.#operators.push('ET');
		this.#inText = false;
		this.#font = '';
	}
}

/** A hundredth of a point is finer than any printer. */
export function short(value: number): string {
	return String(Math.round(value * 100) / 100);
}

/** `#0b6e5f` as PDF writes it. */
export function colourOf(hex: string): Colour {
	const number = Number.parseInt(hex.slice(1), 16);
	const parts = [number >> 16, (number >> 8) & 0xff, number & 0xff];
	return parts.map((part) => String(Math.round((part / 255) * 1000) / 1000)).join(' ');
}
