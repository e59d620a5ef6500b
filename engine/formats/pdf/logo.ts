import type { Logo } from '../shared/report/theme.ts';
import type { PdfObject } from './fonts/embed.ts';
import { short } from './ink.ts';
import type { Pages } from './pages.ts';

export interface LogoPlace {
	/** Points: its right edge, its top, and the most that it may take. */
	right: number;
	top: number;
	width: number;
	height: number;
}

/** Draws a logo on the page that is open. @returns how wide it is, points */
export function drawLogo(logo: Logo, pages: Pages, place: LogoPlace): number {
	if (logo.pixels) {
		const { width, height } = logo.pixels;
		const scale = Math.min(place.width / width, place.height / height);
		const [w, h] = [width * scale, height * scale];
		const name = pages.use(imageOf(logo, pages));
		const matrix = [w, 0, 0, -h, place.right - w, place.top + h].map(short).join(' ');
		pages.ink.raw(`${matrix} cm /${name} Do`);
		return w;
	}
	const { document } = pages;
	const x = place.right - place.width;
	document.image(logo.bytes, x, place.top, {
		fit: [place.width, place.height],
		align: 'right',
	});
	return place.width;
}

function imageOf({ pixels }: Logo, { objects }: Pages): PdfObject {
	const { width, height, colours, opacity } = pixels ?? {};
	const base = {
		Type: 'XObject',
		Subtype: 'Image',
		Width: width,
		Height: height,
		BitsPerComponent: 8,
	};
	let mask: PdfObject | undefined;
	if (opacity) {
		mask = objects.ref({ ...base, ColorSpace: 'DeviceGray' });
		mask.end(opacity);
	}
	const image = objects.ref({ ...base, ColorSpace: 'DeviceRGB', ...(mask && { SMask: mask }) });
	image.end(colours);
	return image;
}
