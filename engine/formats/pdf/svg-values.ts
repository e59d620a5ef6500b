import { color } from 'd3-color';

export type Matrix = [number, number, number, number, number, number];

const STEP = /(translate|rotate|scale|matrix)\(([^)]*)\)/g;

/** `translate(1,2) rotate(90)` as matrices, in the order in which they apply. */
export function transformsIn(text: string): Matrix[] {
	return [...text.matchAll(STEP)].map(([, name, values = '']) => {
		const [a = 0, b, c = 0, d = 0, e = 0, f = 0] = values.split(/[\s,]+/).map(Number);
		switch (name) {
			case 'translate':
				return [1, 0, 0, 1, a, b ?? 0];
			case 'scale':
				return [a, 0, 0, b ?? a, 0, 0];
			case 'rotate': {
				const [sin, cos] = [Math.sin((a * Math.PI) / 180), Math.cos((a * Math.PI) / 180)];
				return [cos, sin, -sin, cos, 0, 0];
			}
			default:
				return [a, b ?? 0, c, d, e, f];
		}
	});
}

/** A colour of CSS as `#rrggbb`; undefined where nothing is painted. Names that CSS does not know are black. */
export function colourIn(text: string): string | undefined {
	if (text === 'none' || text === '') return undefined;
	const colour = color(text);
	if (colour === null) return '#000000';
	return colour.opacity === 0 ? undefined : colour.formatHex();
}
