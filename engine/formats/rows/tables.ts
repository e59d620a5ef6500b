import { uniqueNames } from '../../contract/column-names.ts';
import type { FindTables, ResultTable } from '../format.port.ts';
import { readJson } from './json.ts';
import { TableFinder } from './table-finder.ts';

const NO_MARK = 0;
const MARK = 3;

/**
 * The result sets of a JSON result that is made of them; see `TableFinder` for the two forms. Most results
 * are known to be none by their first bytes. The rows of each are read from where they stand.
 */
export const findTables: FindTables = async (stored) => {
	if (stored.encoding !== 'json') return undefined;
	const finder = new TableFinder();
	let skipped: number | undefined;
	for await (const chunk of stored.open()) {
		if (chunk.length === 0) continue;
		const isFirst = skipped === undefined;
		// a byte order mark comes whole or not at all: no store cuts so small
		skipped ??= chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? MARK : NO_MARK;
		finder.scan(isFirst ? chunk.subarray(skipped) : chunk);
		if (finder.failed) return undefined;
	}
	const found = finder.end();
	if (found === undefined) return undefined;
	const names = uniqueNames(found.map(({ name }) => name));
	const before = skipped ?? NO_MARK;
	return found.map(({ start, end, columns }, index): ResultTable => {
		const range = { start: before + start, end: before + end - 1 };
		return { name: names[index]!, columns, rows: () => readJson(stored.open(range)) };
	});
};
