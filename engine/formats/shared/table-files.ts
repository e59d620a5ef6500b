import type { FormatInput } from '../format.port.ts';
import { chosenTables, openTables, type Table, type TableDemand } from './table.ts';
import type { ColumnOptions } from './table-options.ts';
import { zip, type ZipEntry } from './zip.ts';

export const ZIP = { contentType: 'application/zip', extension: 'zip' } as const;

/** Whether the result becomes an archive: each of several tables is a file of a format that holds one. */
export function isArchive(
	input: Pick<FormatInput, 'tables'>,
	options: Pick<ColumnOptions, 'tables'>,
): boolean {
	return (options.tables ?? input.tables ?? []).length > 1;
}

/**
 * For formats whose files hold one table: that one, or an archive with a file for each of several.
 * `describe` says ZIP where `isArchive` does.
 */
export async function* tableFiles(
	input: FormatInput,
	options: ColumnOptions,
	about: TableDemand & {
		extension: string;
		render: (table: Table) => AsyncIterable<Uint8Array>;
		/** Default `deflate`; `store` for files that are compressed already. */
		method?: ZipEntry['method'];
	},
): AsyncGenerator<Uint8Array> {
	if (!isArchive(input, options)) {
		const [table] = await openTables(input, options, about);
		yield* about.render(table!);
		return;
	}
	const names = chosenTables(input, options).map(({ name }) => name);
	const files = fileNames(names, about.extension);
	const entries = names.map((name, index): ZipEntry => ({
		name: files[index]!,
		...(about.method === undefined ? {} : { method: about.method }),
		async *content() {
			// one after the other: what is known of one table's columns is gone when the next begins
			const [table] = await openTables(input, { ...options, tables: [name] }, about);
			yield* about.render(table!);
		},
	}));
	yield* zip(entries, { modifiedAt: Date.parse(input.meta.resultAt) });
}

/** What no file system minds, and each of them once, also where letters' case counts nothing. */
export function fileNames(names: readonly string[], extension: string): string[] {
	const used = new Set<string>();
	return names.map((name) => {
		const base =
			name
				.normalize('NFC')
				.replace(/[\p{C}\p{Zl}\p{Zp}<>:"/\\|?*]/gu, '_')
				.replace(/^[. ]+|[. ]+$/g, '')
				.slice(0, 100)
				.trim() || 'table';
		let file = `${base}.${extension}`;
		for (let n = 2; used.has(file.toLowerCase()); n++) file = `${base}-${n}.${extension}`;
		used.add(file.toLowerCase());
		return file;
	});
}
