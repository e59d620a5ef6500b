import type { JsonObject } from '../../../contract/json.ts';
import type { Row } from '../../../contract/envelope.ts';

/** What the process that draws is told, as one JSON text. */
export interface DrawJob {
	charts: readonly ChartToDraw[];
	/** What "now" is, milliseconds: the same result gives the same picture. */
	now: number;
}

export interface ChartToDraw {
	/** A Vega-Lite specification that refers to `rows`, or to nothing. */
	spec: JsonObject;
	rows: readonly Row[];
	look: ChartLook;
}

/** Points of the picture, and colours as `#rrggbb`. */
export interface ChartLook {
	width: number;
	height: number;
	/** Of labels. */
	fontSize: number;
	accent: string;
	ink: string;
	soft: string;
	line: string;
}

/** One for each chart, in the same order. */
export type DrawReply = ({ svg: string } | { error: string })[];
