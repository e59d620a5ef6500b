import type { Row } from '../../contract/envelope.ts';
import type { FormatInput } from '../format.port.ts';

/** Enough to know that there are many, and no more: keys of a row may be data. */
const MOST_COUNTED = 1000;

/**
 * Keys of rows that neither the declared columns nor a closed schema name. A file leaves them out; how many
 * they are is told, not what they are called: nobody declared them, so they may be anything.
 */
export class Undeclared {
	readonly #known: ReadonlySet<string>;
	readonly #found = new Set<string>();
	#told = false;

	/** @param known the declared keys, and those that the user left out by the options */
	constructor(known: Iterable<string>) {
		this.#known = new Set(known);
	}

	look(rows: readonly Row[]): void {
		for (const row of rows) {
			for (const name in row) if (!this.#known.has(name)) this.#add(name);
		}
	}

	/** Once, after all rows were seen. */
	tell(input: Pick<FormatInput, 'notice'>, table: string): void {
		const count = this.#found.size;
		if (count === 0 || this.#told) return;
		this.#told = true;
		const many =
			count === MOST_COUNTED ? `${count} keys or more` : count === 1 ? '1 key' : `${count} keys`;
		input.notice?.({
			code: 'columns_undeclared',
			message: `${many} of rows that the declared columns do not name are left out.`,
			...(table === '' ? {} : { table }),
			count,
		});
	}

	/** The rows as they come, looked at on their way. */
	async *watched(
		batches: AsyncIterable<readonly Row[]>,
		tell: () => void,
	): AsyncGenerator<readonly Row[]> {
		for await (const batch of batches) {
			this.look(batch);
			yield batch;
		}
		tell();
	}

	#add(name: string): void {
		if (this.#found.size < MOST_COUNTED) this.#found.add(name);
	}
}
