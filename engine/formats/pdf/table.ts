import type { Row } from '../../contract/envelope.ts';
import { PADDING, type PlannedColumn, type TablePlan } from './columns.ts';
import type { TextShaper } from './fonts/shaper.ts';
import type { Line } from './fonts/text.ts';
import { wrap } from './fonts/wrap.ts';
import type { Ink } from './ink.ts';
import type { Look, PageSize } from './look.ts';
import type { Pages } from './pages.ts';

/** Height of a line in sizes of the type, and space above and below the text of a cell. */
const LEADING = 1.32;
const SPACE = 0.32;
/** Where the base line of a line is, from its top, in sizes of the type. */
const BASE = 1.02;
/** A row that needs more of a page than this is broken over pages. */
const BREAKABLE = 0.5;
const PLAIN_DECIMALS = /^-?\d+(?:\.(\d+))?$/;

interface Cell {
	lines: readonly Line[];
	/** Thousandths of the type size by which decimals that are not there push the number to the left. */
	shift: number;
}

interface LaidRow {
	/** Counted over the whole table: every second row is striped. */
	index: number;
	groups: readonly (readonly Cell[])[];
	/** Of the tallest cell. */
	lines: number;
}

export interface TableParts {
	pages: Pages;
	shaper: TextShaper;
	look: Look;
	plan: TablePlan;
	pageSize: PageSize;
	/** What stands above the table on every page after the first. */
	runningTitle: string;
	/** Where the table begins on the page that is open, points from the top. */
	top: number;
}

/**
 * Draws rows page by page: the rows of one page are laid out, drawn (once for every group of columns), and
 * forgotten.
 */
export class TablePainter {
	readonly #parts: TableParts;
	readonly #lineHeight: number;
	readonly #space: number;
	readonly #headHeight: number;
	readonly #room: number;
	#pending: LaidRow[] = [];
	#used = 0;
	#count = 0;
	#top: number;
	/** Whether the page that is open has room that is not drawn on yet. */
	#open = true;

	constructor(parts: TableParts) {
		this.#parts = parts;
		const { plan, look, pageSize, top } = parts;
		this.#lineHeight = plan.size * LEADING;
		this.#space = plan.size * SPACE;
		const lines = Math.max(1, ...plan.groups.flat().map(({ heading }) => heading.length));
		this.#headHeight = lines * this.#lineHeight + this.#space * 2;
		this.#top = top;
		this.#room = pageSize.height - look.margin - this.#fullTop - this.#headHeight;
	}

	/** Adds a row. @returns whether pages were finished, which can be handed out */
	add(row: Row): boolean {
		let laid = this.#lay(row);
		let finished = false;
		for (;;) {
			const height = this.#heightOf(laid.lines);
			if (this.#used + height <= this.#left) break;
			const lines = Math.floor((this.#left - this.#used - this.#space * 2) / this.#lineHeight);
			const breaks = height > this.#room * BREAKABLE && lines >= 1;
			if (breaks) {
				this.#push(slice(laid, 0, lines));
				laid = slice(laid, lines, laid.lines);
			}
			this.#draw();
			finished = true;
		}
		this.#push(laid);
		return finished;
	}

	/** Draws what is left. @returns where the table ends, points from the top of the page that is open */
	end(): number {
		const height = this.#headHeight + this.#used;
		const top = this.#open ? this.#top : this.#fullTop;
		this.#draw();
		return top + height;
	}

	/** Where tables begin on pages that they have for themselves. */
	get #fullTop(): number {
		const { look } = this.#parts;
		return look.margin + look.small * 1.2;
	}

	/** Points for rows on the page that comes next. */
	get #left(): number {
		if (!this.#open) return this.#room;
		const { pageSize, look } = this.#parts;
		return pageSize.height - look.margin - this.#top - this.#headHeight;
	}

	#push(row: LaidRow): void {
		this.#pending.push(row);
		this.#used += this.#heightOf(row.lines);
	}

	#heightOf(lines: number): number {
		return lines * this.#lineHeight + this.#space * 2;
	}

	#lay(row: Row): LaidRow {
		const { plan } = this.#parts;
		let lines = 1;
		const groups = plan.groups.map((columns) =>
			columns.map((column) => {
				const cell = this.#cell(row, column);
				if (cell.lines.length > lines) lines = cell.lines.length;
				return cell;
			}),
		);
		return { index: this.#count++, groups, lines };
	}

	#cell(row: Row, column: PlannedColumn): Cell {
		const { shaper, plan } = this.#parts;
		const text = column.text(row);
		if (text === '') return EMPTY;
		const limit = (column.width * 1000) / plan.size - PADDING * 2000;
		if (column.number) {
			const line = column.number.grouping
				? shaper.grouped(text, 'regular')
				: shaper.line(text, 'regular');
			const shift = this.#shift(text, column.number.decimals);
			if (line.width + shift <= limit + 1) return { lines: [line], shift };
		}
		return { lines: wrap(text, limit, { shaper, weight: 'regular' }), shift: 0 };
	}

	/** The points of numbers stand below each other. */
	#shift(text: string, decimals: number): number {
		const [match, fraction = ''] = PLAIN_DECIMALS.exec(text) ?? [];
		if (match === undefined || fraction.length >= decimals) return 0;
		const filler = (fraction === '' ? '.' : '') + '0'.repeat(decimals - fraction.length);
		return this.#parts.shaper.line(filler, 'regular').width;
	}

	/** Draws the rows that are laid out, on the page that is open if it has room, and on new ones. */
	#draw(): void {
		const { plan, pages, pageSize } = this.#parts;
		if (this.#pending.length > 0 || (this.#open && this.#count === 0)) {
			for (const [index, columns] of plan.groups.entries()) {
				const fresh = index > 0 || !this.#open;
				const ink = fresh ? pages.begin(pageSize) : pages.ink;
				if (fresh) this.#runningTitle(ink, index);
				this.#drawGroup(ink, { columns, index, top: fresh ? this.#fullTop : this.#top });
			}
			this.#open = false;
		} else if (this.#open) {
			// not one row fits below what is on the page already
			this.#open = false;
		}
		this.#pending = [];
		this.#used = 0;
	}

	#runningTitle(ink: Ink, group: number): void {
		const { runningTitle, look, shaper, plan } = this.#parts;
		const y = look.margin * 0.82;
		const place = { y, size: look.small, colour: look.colours.soft };
		ink.text(shaper.line(runningTitle, 'regular'), { ...place, x: look.margin });
		const all = plan.groups.length;
		if (all === 1) return;
		const note = shaper.line(`Columns, part ${group + 1} of ${all}`, 'regular');
		const x = this.#parts.pageSize.width - look.margin - (note.width * look.small) / 1000;
		ink.text(note, { ...place, x });
	}

	#drawGroup(
		ink: Ink,
		{ columns, index, top }: { columns: readonly PlannedColumn[]; index: number; top: number },
	): void {
		const { look, plan } = this.#parts;
		const width = columns.reduce((sum, column) => sum + column.width, 0);
		this.#drawHead(ink, { columns, top, width });
		let y = top + this.#headHeight;
		for (const row of this.#pending) {
			const height = this.#heightOf(row.lines);
			if (row.index % 2 === 1) ink.fill({ x: look.margin, y, width, height }, look.colours.stripe);
			y += height;
		}
		y = top + this.#headHeight;
		for (const row of this.#pending) {
			const cells = row.groups[index] ?? [];
			let x = look.margin;
			for (let at = 0; at < columns.length; at++) {
				const column = columns[at]!;
				const cell = cells[at] ?? EMPTY;
				if (cell !== EMPTY) {
					const place = { column, x, top: y + this.#space, colour: look.colours.ink };
					this.#drawLines(ink, cell, place);
				}
				x += column.width;
			}
			y += this.#heightOf(row.lines);
		}
		ink.fill({ x: look.margin, y, width, height: plan.size * 0.05 }, look.colours.strong);
	}

	#drawHead(
		ink: Ink,
		{ columns, top, width }: { columns: readonly PlannedColumn[]; top: number; width: number },
	): void {
		const { look } = this.#parts;
		const bottom = top + this.#headHeight;
		let x = look.margin;
		for (const column of columns) {
			const lines = column.heading;
			const height = lines.length * this.#lineHeight + this.#space;
			const colour = look.colours.soft;
			this.#drawLines(ink, { lines, shift: 0 }, { column, x, top: bottom - height, colour });
			x += column.width;
		}
		ink.fill({ x: look.margin, y: bottom - 0.8, width, height: 0.8 }, look.colours.ink);
	}

	#drawLines(
		ink: Ink,
		{ lines, shift }: Cell,
		{ column, x, top, colour }: { column: PlannedColumn; x: number; top: number; colour: string },
	): void {
		const { size } = this.#parts.plan;
		const padding = PADDING * size;
		let y = top + BASE * size;
		for (const line of lines) {
			const free = column.width - padding * 2 - ((line.width + shift) * size) / 1000;
			const move = column.align === 'right' ? free : column.align === 'center' ? free / 2 : 0;
			ink.text(line, { x: x + padding + Math.max(0, move), y, size, colour });
			y += this.#lineHeight;
		}
	}
}

const EMPTY: Cell = { lines: [], shift: 0 };

function slice(row: LaidRow, from: number, to: number): LaidRow {
	const groups = row.groups.map((cells) =>
		cells.map(({ lines, shift }) => ({ lines: lines.slice(from, to), shift })),
	);
	return { index: row.index, groups, lines: to - from };
}
