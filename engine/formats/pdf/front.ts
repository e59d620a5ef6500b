import type { ReportMeta } from '../format.port.ts';
import { momentWriter } from '../shared/report/moment.ts';
import type { Logo } from '../shared/report/theme.ts';
import type { TextShaper } from './fonts/shaper.ts';
import type { Line } from './fonts/text.ts';
import { wrap } from './fonts/wrap.ts';
import { drawLogo } from './logo.ts';
import type { Look } from './look.ts';
import type { Pages } from './pages.ts';

/** Points: the largest that a logo is drawn, and the space that is kept between blocks. */
const LOGO = { width: 150, height: 44 };
const GAP = 12;
const LEADING = 1.35;

export interface FrontParts {
	pages: Pages;
	shaper: TextShaper;
	look: Look;
	title: string;
	/** Below the title: `1 234 rows, 8 columns`. */
	size: string;
	meta: ReportMeta;
	logo: Logo | undefined;
}

/** What stands above the first table. @returns where it ends, points from the top */
export function drawFront(parts: FrontParts): number {
	const { pages, look, shaper, title, size, meta, logo } = parts;
	const { margin, colours } = look;
	const ink = pages.ink;
	const width = pages.size.width - margin * 2;
	ink.fill({ x: 0, y: 0, width: pages.size.width, height: 5 }, colours.accent);
	const right = pages.size.width - margin;
	const logoWidth = logo ? drawLogo(logo, pages, { right, top: margin - 4, ...LOGO }) + GAP : 0;
	let y = margin + look.text;
	const origin = shaper.title(`${meta.capability} / ${meta.action}`, 'bold');
	ink.text(origin, { x: margin, y, size: look.text, colour: colours.accent });
	y += look.title * 1.25;
	const limit = ((width - logoWidth) * 1000) / look.title;
	for (const line of wrap(title, limit, { shaper, weight: 'bold' })) {
		ink.text(line, { x: margin, y, size: look.title, colour: colours.ink });
		y += look.title * 1.15;
	}
	y += look.heading * 0.1;
	ink.text(shaper.line(size, 'regular'), {
		x: margin,
		y,
		size: look.heading,
		colour: colours.soft,
	});
	y += GAP * 1.4;
	return drawFacts(parts, y) + GAP;
}

interface Fact {
	name: string;
	lines: readonly string[];
}

function factsOf(meta: ReportMeta): Fact[] {
	const moment = momentWriter(meta.timeZone);
	const { nominalAt, window, resultAt, timeZone } = meta;
	const facts: Fact[] = [];
	if (nominalAt !== null) facts.push({ name: 'Scheduled for', lines: [moment(nominalAt)] });
	if (window !== null) {
		const { start, end } = window;
		const lines = start === null ? [`up to ${moment(end)}`] : [moment(start), `to ${moment(end)}`];
		facts.push({ name: 'Period', lines });
	}
	facts.push({ name: 'Result came', lines: [moment(resultAt)] });
	facts.push({ name: 'Time zone', lines: [timeZone] });
	return facts;
}

/** Facts beside each other between two rules, the parameters below. */
function drawFacts(parts: FrontParts, top: number): number {
	const { pages, look, shaper, meta } = parts;
	const { margin, colours } = look;
	const width = pages.size.width - margin * 2;
	const ink = pages.ink;
	const rule = (y: number): void => {
		ink.fill({ x: margin, y, width, height: 0.6 }, colours.line);
	};
	rule(top);
	let [x, y, height] = [margin, top + GAP, 0];
	for (const { name, lines } of factsOf(meta)) {
		const shaped = lines.map((line) => shaper.line(line, 'regular'));
		const own = Math.max(...shaped.map((line) => pointsOf(line, look.text)), 60);
		if (x + own > margin + width && x > margin) [x, y, height] = [margin, y + height, 0];
		drawFact({ name, lines: shaped, x, y }, parts);
		height = Math.max(height, (lines.length + 1) * look.text * LEADING + GAP * 0.6);
		x += own + 28;
	}
	y += height;
	const entries = Object.entries(meta.parameters);
	if (entries.length > 0) {
		const text = entries
			.map(
				([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
			)
			.join('   ');
		const lines = wrap(text, (width * 1000) / look.text, { shaper, weight: 'regular' });
		const shown = lines.slice(0, MOST_LINES);
		drawFact({ name: 'Parameters', lines: shown, x: margin, y }, parts);
		y += (shown.length + 1) * look.text * LEADING + GAP * 0.6;
	}
	rule(y);
	return y + GAP * 0.4;
}

/** Parameters are told on the first page, and leave room for other things there. */
const MOST_LINES = 12;

function drawFact(
	{ name, lines, x, y }: { name: string; lines: readonly Line[]; x: number; y: number },
	{ pages, look, shaper }: FrontParts,
): void {
	const { colours, small, text } = look;
	pages.ink.text(shaper.line(name, 'regular'), {
		x,
		y: y + small,
		size: small,
		colour: colours.soft,
	});
	lines.forEach((line, index) => {
		const base = y + small + (index + 1) * text * LEADING;
		pages.ink.text(line, { x, y: base, size: text, colour: colours.ink });
	});
}

function pointsOf(line: Line, size: number): number {
	return (line.width * size) / 1000;
}
