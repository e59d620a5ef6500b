import type { SvgElement } from '../shared/chart/svg.ts';
import type { TextShaper } from './fonts/shaper.ts';
import { Ink, colourOf } from './ink.ts';
import type { Pages } from './pages.ts';
import { colourIn, transformsIn } from './svg-values.ts';

/** What elements hand on to those in them. */
type Inherited = Readonly<Record<string, string>>;

const HANDED_ON = [
	'fill',
	'stroke',
	'stroke-width',
	'stroke-miterlimit',
	'stroke-linecap',
	'stroke-linejoin',
	'stroke-dasharray',
	'fill-opacity',
	'stroke-opacity',
	'opacity',
	'font-size',
	'font-weight',
	'text-anchor',
];
const DEFAULTS: Inherited = { fill: '#000000', stroke: 'none' };
const CAPS = ['butt', 'round', 'square'] as const;
const JOINS = ['miter', 'round', 'bevel'] as const;
const BOX = /^M\s*(-?[\d.]+),(-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)/;

export interface PicturePlace {
	pages: Pages;
	shaper: TextShaper;
	x: number;
	y: number;
	/** Points of paper for a point of the picture. */
	scale: number;
}

/** Draws a picture as vectors and text on the page that is open. */
export function drawPicture(picture: SvgElement, place: PicturePlace): void {
	const painter = new Painter(picture, place);
	const { document } = place.pages;
	document.save();
	document.translate(place.x, place.y).scale(place.scale);
	painter.draw(picture, DEFAULTS);
	document.restore();
}

class Painter {
	readonly #document: PDFKit.PDFDocument;
	readonly #place: PicturePlace;
	readonly #defined = new Map<string, SvgElement>();

	constructor(picture: SvgElement, place: PicturePlace) {
		this.#place = place;
		this.#document = place.pages.document;
		const define = (element: SvgElement): void => {
			const { id } = element.attributes;
			if (id !== undefined) this.#defined.set(id, element);
			for (const child of element.children) if (typeof child === 'object') define(child);
		};
		define(picture);
	}

	draw(element: SvgElement, inherited: Inherited): void {
		if (element.name === 'defs' || element.name === 'clipPath') return;
		const { attributes } = element;
		const own = { ...inherited };
		for (const name of HANDED_ON) {
			const value = attributes[name];
			if (value === undefined) continue;
			own[name] = name === 'opacity' ? String(Number(own[name] ?? 1) * Number(value)) : value;
		}
		const moved = attributes['transform'] !== undefined || attributes['clip-path'] !== undefined;
		if (moved) this.#document.save();
		for (const matrix of transformsIn(attributes['transform'] ?? '')) {
			this.#document.transform(...matrix);
		}
		this.#clip(attributes['clip-path']);
		this.#shape(element, own);
		if (moved) this.#document.restore();
	}

	#shape(element: SvgElement, style: Inherited): void {
		switch (element.name) {
			case 'path':
				this.#paint(element.attributes['d'] ?? '', style);
				break;
			case 'rect':
				this.#paint(pathOfRect(element.attributes), style);
				break;
			case 'line':
				this.#paint(pathOfLine(element.attributes), { ...style, fill: 'none' });
				break;
			case 'text':
				this.#text(element, style);
				break;
			default:
				for (const child of element.children) {
					if (typeof child === 'object') this.draw(child, style);
				}
		}
	}

	#clip(reference: string | undefined): void {
		const clip = this.#defined.get(idIn(reference));
		const [shape] = clip?.children ?? [];
		if (typeof shape !== 'object') return;
		const path = shape.name === 'rect' ? pathOfRect(shape.attributes) : shape.attributes['d'];
		if (path !== undefined && path !== '') this.#document.path(path).clip();
	}

	#paint(path: string, style: Inherited): void {
		if (path === '' || path === 'M0,0h0v0h0Z') return;
		const opacity = Number(style['opacity'] ?? 1);
		const fills = this.#fill(path, style, opacity);
		const stroke = colourIn(style['stroke'] ?? 'none');
		const width = Number(style['stroke-width'] ?? 1);
		const strokes = stroke !== undefined && width > 0;
		if (!fills && !strokes) return;
		const document = this.#document;
		if (strokes) {
			document.lineWidth(width).strokeColor(stroke);
			document.strokeOpacity(opacity * Number(style['stroke-opacity'] ?? 1));
			document.lineCap(CAPS.find((cap) => cap === style['stroke-linecap']) ?? 'butt');
			document.lineJoin(JOINS.find((join) => join === style['stroke-linejoin']) ?? 'miter');
			const dashes = (style['stroke-dasharray'] ?? '')
				.split(/[\s,]+/)
				.map(Number)
				.filter((n) => n > 0);
			if (dashes.length > 0) document.dash(dashes as never, { space: undefined as never });
			else document.undash();
		}
		document.path(path);
		if (fills && strokes) document.fillAndStroke();
		else if (fills) document.fill();
		else document.stroke();
	}

	#fill(path: string, style: Inherited, opacity: number): boolean {
		const { fill = 'none' } = style;
		const document = this.#document;
		document.fillOpacity(opacity * Number(style['fill-opacity'] ?? 1));
		if (fill.startsWith('url(')) {
			const gradient = this.#gradient(path, this.#defined.get(idIn(fill)));
			if (gradient) document.fillColor(gradient);
			return gradient !== undefined;
		}
		const colour = colourIn(fill);
		if (colour !== undefined) document.fillColor(colour);
		return colour !== undefined;
	}

	/** Vega fills boxes with gradients only: the scale of colours beside a map of heat. */
	#gradient(
		path: string,
		definition: SvgElement | undefined,
	): PDFKit.Mixins.ColorValue | undefined {
		const box = BOX.exec(path)?.slice(1).map(Number);
		if (!box || !definition) return undefined;
		const [x = 0, y = 0, width = 0, height = 0] = box;
		const at = (name: string): number => Number(definition.attributes[name] ?? 0);
		const gradient = this.#document.linearGradient(
			x + at('x1') * width,
			y + at('y1') * height,
			x + at('x2') * width,
			y + at('y2') * height,
		);
		for (const stop of definition.children) {
			if (typeof stop !== 'object') continue;
			const colour = colourIn(stop.attributes['stop-color'] ?? '') ?? '#000000';
			gradient.stop(Number(stop.attributes['offset'] ?? 0), colour);
		}
		return gradient;
	}

	#text(element: SvgElement, style: Inherited): void {
		const colour = colourIn(style['fill'] ?? '#000000');
		const size = Number.parseFloat(style['font-size'] ?? '11');
		if (colour === undefined) return;
		const weight =
			style['font-weight'] === 'bold' || Number(style['font-weight']) >= 600 ? 'bold' : 'regular';
		this.#document.fillOpacity(Number(style['opacity'] ?? 1) * Number(style['fill-opacity'] ?? 1));
		const ink = new Ink();
		let y = Number(element.attributes['y'] ?? 0);
		const lines = element.children.map((child) =>
			typeof child === 'string' ? { text: child, x: 0, dy: 0 } : lineOf(child),
		);
		for (const { text, x, dy } of lines) {
			y += dy;
			const line = this.#place.shaper.line(text, weight);
			const width = (line.width * size) / 1000;
			const anchor = style['text-anchor'];
			const back = anchor === 'middle' ? width / 2 : anchor === 'end' ? width : 0;
			ink.text(line, {
				x: x + Number(element.attributes['x'] ?? 0) - back,
				y,
				size,
				colour: colourOf(colour),
			});
		}
		this.#document.addContent(ink.end());
		for (const face of ink.faces) this.#place.pages.ink.faces.add(face);
	}
}

function lineOf({ attributes, children }: SvgElement): { text: string; x: number; dy: number } {
	const text = children.filter((child) => typeof child === 'string').join('');
	return { text, x: Number(attributes['x'] ?? 0), dy: Number.parseFloat(attributes['dy'] ?? '0') };
}

function idIn(reference: string | undefined): string {
	return /^url\(#([^)]+)\)$/.exec(reference ?? '')?.[1] ?? '';
}

function pathOfRect({ x = '0', y = '0', width = '0', height = '0' }: Inherited): string {
	return `M${x},${y}h${width}v${height}h-${width}Z`;
}

function pathOfLine({ x1 = '0', y1 = '0', x2 = '0', y2 = '0' }: Inherited): string {
	return `M${x1},${y1}L${x2},${y2}`;
}
