import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Families in the order in which they are asked for a character. Those that the engine does not bring
 * are used where the operator has installed their package.
 */
const FAMILIES = [
	'noto-sans',
	'noto-sans-hebrew',
	'noto-sans-arabic',
	'noto-sans-sc',
	'noto-sans-kr',
	'noto-emoji',
	'noto-sans-jp',
	'noto-sans-tc',
	'noto-sans-thai',
	'noto-sans-devanagari',
	'noto-sans-bengali',
	'noto-sans-tamil',
	'noto-sans-telugu',
	'noto-sans-georgian',
	'noto-sans-armenian',
	'noto-sans-ethiopic',
	'noto-sans-symbols',
] as const;

/** A language whose writing shares characters with another one asks its own family first. */
const FIRST_FOR: Readonly<Record<string, string>> = {
	ja: 'noto-sans-jp',
	ko: 'noto-sans-kr',
	'zh-tw': 'noto-sans-tc',
	'zh-hk': 'noto-sans-tc',
};
export const EMOJI = 'noto-emoji';

/** One file of a family: the characters that it holds, sorted. */
export interface FontSlice {
	family: string;
	name: string;
	has(codePoint: number): boolean;
	/** The WOFF2 file. */
	read(): Buffer;
}

const require = createRequire(import.meta.url);
let known: readonly FontSlice[] | undefined;

/** Every installed slice in the order in which they are asked. Read once in the life of the process. */
export function fontSlices(language: string): readonly FontSlice[] {
	known ??= FAMILIES.flatMap(slicesOf);
	const tag = language.toLowerCase();
	const first = FIRST_FOR[tag] ?? FIRST_FOR[tag.slice(0, 2)];
	if (first === undefined) return known;
	const rank = ({ family }: FontSlice): number =>
		family === FAMILIES[0] ? 0 : family === first ? 1 : 2;
	return known.toSorted((a, b) => rank(a) - rank(b));
}

function slicesOf(family: string): FontSlice[] {
	let ranges: Record<string, string>;
	const folder = `@fontsource-variable/${family}`;
	try {
		ranges = require(`${folder}/unicode.json`) as typeof ranges;
	} catch {
		// not installed: its characters are drawn as boxes, and the document says so
		return [];
	}
	return Object.entries(ranges).map(([subset, text]) => {
		const part = subset.replace(/[[\]]/g, '');
		const name = `${family}-${part}`;
		return {
			...{ family, name, has: rangeTest(text) },
			read: () => readFileSync(require.resolve(`${folder}/files/${name}-wght-normal.woff2`)),
		};
	});
}

/** `U+41-5a,U+e9` as a test. */
function rangeTest(text: string): (codePoint: number) => boolean {
	const bounds = text.split(',').map((range) => {
		const [from = '', to = from] = range.trim().slice(2).split('-');
		return [Number.parseInt(from, 16), Number.parseInt(to, 16)] as const;
	});
	bounds.sort((a, b) => a[0] - b[0]);
	return (codePoint) => {
		let [low, high] = [0, bounds.length - 1];
		while (low <= high) {
			const middle = (low + high) >> 1;
			const [from, to] = bounds[middle]!;
			if (codePoint < from) high = middle - 1;
			else if (codePoint > to) low = middle + 1;
			else return true;
		}
		return false;
	};
}
