import type { TextShaper } from './fonts/shaper.ts';
import type { Weight } from './fonts/library.ts';
import { wrap } from './fonts/wrap.ts';
import type { Colour } from './ink.ts';
import type { Look, PageSize } from './look.ts';
import type { Pages } from './pages.ts';

const LEADING = 1.35;

export interface FlowParts {
	pages: Pages;
	shaper: TextShaper;
	look: Look;
}

/** Where the next block stands; blocks that do not fit go to a new page. */
export class Flow {
	readonly parts: FlowParts;
	/** Points from the top of the page that is open. */
	y = 0;

	constructor(parts: FlowParts) {
		this.parts = parts;
	}

	get width(): number {
		return this.parts.pages.size.width - this.parts.look.margin * 2;
	}

	/** Points down to the margin. */
	get room(): number {
		return this.parts.pages.size.height - this.parts.look.margin - this.y;
	}

	/** A new page, unless the one that is open has the room and the size. */
	need(height: number, size: PageSize = this.parts.pages.size): void {
		const open = this.parts.pages.size;
		const same = size.width === open.width && size.height === open.height;
		if (same && height <= this.room) return;
		this.parts.pages.begin(size);
		this.y = this.parts.look.margin;
	}

	heading(text: string): void {
		const { look, pages, shaper } = this.parts;
		this.need(look.heading * 6);
		this.y += look.heading * 1.4;
		const place = { x: look.margin, y: this.y, size: look.heading, colour: look.colours.ink };
		pages.ink.text(shaper.line(text, 'bold'), place);
		this.y += look.heading * 0.6;
	}

	/** Text in lines, over as many pages as it takes. */
	paragraph(
		text: string,
		{ colour, size, weight = 'regular' }: { colour: Colour; size: number; weight?: Weight },
	): void {
		const { look, pages, shaper } = this.parts;
		for (const line of wrap(text, (this.width * 1000) / size, { shaper, weight })) {
			this.need(size * LEADING);
			this.y += size * LEADING;
			pages.ink.text(line, { x: look.margin, y: this.y - size * 0.3, size, colour });
		}
	}

	/** A remark that is not to be overlooked: sentences on a coloured ground. */
	notice(text: string): void {
		const { look, pages, shaper } = this.parts;
		const { text: size, colours, margin } = look;
		const padding = size * 0.9;
		const limit = ((this.width - padding * 2) * 1000) / size;
		const lines = wrap(text, limit, { shaper, weight: 'regular' }).slice(0, 40);
		const height = lines.length * size * LEADING + padding * 1.6;
		this.need(height + size);
		this.y += size * 0.6;
		pages.ink.fill({ x: margin, y: this.y, width: this.width, height }, colours.warnPaper);
		let y = this.y + padding * 0.8 + size;
		for (const line of lines) {
			pages.ink.text(line, { x: margin + padding, y, size, colour: colours.warn });
			y += size * LEADING;
		}
		this.y += height + size * 0.6;
	}
}
