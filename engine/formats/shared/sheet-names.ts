/** Excel's rules for the names of sheets, which LibreOffice's are a part of. */
const MAX_LENGTH = 31;
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[[\]:*?/\\\u0000-\u001f\ud800-\udfff\ufffe\uffff]/gu;

/**
 * Names that no spreadsheet refuses: at most 31 characters, no brackets or slashes, each once whatever its
 * case. One that is taken gets a number: `Sales (2)`.
 */
export class SheetNames {
	readonly #taken = new Set(['history']);

	/** @param part from 2 on for the parts of a table that did not fit into one sheet */
	next(wish: string, part = 1): string {
		const base = wish
			.replace(FORBIDDEN, ' ')
			.replace(/\s+/g, ' ')
			.replace(/^[' ]+|[' ]+$/g, '');
		for (let number = part; ; number++) {
			const name = numbered(base === '' ? 'Sheet' : base, number);
			const key = name.toLowerCase();
			if (this.#taken.has(key)) continue;
			this.#taken.add(key);
			return name;
		}
	}
}

function numbered(base: string, number: number): string {
	const suffix = number === 1 ? '' : ` (${number})`;
	let head = base.slice(0, MAX_LENGTH - suffix.length);
	// not half a character at the end
	if (!head.isWellFormed()) head = head.slice(0, -1);
	return head.replace(/[' ]+$/, '') + suffix;
}

const columnNames: string[] = [];

/** `A` for 0, `Z` for 25, `AA` for 26. */
export function columnName(index: number): string {
	const known = columnNames[index];
	if (known !== undefined) return known;
	const last = String.fromCharCode(65 + (index % 26));
	const name = index < 26 ? last : columnName(Math.floor(index / 26) - 1) + last;
	columnNames[index] = name;
	return name;
}
