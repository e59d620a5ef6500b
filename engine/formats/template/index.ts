import type { Row } from '../../contract/envelope.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { isArchive, tableFiles, ZIP } from '../shared/table-files.ts';
import { openTables, type Table, type TableDemand } from '../shared/table.ts';
import { needForText, textWriter } from '../shared/text-writer.ts';
import { compileTemplate, type Part, type Template } from './compile.ts';
import { ESCAPES } from './escapes.ts';
import { templateOptionsSchema, type TemplateOptions } from './options.ts';
import { Renderer, scopeOf, type Scope } from './render.ts';

/** A file of the user's own form, by a mustache template without logic: rows stream through it. */
export function createTemplateFormat(): Format {
	return {
		name: 'template',
		title: 'Template',
		contentType: 'text/plain; charset=utf-8',
		extension: 'txt',
		abilities: { rows: true, binary: false, tables: 'zip' },
		limits: {},
		options: templateOptionsSchema,
		describe(input, given) {
			const options = templateOptionsSchema.parse(given);
			const { hasTables } = compileTemplate(options.template);
			return isArchive(input, options) && !hasTables ? ZIP : options;
		},
		render: (input, given) => render(input, templateOptionsSchema.parse(given)),
	};
}

function render(input: FormatInput, options: TemplateOptions): AsyncGenerator<Uint8Array> {
	const template = compileTemplate(options.template);
	const demand: TableDemand = { format: 'template', need: needForText(options) };
	const file = (tables: readonly Table[]) =>
		new TemplateFile({ input, options, template, tables }).bytes();
	if (!template.hasTables) {
		return tableFiles(input, options, {
			...demand,
			extension: options.extension,
			render: (table) => file([table]),
		});
	}
	return (async function* () {
		yield* file(await openTables(input, options, demand));
	})();
}

interface Parts {
	input: FormatInput;
	options: TemplateOptions;
	template: Template;
	tables: readonly Table[];
}

/** One file: the frame at once, the rows one after the other. */
class TemplateFile {
	readonly #parts: Parts;
	readonly #renderer: Renderer;

	constructor(parts: Parts) {
		this.#parts = parts;
		this.#renderer = new Renderer(ESCAPES[parts.options.escape]);
	}

	async *bytes(): AsyncGenerator<Uint8Array> {
		const { template, tables, input } = this.#parts;
		const report = scopeOf(input.meta as unknown as JsonObject);
		for (const part of template.parts) {
			if (part.kind === 'section' && part.name === 'tables' && !part.inverted) {
				for (const table of tables) yield* this.#table(part.parts, table, report);
			} else {
				yield* this.#table([part], tables[0]!, report);
			}
		}
	}

	/** Parts that are about one table. */
	async *#table(parts: readonly Part[], table: Table, report: Scope): AsyncGenerator<Uint8Array> {
		const scopes = [report, await this.#tableScope(table)];
		for (const part of parts) {
			if (part.kind !== 'section' || part.name !== 'rows') {
				yield Buffer.from(this.#renderer.text([part], scopes), 'utf8');
			} else if (!part.inverted) {
				yield* this.#rows(part.parts, table, scopes);
			} else if (!(await hasRows(table))) {
				yield Buffer.from(this.#renderer.text(part.parts, scopes), 'utf8');
			}
		}
	}

	#rows(
		parts: readonly Part[],
		table: Table,
		scopes: readonly Scope[],
	): AsyncGenerator<Uint8Array> {
		const { options, input } = this.#parts;
		const scheduleZone = input.meta.timeZone;
		const columns = new Map(
			table.columns.map((column) => [
				column.name,
				{ read: column.read, write: textWriter(column, options, { scheduleZone }) },
			]),
		);
		return encodeText(withLast(table.rows()), {
			each: ({ row, isLast }, index) => {
				const scope: Scope = (name) => {
					if (name === '@index') return { value: index + 1 };
					if (name === '@first') return { value: index === 0 };
					if (name === '@last') return { value: isLast };
					const column = columns.get(name);
					if (column === undefined) return undefined;
					const value = column.read(row);
					return { value, text: column.write(value) };
				};
				return this.#renderer.text(parts, [...scopes, scope]);
			},
		});
	}

	async #tableScope(table: Table): Promise<Scope> {
		const { template } = this.#parts;
		const counts = template.names.has('rowCount');
		const rowCount = counts ? (table.rowCount ?? (await countRows(table))) : 0;
		const columns = table.columns.map(({ name, label }, index) => ({
			name,
			label,
			first: index === 0,
			last: index === table.columns.length - 1,
		}));
		return scopeOf({ table: table.name, rowCount, columns });
	}
}

async function hasRows(table: Table): Promise<boolean> {
	for await (const batch of table.rows()) if (batch.length > 0) return true;
	return false;
}

async function countRows(table: Table): Promise<number> {
	let count = 0;
	for await (const batch of table.rows()) count += batch.length;
	return count;
}

/** Each row with whether another follows: between rows stands what `{{^@last}},{{/@last}}` says. */
async function* withLast(
	batches: AsyncIterable<readonly Row[]>,
): AsyncGenerator<{ row: Row; isLast: boolean }[]> {
	let before: Row | undefined;
	for await (const batch of batches) {
		const known: { row: Row; isLast: boolean }[] = [];
		for (const row of batch) {
			if (before !== undefined) known.push({ row: before, isLast: false });
			before = row;
		}
		yield known;
	}
	if (before !== undefined) yield [{ row: before, isLast: true }];
}
