import { z } from 'zod';

import type { Row } from '../../contract/envelope.ts';
import type { Format } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { changesRows, needForJson, rowProjector } from '../shared/json-rows.ts';
import { isArchive, tableFiles, ZIP } from '../shared/table-files.ts';
import { columnOptions } from '../shared/table-options.ts';

const ndjsonOptionsSchema = z.strictObject(columnOptions);

const TYPE = { contentType: 'application/x-ndjson', extension: 'ndjson' } as const;

/** Rows as newline-delimited JSON: one object a line, each line ended by a newline. */
export function createNdjsonFormat(): Format {
	return {
		name: 'ndjson',
		title: 'NDJSON',
		...TYPE,
		abilities: { rows: true, binary: false, tables: 'zip' },
		limits: {},
		options: ndjsonOptionsSchema,
		describe: (input, given) => (isArchive(input, ndjsonOptionsSchema.parse(given)) ? ZIP : TYPE),
		render(input, given) {
			const options = ndjsonOptionsSchema.parse(given);
			const changes = changesRows(options);
			return tableFiles(input, options, {
				format: 'ndjson',
				need: changes ? needForJson(options) : 'nothing',
				extension: TYPE.extension,
				render(table) {
					const project = changes ? rowProjector(table, options) : (row: Row): object => row;
					return encodeText(table.rows(), { each: (row) => `${JSON.stringify(project(row))}\n` });
				},
			});
		},
	};
}
