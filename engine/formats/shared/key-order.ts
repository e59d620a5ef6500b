import { isReordered } from '../../contract/envelope.ts';
import type { Row } from '../../contract/envelope.ts';

/*
 * JavaScript lists keys that are whole numbers before all others, in their own order: of
 * `{"region":"EU","2026":1,"2025":2}` it says 2025, 2026, region. Columns go by the order in which keys come,
 * so where such keys are, the text that the rows were read from is asked.
 */

/** By the rows as they are handed out. */
const TEXTS = new WeakMap<readonly Row[], string>();

/** @param text of the rows: JSON objects with anything between them */
export function keepOrder(rows: readonly Row[], text: string): readonly Row[] {
	if (rows.some(isReordered)) TEXTS.set(rows, text);
	return rows;
}

/** The keys of these rows in the order in which they come; undefined where the rows themselves say it. */
export function keysInOrder(rows: readonly Row[]): Iterable<string> | undefined {
	const text = TEXTS.get(rows);
	return text === undefined ? undefined : keysIn(text);
}

/** The keys of the outermost objects. The text has been parsed: it is valid. */
function keysIn(text: string): Set<string> {
	const keys = new Set<string>();
	let depth = 0;
	let inObject = false;
	let awaitsKey = false;
	for (let at = 0; at < text.length; at++) {
		switch (text[at]) {
			case '"': {
				const end = endOfString(text, at);
				if (awaitsKey && depth === 1) keys.add(JSON.parse(text.slice(at, end + 1)) as string);
				awaitsKey = false;
				at = end;
				break;
			}
			case '{':
			case '[':
				depth += 1;
				if (depth === 1) inObject = awaitsKey = text[at] === '{';
				break;
			case '}':
			case ']':
				depth -= 1;
				break;
			case ',':
				if (depth === 1) awaitsKey = inObject;
				break;
			default:
		}
	}
	return keys;
}

function endOfString(text: string, start: number): number {
	let at = start + 1;
	while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
	return at;
}
