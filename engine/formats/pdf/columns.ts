import type { Row } from '../../contract/envelope.ts';
import type { TextShaper } from './fonts/shaper.ts';
import type { Line } from './fonts/text.ts';
import { wrap } from './fonts/wrap.ts';

/** A column of a table as paper shows it. */
export interface PaperColumn {
	title: string;
	align: 'left' | 'right' | 'center';
	/** Numbers and dates stay on one line where they can. */
	wraps: boolean;
	/** Of numbers: whether digits are parted in groups, and how many stand after the point. */
	number?: { grouping: boolean; decimals: number };
	/** Cells that are likely to be the widest. */
	samples: readonly string[];
	text(row: Row): string;
}

export interface PlannedColumn extends PaperColumn {
	/** Points, with the space beside the text. */
	width: number;
	heading: readonly Line[];
}

export interface TablePlan {
	landscape: boolean;
	/** Of the type, points. */
	size: number;
	/** Columns that stand beside each other; more than one group takes several pages for the same rows. */
	groups: readonly (readonly PlannedColumn[])[];
}

export interface PlanOptions {
	shaper: TextShaper;
	/** Points of the usual type. */
	size: number;
	/** Points between the margins, by orientation; those that may be chosen. */
	widths: { portrait?: number; landscape?: number };
}

/** A page is turned and type is made smaller, by these steps, before columns go to further pages. */
const SMALLER = [1, 0.94, 0.88, 0.82, 0.76];
/** Space left and right of a cell's text, in sizes of the type. */
export const PADDING = 0.65;
/** Columns of text get narrower than their longest cell: thousandths of the type size. */
const WIDEST = 24_000;
const NARROWEST = 6_500;
const NARROWEST_LONG = 11_000;
/** How much more than its least a table wants before it is crammed on a page that is not turned. */
const COMFORT = 0.45;
/** How far a narrow table is stretched. */
const STRETCH = 2.6;

interface Wish {
	column: PaperColumn;
	/** Thousandths of the type size, with padding. */
	least: number;
	best: number;
}

/** How a table fits on paper: which way up, in which size, how wide its columns. */
export function planTable(columns: readonly PaperColumn[], options: PlanOptions): TablePlan {
	const wishes = columns.map((column) => wishOf(column, options.shaper));
	const least = sum(wishes.map((wish) => wish.least));
	const best = sum(wishes.map((wish) => wish.best));
	const comfortable = least + (best - least) * COMFORT;
	const { portrait, landscape } = options.widths;
	const pages = [portrait, landscape].filter((width) => width !== undefined);
	for (const need of [comfortable, least]) {
		for (const factor of SMALLER) {
			for (const room of pages) {
				const size = options.size * factor;
				const fits = (need * size) / 1000 <= room;
				if (fits) return plan([wishes], { size, room, landscape: room !== portrait, options });
			}
			if (need === comfortable) break;
		}
	}
	const size = options.size * (SMALLER.at(-2) ?? 1);
	const room = landscape ?? portrait ?? 0;
	const groups = grouped(wishes, (room * 1000) / size);
	return plan(groups, { size, room, landscape: landscape !== undefined, options });
}

function wishOf(column: PaperColumn, shaper: TextShaper): Wish {
	const padding = PADDING * 2000;
	const measure = (text: string, weight: 'regular' | 'bold'): number =>
		shaper.line(text, weight).width;
	const words = column.title.split(/\s+/).map((word) => measure(word, 'bold'));
	const heading = Math.min(Math.max(0, ...words), NARROWEST_LONG);
	const cells = Math.max(0, ...column.samples.map((sample) => measure(sample, 'regular')));
	const whole = measure(column.title, 'bold');
	if (!column.wraps) {
		const width = Math.max(Math.min(cells, WIDEST), heading) + padding;
		return { column, least: width, best: Math.max(width, Math.min(whole, cells * 1.6) + padding) };
	}
	const narrow = cells > WIDEST ? NARROWEST_LONG : NARROWEST;
	const least = Math.max(Math.min(cells, narrow), heading) + padding;
	return {
		column,
		least,
		best: Math.max(Math.min(Math.max(cells, whole), WIDEST) + padding, least),
	};
}

/** Columns in groups of which each fits; the first column is repeated, so that rows can be told apart. */
function grouped(wishes: readonly Wish[], room: number): Wish[][] {
	const [key] = wishes;
	const groups: Wish[][] = [];
	let current: Wish[] = [];
	for (const wish of wishes) {
		const used = sum(current.map(({ least }) => least));
		if (current.length > (key && groups.length > 0 ? 1 : 0) && used + wish.least > room) {
			groups.push(current);
			current = key && key.least * 2 < room ? [key] : [];
		}
		current.push(wish);
	}
	return [...groups, current];
}

interface PlanParts {
	size: number;
	room: number;
	landscape: boolean;
	options: PlanOptions;
}

function plan(
	groups: readonly (readonly Wish[])[],
	{ size, room, landscape, options: { shaper } }: PlanParts,
): TablePlan {
	const em = (room * 1000) / size;
	return {
		landscape,
		size,
		groups: groups.map((wishes) => {
			const widths = share(wishes, em);
			return wishes.map(({ column }, index) => {
				const width = widths[index] ?? 0;
				const heading = headingOf(column.title, width - PADDING * 2000, shaper);
				return { ...column, width: (width * size) / 1000, heading };
			});
		}),
	};
}

/** Each column gets what it needs, and the columns that want more share what is left. */
function share(wishes: readonly Wish[], room: number): number[] {
	const least = sum(wishes.map((wish) => wish.least));
	const best = sum(wishes.map((wish) => wish.best));
	if (best <= room) {
		const stretch = Math.min(room / best, STRETCH);
		return wishes.map((wish) => wish.best * stretch);
	}
	if (least > room) return wishes.map((wish) => (wish.least * room) / least);
	const part = (room - least) / (best - least);
	return wishes.map((wish) => wish.least + (wish.best - wish.least) * part);
}

/** Names longer than so many lines are cut; the summary has them whole. */
const MOST_HEADING = 6;

function headingOf(title: string, limit: number, shaper: TextShaper): readonly Line[] {
	const lines = wrap(title, limit, { shaper, weight: 'bold' });
	if (lines.length <= MOST_HEADING) return lines;
	return [...lines.slice(0, MOST_HEADING - 1), shaper.line('…', 'bold')];
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}
