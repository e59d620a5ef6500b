/** Elements and attributes that vega writes and that reports show; whatever else there is, is left out. */
const ELEMENTS: ReadonlySet<string> = new Set(
	'svg g path rect line text tspan defs clipPath linearGradient stop'.split(' '),
);
const ATTRIBUTES: ReadonlySet<string> = new Set(
	(
		'transform d x y dx dy x1 y1 x2 y2 width height viewBox fill stroke opacity fill-opacity stroke-opacity ' +
		'stroke-width stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit ' +
		'clip-path id offset stop-color text-anchor font-size font-weight font-style gradientUnits'
	).split(' '),
);
const NAMES: Readonly<Record<string, string>> = {
	amp: '&',
	lt: '<',
	gt: '>',
	quot: '"',
	apos: "'",
};
const TAG =
	/<(\/?)([A-Za-z][\w:-]*)((?:[^<>"']|"[^"]*"|'[^']*')*?)(\/?)>|<!--[^]*?-->|<\?[^]*?\?>/g;
const LOCAL = /^url\(#[\w-]+\)$/;
const ATTRIBUTE = /([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** An element of a picture; texts are children of `text` and `tspan` only. */
export interface SvgElement {
	name: string;
	attributes: Readonly<Record<string, string>>;
	children: (SvgElement | string)[];
}

/**
 * A picture that vega wrote as a tree of what reports show, to be drawn in PDF or written anew in HTML. No
 * text of it gets anywhere unread.
 * @throws Error when it is no well-formed SVG
 */
export function readSvg(text: string): SvgElement {
	const root: SvgElement = { name: '', attributes: {}, children: [] };
	const open: SvgElement[] = [root];
	let [end, skipped] = [0, 0];
	for (const match of text.matchAll(TAG)) {
		const [all, closing, name, attributes = '', selfClosing] = match;
		const parent = open.at(-1) ?? root;
		const between = text.slice(end, match.index);
		if (skipped === 0 && (parent.name === 'text' || parent.name === 'tspan') && between !== '') {
			parent.children.push(decode(between));
		}
		end = match.index + all.length;
		if (name === undefined) continue;
		if (skipped > 0 || !ELEMENTS.has(name)) {
			if (closing === '/') skipped -= 1;
			else if (selfClosing !== '/') skipped += 1;
			continue;
		}
		if (closing === '/') {
			if (open.pop()?.name !== name) throw new Error('svg: an element ends that is not open');
			continue;
		}
		const element = { name, attributes: readAttributes(attributes), children: [] };
		parent.children.push(element);
		if (selfClosing !== '/') open.push(element);
	}
	const [svg] = root.children;
	if (open.length > 1 || typeof svg !== 'object' || svg.name !== 'svg') {
		throw new Error('svg: expected one whole picture');
	}
	return svg;
}

function readAttributes(text: string): Record<string, string> {
	const attributes: Record<string, string> = {};
	for (const [, name = '', double, single] of text.matchAll(ATTRIBUTE)) {
		if (!ATTRIBUTES.has(name)) continue;
		const value = decode(double ?? single ?? '');
		// nothing but what the picture itself defines
		if (!value.toLowerCase().includes('url') || LOCAL.test(value)) attributes[name] = value;
	}
	return attributes;
}

function decode(text: string): string {
	return text.replace(/&(?:#(\d+)|#x([\da-fA-F]+)|(\w+));/g, (all, decimal, hex, name) => {
		if (name !== undefined) return NAMES[name as string] ?? all;
		const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
		return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
	});
}
