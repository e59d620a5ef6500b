import type { CellValue } from './values.ts';

/** An escape, of half a character or of anything else. */
const ESCAPE = /\\(?:u(d[89a-f][0-9a-f]{2})|[^])/g;

/**
 * JSON for readers of typed columns. `JSON.stringify` writes half of a character (a lone surrogate) as
 * `\ud800`, which some readers refuse, and the whole file with it: it becomes U+FFFD, as it does in texts.
 */
export function jsonText(value: CellValue): string {
	const text = JSON.stringify(value);
	if (!text.includes('\\ud')) return text;
	return text.replace(ESCAPE, (escape, half: string | undefined) =>
		half === undefined ? escape : '\ufffd',
	);
}
