/**
 * A plug-in of CapScheduler: the format `fixed-width`, a line a row and every column as wide as the options
 * say. Banks and mainframes still ask for it.
 *
 * @type {import('capscheduler').PluginFactory}
 */
export default function fixedWidth({ z, formats }) {
	const { columnOptions, cutText, encodeText, refuseBeyond } = formats;
	const { limitOption, tableFiles, textOptions, textWriter, isArchive, ZIP } = formats;

	const options = z.strictObject({
		width: z.number().int().min(1).max(1000).default(20).describe('Characters of every column'),
		widths: z
			.record(z.string(), z.number().int().min(1).max(1000))
			.default({})
			.describe('Characters of single columns, by name'),
		onLimit: limitOption(['error', 'truncate'], 'error'),
		...columnOptions,
		...textOptions,
	});
	const file = { contentType: 'text/plain; charset=utf-8', extension: 'txt' };

	/** Breaks of lines would make rows of a cell. */
	const oneLine = (text) => text.replace(/[\r\n\v\f\u0085\u2028\u2029]+/g, ' ').toWellFormed();

	async function* lines(table, { parsed, input }) {
		const cut = new Map();
		const cells = table.columns.map((column) => {
			const width = Object.hasOwn(parsed.widths, column.name)
				? parsed.widths[column.name]
				: parsed.width;
			const write = textWriter(column, parsed, { scheduleZone: input.meta.timeZone });
			return (row) => {
				const text = oneLine(write(column.read(row)));
				if (text.length <= width) {
					return column.align === 'right' ? text.padStart(width) : text.padEnd(width);
				}
				if (parsed.onLimit === 'error') {
					refuseBeyond('fixed-width', {
						what: `characters in column ${column.name}`,
						limit: width,
					});
				}
				cut.set(column.name, (cut.get(column.name) ?? 0) + 1);
				return cutText(text, width).padEnd(width);
			};
		});
		yield* encodeText(table.rows(), {
			each: (row) => `${cells.map((cell) => cell(row)).join('')}\n`,
		});
		for (const [column, count] of cut) {
			input.notice?.({
				code: 'cells_truncated',
				message: 'Texts longer than their column were cut.',
				column,
				count,
			});
		}
	}

	return {
		name: 'capscheduler-fixed-width',
		formats: [
			{
				name: 'fixed-width',
				title: 'Fixed width',
				...file,
				abilities: { rows: true, binary: false, tables: 'zip' },
				limits: {},
				options,
				describe: (input, given) => (isArchive(input, options.parse(given)) ? ZIP : file),
				render(input, given) {
					const parsed = options.parse(given);
					return tableFiles(input, parsed, {
						format: 'fixed-width',
						// numbers stand right, so their columns have to be known
						need: 'types',
						extension: file.extension,
						render: (table) => lines(table, { parsed, input }),
					});
				},
			},
		],
	};
}
