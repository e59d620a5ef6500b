import { inflateSync } from 'node:zlib';

/** One piece of text as it stands on a page: points from the left and from the top. */
export interface PdfText {
	x: number;
	y: number;
	size: number;
	text: string;
}

export interface PdfPage {
	width: number;
	height: number;
	texts: readonly PdfText[];
	/** Operators, as they are written. */
	content: string;
}

export interface PdfDocument {
	pages: readonly PdfPage[];
	/** Every object, as it is written, without its stream. */
	objects: ReadonlyMap<number, string>;
	/** The decompressed stream of an object. */
	stream(id: number): string;
	/** What the catalog's and the trailer's entries say. */
	info: string;
}

const OBJECT = /(?:^|\n)(\d+) 0 obj\n([^]*?)\nendobj/g;

/** Reads what our own writer writes, for tests of structure; test/servers has readers that are not ours. */
export function readPdf(bytes: Buffer): PdfDocument {
	const text = bytes.toString('latin1');
	const objects = new Map<number, string>();
	const streams = new Map<number, string>();
	for (const [, id = '', body = ''] of text.matchAll(OBJECT)) {
		const [dictionary = '', rest] = body.split('\nstream\n', 2);
		objects.set(Number(id), dictionary);
		if (rest === undefined) continue;
		const packed = Buffer.from(body.slice(dictionary.length + 8), 'latin1');
		const plain = dictionary.includes('FlateDecode') ? inflateSync(packed) : packed;
		streams.set(Number(id), plain.toString('latin1'));
	}
	const stream = (id: number): string => streams.get(id) ?? '';
	const root = [...objects.values()].find((object) => object.includes('/Type /Pages')) ?? '';
	const kids = /\/Kids \[([^\]]*)\]/.exec(root)?.[1] ?? '';
	const reader = { objects, stream };
	const pages = [...kids.matchAll(/(\d+) 0 R/g)].map(([, id]) => readPage(Number(id), reader));
	return { pages, objects, stream, info: text.slice(text.lastIndexOf('trailer')) };
}

interface Reader {
	objects: ReadonlyMap<number, string>;
	stream: (id: number) => string;
}

function refer(object: string | undefined, name: string): number {
	return Number(new RegExp(`/${name} (\\d+) 0 R`).exec(object ?? '')?.[1] ?? 0);
}

function readPage(id: number, { objects, stream }: Reader): PdfPage {
	const page = objects.get(id);
	const [, , width = 0, height = 0] = (/\/MediaBox \[([^\]]*)\]/.exec(page ?? '')?.[1] ?? '')
		.split(' ')
		.map(Number);
	const resources = objects.get(refer(page, 'Resources')) ?? '';
	const fonts = new Map<string, Map<string, string>>();
	for (const [, name = '', font] of resources.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
		const cmap = stream(refer(objects.get(Number(font)), 'ToUnicode'));
		const texts = [...cmap.matchAll(/<([0-9a-f]{4})> <([0-9a-f]+)>/g)].map(
			([, code = '', hex = '']): [string, string] => [
				code,
				Buffer.from(hex, 'hex').swap16().toString('utf16le'),
			],
		);
		fonts.set(name, new Map(texts));
	}
	const content = stream(refer(page, 'Contents'));
	return { width, height, content, texts: readTexts(content, fonts) };
}

const OPERATOR =
	/\/(F\d+) ([\d.]+) Tf|1 0 0 -1 (-?[\d.]+) (-?[\d.]+) Tm|ActualText <([0-9a-f]+)>|(EMC)|(?:<([0-9a-f]*)> Tj|(\[[^\]]*\]) TJ)/g;

function readTexts(content: string, fonts: ReadonlyMap<string, Map<string, string>>): PdfText[] {
	const texts: PdfText[] = [];
	let font: Map<string, string> | undefined;
	let [size, actual] = [0, false];
	let current: PdfText | undefined;
	for (const [, name, scale, x, y, said, end, simple, array] of content.matchAll(OPERATOR)) {
		if (name !== undefined) [font, size] = [fonts.get(name), Number(scale)];
		else if (x !== undefined) {
			current = { x: Number(x), y: Number(y), size, text: '' };
			texts.push(current);
		} else if (said !== undefined && current) {
			current.text += Buffer.from(said, 'hex').swap16().toString('utf16le').replace('\ufeff', '');
			actual = true;
		} else if (end !== undefined) actual = false;
		else if (current && !actual) {
			const hex =
				simple ?? [...(array ?? '').matchAll(/<([0-9a-f]*)>/g)].map(([, h]) => h).join('');
			for (let at = 0; at < hex.length; at += 4)
				current.text += font?.get(hex.slice(at, at + 4)) ?? '';
			if (current.size === 0) current.size = size;
		}
	}
	return texts;
}

/** All text in the order in which it is drawn, one piece a line. */
export function allText({ pages }: PdfDocument): string {
	return pages.flatMap(({ texts }) => texts.map(({ text }) => text)).join('\n');
}
