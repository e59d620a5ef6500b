import type { Row } from '../../contract/envelope.ts';
import type { JsonObject, JsonValue } from '../../contract/json.ts';
import { cellText } from '../shared/cell-text.ts';
import type { Cell } from '../shared/columns.ts';
import { exactNumber } from '../shared/exact-json.ts';
import type { TableColumn } from '../shared/table.ts';
import { XmlEscaper, xmlName } from './escape.ts';

export interface ElementOptions {
	item: string;
	pretty: boolean;
	/** Whether objects and lists become elements; JSON otherwise. */
	elements: boolean;
}

/** One element's name and attributes, written once and used for every row. */
interface Tag {
	open: string;
	close: string;
}

/** Writes cells as elements. Null is no element: an empty text is one without content. */
export class ElementWriter {
	readonly escape = new XmlEscaper();
	readonly #options: ElementOptions;
	readonly #item: Tag;

	constructor(options: ElementOptions) {
		this.#options = options;
		this.#item = { open: `<${options.item}>`, close: `</${options.item}>` };
	}

	/** @param write the text of a cell of that column */
	row(
		columns: readonly { column: TableColumn; write: (value: Cell) => string }[],
		level: number,
	): (row: Row) => string {
		const tags = this.#tags(columns.map(({ column }) => column.key));
		return (row) => {
			let text = '';
			for (let at = 0; at < columns.length; at++) {
				const { column, write } = columns[at]!;
				const value = column.read(row);
				if (value == null) continue;
				text += this.#isNested(value)
					? this.#nested(tags[at]!, value, level)
					: this.#line(tags[at]!, this.escape.text(write(value)), level);
			}
			return text;
		};
	}

	/** An element around others, which begin and end their lines themselves. */
	around(tag: Tag, content: string, level: number): string {
		const { pretty } = this.#options;
		const indent = pretty ? '  '.repeat(level) : '';
		const line = pretty && content !== '' ? '\n' : '';
		return `${indent}${tag.open}${line}${content}${line === '' ? '' : indent}${tag.close}${pretty ? '\n' : ''}`;
	}

	/** The key stands in an attribute where it is no name of an element, or not the only such. */
	#tags(keys: readonly string[]): Tag[] {
		const taken = new Set(keys.filter((key) => xmlName(key) === key));
		return keys.map((key) => {
			const base = xmlName(key);
			let name = base;
			for (let n = 2; name !== key && taken.has(name); n++) name = `${base}_${n}`;
			taken.add(name);
			const attribute = name === key ? '' : ` name="${this.escape.attribute(key)}"`;
			return { open: `<${name}${attribute}>`, close: `</${name}>` };
		});
	}

	#line({ open, close }: Tag, content: string, level: number): string {
		const { pretty } = this.#options;
		return pretty ? `${'  '.repeat(level)}${open}${content}${close}\n` : open + content + close;
	}

	#isNested(value: JsonValue): value is JsonObject | JsonValue[] {
		return (
			this.#options.elements &&
			typeof value === 'object' &&
			value !== null &&
			exactNumber(value) === undefined
		);
	}

	#nested(tag: Tag, value: JsonObject | JsonValue[], level: number): string {
		const isList = Array.isArray(value);
		const items = isList ? value : Object.values(value);
		const tags = isList ? undefined : this.#tags(Object.keys(value));
		let content = '';
		for (const [at, item] of items.entries()) {
			const inner = tags?.[at] ?? this.#item;
			if (item === null) content += isList ? this.#line(inner, '', level + 1) : '';
			else if (this.#isNested(item)) content += this.#nested(inner, item, level + 1);
			else content += this.#line(inner, this.escape.text(cellText(item)), level + 1);
		}
		return this.around(tag, content, level);
	}
}
