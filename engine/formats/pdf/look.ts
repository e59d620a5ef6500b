import { LINE, SOFT } from '../shared/report/charts.ts';
import type { Paper } from '../shared/report/options.ts';
import type { Theme } from '../shared/report/theme.ts';
import { colourOf, type Colour } from './ink.ts';

/** Points, in the direction in which the page is read. */
export interface PageSize {
	width: number;
	height: number;
}

/** Sizes of type and space in points, and colours. */
export interface Look {
	/** Of the table, where it fits. */
	text: number;
	title: number;
	heading: number;
	small: number;
	margin: number;
	colours: Readonly<
		Record<
			'ink' | 'soft' | 'faint' | 'line' | 'strong' | 'stripe' | 'accent' | 'warn' | 'warnPaper',
			Colour
		>
	>;
}

const PAPERS = {
	A3: [841.89, 1190.55],
	A4: [595.28, 841.89],
	A5: [419.53, 595.28],
	Letter: [612, 792],
	Legal: [612, 1008],
	Tabloid: [792, 1224],
} as const satisfies Record<Paper, readonly [number, number]>;

export function pageSize(paper: Paper, orientation: 'portrait' | 'landscape'): PageSize {
	const [short, long] = PAPERS[paper];
	return orientation === 'portrait'
		? { width: short, height: long }
		: { width: long, height: short };
}

/** Points of the rows' type unless the theme says otherwise. */
const TEXT = 8.5;

export function lookOf({ accent, ink, fontSize = TEXT }: Theme): Look {
	return {
		text: fontSize,
		title: fontSize * 2.3,
		heading: fontSize * 1.25,
		small: fontSize * 0.85,
		margin: 42,
		colours: {
			ink: colourOf(ink),
			soft: colourOf(SOFT),
			faint: colourOf('#838d97'),
			line: colourOf(LINE),
			strong: colourOf('#b4bdc6'),
			stripe: colourOf('#f6f8f9'),
			accent: colourOf(accent),
			warn: colourOf('#7a4d00'),
			warnPaper: colourOf('#fff6e0'),
		},
	};
}
