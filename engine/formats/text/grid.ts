import type { Row } from '../../contract/envelope.ts';
import type { Align, Table } from '../shared/table.ts';
import type { TextOptions } from '../shared/table-options.ts';
import { textWriter } from '../shared/text-writer.ts';
import { LINE_BREAK, visibleText } from '../shared/visible.ts';
import { widthOf, wrap } from './width.ts';

export interface Grid {
	head: string;
	row: (row: Row, index: number) => string;
	bottom: string;
}

interface Border {
	left: string;
	between: string;
	right: string;
	/** Rules: what they are drawn with, and their crossings. */
	rule: { line: string; left: string; cross: string; right: string } | undefined;
	top: { left: string; cross: string; right: string } | undefined;
	bottom: { left: string; cross: string; right: string } | undefined;
}

const BORDERS: Readonly<Record<'lines' | 'box' | 'none', Border>> = {
	none: { left: '', between: '  ', right: '', rule: undefined, top: undefined, bottom: undefined },
	lines: {
		left: '',
		between: ' | ',
		right: '',
		rule: { line: '-', left: '', cross: '-+-', right: '' },
		top: undefined,
		bottom: undefined,
	},
	box: {
		left: '│ ',
		between: ' │ ',
		right: ' │',
		rule: { line: '─', left: '├─', cross: '─┼─', right: '─┤' },
		top: { left: '┌─', cross: '─┬─', right: '─┐' },
		bottom: { left: '└─', cross: '─┴─', right: '─┘' },
	},
};

interface Options extends TextOptions {
	border: keyof typeof BORDERS;
	maxWidth: number;
	numbers: boolean;
}

interface GridColumn {
	align: Align;
	head: string[];
	/** The lines of a cell; `index` counts rows from 0. */
	cell: (row: Row, index: number) => string[];
	width: number;
}

/** Reads all rows once to know how wide each column is, and tells how to draw the table. */
export async function layOut(
	table: Table,
	about: { options: Options; scheduleZone: string },
): Promise<Grid> {
	const { maxWidth } = about.options;
	const columns = columnsOf(table, about);
	let index = 0;
	for await (const batch of table.rows()) {
		for (const row of batch) {
			for (const column of columns) {
				if (column.width < maxWidth) {
					column.width = Math.max(column.width, ...column.cell(row, index).map(widthOf));
				}
			}
			index += 1;
		}
	}
	for (const column of columns) column.width = Math.min(column.width, maxWidth);
	return gridOf(columns, BORDERS[about.options.border]);
}

function columnsOf(
	table: Table,
	{ options, scheduleZone }: { options: Options; scheduleZone: string },
): GridColumn[] {
	const columns = table.columns.map((column): GridColumn => {
		const write = textWriter(column, options, { scheduleZone });
		const head = linesOf(column.label);
		return {
			align: column.align,
			head,
			cell: (row) => linesOf(write(column.read(row))),
			width: Math.max(1, ...head.map(widthOf)),
		};
	});
	if (!options.numbers) return columns;
	const cell = (_row: Row, index: number): string[] => [String(index + 1)];
	return [{ align: 'right', head: ['#'], cell, width: 1 }, ...columns];
}

function gridOf(columns: readonly GridColumn[], border: Border): Grid {
	if (columns.length === 0) return { head: '', row: () => '', bottom: '' };
	const widths = columns.map(({ width }) => width);
	const draw = (cells: readonly string[][]): string =>
		drawRow(cells, { border, widths, aligns: columns.map(({ align }) => align) });
	return {
		head:
			ruleOf(border.top, border, widths) +
			draw(columns.map(({ head }) => head)) +
			ruleOf(border.rule, border, widths),
		row: (row, index) => draw(columns.map(({ cell }) => cell(row, index))),
		bottom: ruleOf(border.bottom, border, widths),
	};
}

function linesOf(text: string): string[] {
	if (!/[^\u0020-\u007e]/.test(text)) return [text];
	return text.split(LINE_BREAK).map((line) => visibleText(line.replaceAll('\t', '    ')));
}

function ruleOf(
	ends: { left: string; cross: string; right: string } | undefined,
	{ rule }: Border,
	widths: readonly number[],
): string {
	if (ends === undefined || rule === undefined) return '';
	const lines = widths.map((width) => rule.line.repeat(width));
	return `${ends.left}${lines.join(ends.cross)}${ends.right}\n`;
}

function drawRow(
	cells: readonly string[][],
	{
		border,
		widths,
		aligns,
	}: { border: Border; widths: readonly number[]; aligns: readonly Align[] },
): string {
	const wrapped = cells.map((lines, at) => lines.flatMap((line) => wrap(line, widths[at]!)));
	const height = Math.max(1, ...wrapped.map(({ length }) => length));
	let text = '';
	for (let line = 0; line < height; line++) {
		const parts = wrapped.map((lines, at) => pad(lines[line] ?? '', widths[at]!, aligns[at]!));
		text += `${border.left}${parts.join(border.between)}${border.right}`.trimEnd() + '\n';
	}
	return text;
}

function pad(text: string, width: number, align: Align): string {
	const missing = width - widthOf(text);
	if (missing <= 0) return text;
	if (align === 'left') return text + ' '.repeat(missing);
	const left = align === 'right' ? missing : Math.floor(missing / 2);
	return ' '.repeat(left) + text + ' '.repeat(missing - left);
}
