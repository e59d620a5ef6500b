import type { FormatNotice, NoticeCode } from '../../contract/result.ts';

/** What a spreadsheet does not show as it came, gathered while it is written. */
export class SheetNotes {
	readonly #notices = new Map<string, FormatNotice>();

	/** Counts one more of the kind in that table and column. */
	add(notice: Omit<FormatNotice, 'count'> & { count?: number }): void {
		const { table = '', count = 1, ...rest } = notice;
		const key = JSON.stringify([rest.code, table, rest.column ?? '']);
		const known = this.#notices.get(key);
		if (known) known.count += count;
		else this.#notices.set(key, { ...rest, ...(table === '' ? {} : { table }), count });
	}

	get all(): readonly FormatNotice[] {
		return [...this.#notices.values()];
	}

	/** Those that the file itself has to tell: parts of a table are there to be seen. */
	get lines(): readonly string[] {
		return this.all.filter(({ code }) => TOLD.has(code)).map(sentence);
	}
}

const TOLD: ReadonlySet<NoticeCode> = new Set([
	'rows_truncated',
	'cells_truncated',
	'values_changed',
]);

function sentence({ message, table, column, count }: FormatNotice): string {
	const place = [
		...(table === undefined || table === '' ? [] : [`table ${table}`]),
		...(column === undefined ? [] : [`column ${column}`]),
	];
	return `${place.length === 0 ? '' : `${place.join(', ')}: `}${message} (${count})`;
}
