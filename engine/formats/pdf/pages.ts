import PDFDocument from 'pdfkit';

import type { ReportMeta } from '../format.port.ts';
import { embedFace, type ObjectWriter, type PdfObject } from './fonts/embed.ts';
import type { Face } from './fonts/face.ts';
import type { TextShaper } from './fonts/shaper.ts';
import { Ink, short } from './ink.ts';
import type { Look, PageSize } from './look.ts';

/** What of a pdfkit page is used beside its drawing. */
interface PageParts {
	dictionary: PdfObject;
	fonts: Record<string, PdfObject>;
	xobjects: Record<string, PdfObject>;
}

export interface PagesOptions {
	title: string;
	meta: ReportMeta;
	shaper: TextShaper;
	look: Look;
}

const TOTAL = 'Total';
const CREATOR = 'CapScheduler';
/** Of the words that are the report's own. */
const LANGUAGE = 'en';

/**
 * The pages of one document, written one by one: a page that is finished is handed out and forgotten.
 * How many pages there are is known at the end only, so every page shows one object that is written then.
 */
export class Pages {
	readonly #document: PDFKit.PDFDocument;
	readonly #options: PagesOptions;
	readonly #fonts = new Map<Face, PdfObject>();
	readonly #total: PdfObject;
	#ink: Ink | undefined;
	#size: PageSize = { width: 0, height: 0 };
	count = 0;

	constructor(options: PagesOptions) {
		this.#options = options;
		const { title, meta } = options;
		const made = new Date(meta.resultAt);
		this.#document = new PDFDocument({
			pdfVersion: '1.7',
			autoFirstPage: false,
			lang: LANGUAGE,
			displayTitle: true,
			// no default font: it would be loaded and never used
			font: null as unknown as string,
			info: {
				Title: title,
				Subject: `${meta.capability} / ${meta.action}`,
				Creator: CREATOR,
				Producer: CREATOR,
				CreationDate: made,
				ModDate: made,
			},
		});
		this.#total = this.objects.ref();
	}

	/** For what writes objects of its own, and images. */
	get document(): PDFKit.PDFDocument {
		return this.#document;
	}

	get objects(): ObjectWriter {
		return this.#document;
	}

	get size(): PageSize {
		return this.#size;
	}

	/** What is drawn now is on this page. */
	get ink(): Ink {
		if (!this.#ink) throw new Error('pdf: no page was begun');
		return this.#ink;
	}

	begin(size: PageSize): Ink {
		this.#finish();
		this.#size = size;
		const written = this.#document.page as unknown as PageParts | null;
		this.#document.addPage({ size: [size.width, size.height], margin: 0 });
		// the page before was written out; the list of pages needs its number only
		if (written) written.dictionary.data = {};
		this.count += 1;
		this.#ink = new Ink();
		this.#foot();
		return this.#ink;
	}

	/** Makes an image known to the page that is open. @returns the name to draw it by */
	use(image: PdfObject): string {
		const name = `I${this.count}`;
		(this.#document.page as unknown as PageParts).xobjects[name] = image;
		return name;
	}

	/** A mark in the reader's table of contents. */
	outline(title: string): void {
		this.#document.outline.addItem(title);
	}

	/** What is written since the last call. */
	*take(): Generator<Uint8Array> {
		for (let chunk; (chunk = this.#document.read() as Buffer | null) !== null;) yield chunk;
	}

	/** Ends the last page and writes what all pages share. */
	end(): void {
		this.#finish();
		this.#writeTotal();
		for (const [face, target] of this.#fonts) embedFace(face, target, this.objects);
		this.#document.end();
	}

	/** Lets go of what was not read. */
	destroy(): void {
		this.#document.destroy();
	}

	#finish(): void {
		if (!this.#ink) return;
		this.#document.addContent(this.#ink.end());
		const page = this.#document.page as unknown as PageParts;
		for (const face of this.#ink.faces) page.fonts[face.id] = this.#font(face);
		page.xobjects[TOTAL] = this.#total;
		this.#ink = undefined;
	}

	#font(face: Face): PdfObject {
		let font = this.#fonts.get(face);
		if (!font) this.#fonts.set(face, (font = this.objects.ref()));
		return font;
	}

	#foot(): void {
		const { shaper, look, title, meta } = this.#options;
		const { margin, small, colours } = look;
		const y = this.#size.height - margin * 0.55;
		const place = { y, size: small, colour: colours.faint };
		const number = shaper.line(`Page ${this.count} of `, 'regular');
		const ink = this.ink;
		ink.text(number, { ...place, x: margin });
		const x = margin + (number.width * small) / 1000;
		ink.raw(`1 0 0 1 ${short(x)} ${short(y)} cm /${TOTAL} Do`);
		const room = this.#size.width - margin * 2 - (number.width * small) / 1000 - 60;
		const about = shaper.line(
			meta.runId === null ? title : `${title}, run ${meta.runId}`,
			'regular',
		);
		const width = (about.width * small) / 1000;
		if (width <= room) ink.text(about, { ...place, x: this.#size.width - margin - width });
	}

	#writeTotal(): void {
		const { shaper, look } = this.#options;
		const line = shaper.line(String(this.count), 'regular');
		const ink = new Ink();
		ink.text(line, { x: 0, y: 0, size: look.small, colour: look.colours.faint });
		const fonts = [...ink.faces].map((face) => [face.id, this.#font(face)]);
		this.#total.data = {
			Type: 'XObject',
			Subtype: 'Form',
			BBox: [0, -look.small * 2, look.small * 10, look.small * 2],
			Resources: { Font: Object.fromEntries(fonts) as object },
		};
		this.#total.end(ink.end());
	}
}
