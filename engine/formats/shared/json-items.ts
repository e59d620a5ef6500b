import { CapError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import { blocksOf, Carry, withoutBom } from './blocks.ts';
import { parseJson } from './exact-json.ts';
import { JsonScanner, type JsonShape } from './json-scanner.ts';

export interface JsonItems {
	shape: JsonShape;
	/** The next elements of the list; the one value for `value`. May be empty. */
	items: JsonValue[];
	/** What they were read from, with what is between them. */
	text: string;
}

/**
 * Reads a JSON document in batches; memory is bounded by its largest element, or by what stands around
 * the list. The scanner finds the elements by counting brackets and `JSON.parse` reads many of them at
 * a time. (A tokenising parser builds every value in JavaScript: stream-json took five times as long.)
 * What lies around the list is parsed too, at the end, so nothing malformed gets through.
 * @throws CapError RESULT_INVALID, RESULT_TOO_LARGE
 */
export async function* readJsonItems(source: AsyncIterable<Uint8Array>): AsyncGenerator<JsonItems> {
	const scanner = new JsonScanner();
	const list = new Carry();
	const around = new Carry();
	let count = 0;

	const elements = (part: 'more' | 'last'): JsonItems => {
		const text = list.take();
		const { shape } = scanner;
		if (part === 'last' && count === 0 && text.trim() === '') return { shape, items: [], text };
		const items = parse(`[${text}]`, scanner.shape, count) as JsonValue[];
		// `[1,]` and `[,1]`: nothing between two commas
		if (items.length === 0) throw malformed(scanner.shape, count);
		count += items.length;
		return { shape, items, text };
	};

	for await (const block of withoutBom(blocksOf(source))) {
		const { listStart, lastComma, listEnd } = scanner.scan(block);
		const from = listStart < 0 ? 0 : listStart;
		if (listStart >= 0) {
			around.add(block.subarray(0, listStart - 1));
			around.add(EMPTY_LIST);
		}
		if (listEnd >= 0) {
			list.add(block.subarray(from, listEnd));
			around.add(block.subarray(listEnd + 1));
			yield elements('last');
		} else if (scanner.mode !== 'list') {
			around.add(block);
		} else if (lastComma >= 0) {
			list.add(block.subarray(from, lastComma));
			const items = elements('more');
			list.add(block.subarray(lastComma + 1));
			yield items;
		} else {
			list.add(block.subarray(from));
		}
	}
	if (scanner.mode === 'list') throw malformed(scanner.shape, count);
	// around an array nothing is left but the empty list
	const text = around.take();
	const value = parse(text, scanner.shape, count);
	if (scanner.shape === 'value') yield { shape: 'value', items: [value], text };
}

const EMPTY_LIST = Buffer.from('[]');

function parse(text: string, shape: JsonShape, count: number): JsonValue {
	try {
		return parseJson(text);
	} catch (cause) {
		// the parser's own words quote the data, which is not for logs and messages
		if (cause instanceof SyntaxError) throw malformed(shape, count);
		throw cause;
	}
}

function malformed(shape: JsonShape, count: number): CapError {
	const place = shape === 'value' ? '' : `, after element ${count}`;
	return new CapError('RESULT_INVALID', `result${place}: expected valid JSON`);
}
