import { z } from 'zod';

import type { Format } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { demandRows } from '../shared/suitable.ts';

const ndjsonOptionsSchema = z.strictObject({});

/** Rows as newline-delimited JSON: one object a line, each line ended by a newline. */
export function createNdjsonFormat(): Format {
	return {
		name: 'ndjson',
		title: 'NDJSON',
		contentType: 'application/x-ndjson',
		extension: 'ndjson',
		abilities: { rows: true, binary: false, tables: 'untouched' },
		limits: {},
		options: ndjsonOptionsSchema,
		async *render(input) {
			demandRows(input, 'ndjson');
			yield* encodeText(input.rows(), { each: (row) => `${JSON.stringify(row)}\n` });
		},
	};
}
