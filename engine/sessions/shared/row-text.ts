/** Rows are passed on in pieces of about this many characters. */
export const BATCH = 64 * 1024;

/** Column names as keys of a JSON object: a second `total` becomes `total_2`. */
export function uniqueNames(names: readonly string[]): string[] {
	const seen = new Set<string>();
	return names.map((name) => {
		let unique = name;
		for (let n = 2; seen.has(unique); n++) unique = `${name}_${n}`;
		seen.add(unique);
		return unique;
	});
}

/** Writes rows as NDJSON from values that are JSON texts already. */
export class RowText {
	/** Rows written so far, those taken included. */
	rows = 0;
	#text = '';
	#starts: string[];

	constructor(names: readonly string[]) {
		this.#starts = names.map((name, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
	}

	/** @returns whether there is enough to take */
	add(values: Iterable<string>): boolean {
		let i = 0;
		for (const value of values) this.#text += (this.#starts[i++] ?? '') + value;
		this.#text += i === 0 ? '{}\n' : '}\n';
		this.rows++;
		return this.#text.length >= BATCH;
	}

	take(): Buffer {
		const bytes = Buffer.from(this.#text);
		this.#text = '';
		return bytes;
	}

	get isEmpty(): boolean {
		return this.#text === '';
	}
}

/** A number as JSON: exact integers beyond 2^53 and what JSON cannot say become text. */
export function numberText(value: number | bigint): string {
	if (typeof value === 'bigint') {
		const safe = value >= -9007199254740991n && value <= 9007199254740991n;
		return safe ? value.toString() : `"${value}"`;
	}
	return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}

export function bytesText(value: Uint8Array): string {
	const { buffer, byteOffset, byteLength } = value;
	return `"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`;
}
